# All that is recorded about pipelines survives pg_dump and restore: definitions, history, schedules' settings, models,
# ledgers, positions. What is restored runs on. DROP EXTENSION takes only its own.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use Cluster;
use Retail;
use Stack;
use Test::More;
use Weather;

my $cluster = Cluster->new;
my $stack   = Stack->new('medallion_dump', extensions => ['medallion']);
my $copied  = 'test_medallion_copy';
my $tables  = <<'SQL';
SELECT c.oid::regclass FROM pg_class c
 WHERE c.relkind = 'r' AND c.relnamespace::regnamespace::text IN ('medallion', 'silver', 'gold', 'weather', 'public') ORDER BY 1
SQL

# Every table's rows
sub contents
{
	my ($session, $of) = @_;

	return {map { ($_ => $session->sql("SELECT coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '') FROM $_ t")) }
		  grep { !$of || /$of/ } split /\n/, $session->sql($tables)};
}

sub run
{
	my ($session, $pipeline) = @_;

	return $session->sql("SET medallion.progress = off; CALL medallion.run('$pipeline')", 120);
}

my $retail  = Retail->new('medallion_dump', $stack, orders => 50);
my $weather = Weather->new('medallion_dump', $stack);

$stack->sql(<<'SQL');
CREATE TABLE made (id int);
SELECT medallion.create_pipeline('p', 'with "quotes", ''and'' $signs$');
SELECT medallion.add_step('p', 'work', $$INSERT INTO public.made VALUES (1); SELECT medallion.report('made', 1)$$,
	fingerprint => $$SELECT 'v1'$$, retries => 3, backoff => 1.5, timeout => '1 hour');
SELECT medallion.add_step('p', 'next', $$SELECT 1$$, depends_on => '{work}');
SELECT medallion.add_endpoint('p', 'somewhere', 'mysql');
INSERT INTO medallion.max_age VALUES ('p', '25 hours');	-- schedule() would need pg_cron
SQL
run($stack, 'p') for 1 .. 3;
$retail->install;
run($stack, 'retail');
$stack->kafka_server('kafka', {});
$stack->sql($weather->install_sql);
$weather->flood(300);
run($stack, 'weather');

my $before = contents($stack);
for my $table (qw(pipeline step run step_run step_log endpoint max_age model model_reference source object publication weather_topic weather_position raw_object))
{
	isnt($before->{"medallion.$table"}, '', "$table has rows");
}
$stack->sql("CREATE DATABASE $copied");
my $file = "$cluster->{folder}/dump.sql";
is(system("$cluster->{bin}/pg_dump", '-f', $file, $stack->database), 0, 'pg_dump');
is(system("$cluster->{bin}/psql", '-qX', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-f', $file, $copied), 0, 'restore');

my $copy = Stack::Session->new($copied);
is_deeply(contents($copy), $before, 'every table is as it was');

is(run($copy, 'p'), '6|succeeded', 'the next run has the next number');
is($copy->sql("SELECT string_agg(step || ' ' || state, ', ' ORDER BY step) FROM medallion.step_run WHERE run_id = 6"),
	'next succeeded, work unchanged', 'and knows what was done');
$copy->sql("SELECT medallion.create_pipeline('q')");
is($copy->sql("SELECT count(DISTINCT id) FROM medallion.pipeline"), '4', 'a new pipeline has a lock of its own');

$retail->mariadb("UPDATE departments SET department_name = 'Fit' WHERE department_name = 'Fitness'");
is(run($copy, 'retail'), '7|succeeded', 'retail runs on');
is($copy->sql("SELECT count(*) FROM silver.department_dim WHERE department_name = 'Fit'"), 1, 'and publishes what has changed');
$weather->flood(200);
is(run($copy, 'weather'), '8|succeeded', 'weather runs on');
is($copy->sql('SELECT sum(records) FROM medallion.raw_object'), 500, 'from where it had been');

# What readers see is the user's, and stays; the triggers that mark edits go with the extension.
my $users = contents($copy, qr/^(?!medallion\.)/);
cmp_ok(scalar(grep { length } values %$users), '>', 15, 'published tables have rows');
is($copy->try('DROP EXTENSION medallion')->{code}, '2BP01', 'DROP EXTENSION asks for CASCADE');
$copy->sql('SET client_min_messages = warning; DROP EXTENSION medallion CASCADE');
is_deeply(contents($copy), $users, 'the user\'s tables stay as they were');
is($copy->sql("SELECT string_agg(relname, ', ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'weather'::regnamespace AND relkind = 'v'"),
	'dead_letters_by_reason, freshness, weather_daily, weather_hourly, weather_now', 'and so do views');
$copy->quit;

$retail->drop;
$weather->drop;
done_testing;
undef $_ for $retail, $weather, $stack;    # before its server goes
undef $cluster;
