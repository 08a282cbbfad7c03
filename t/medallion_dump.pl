# Pipelines, steps and history survive pg_dump and restore; numbers go on where they were; DROP EXTENSION takes only its own.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use Cluster;
use Stack;
use Test::More;

my $cluster = Cluster->new;
my $stack   = Stack->new('medallion_dump', extensions => ['medallion']);
my $tables  = "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'medallion'::regnamespace AND c.relkind = 'r' ORDER BY 1";

$stack->sql(<<'SQL');
CREATE TABLE made (id int);
SELECT medallion.create_pipeline('p', 'with "quotes", ''and'' $signs$');
SELECT medallion.add_step('p', 'work', $$INSERT INTO public.made VALUES (1); SELECT medallion.report('made', 1)$$, fingerprint => $$SELECT 'v1'$$);
SELECT medallion.add_step('p', 'next', $$SELECT 1$$, depends_on => '{work}');
SELECT medallion.add_endpoint('p', 'somewhere', 'mysql');
SQL
$stack->sql("SET medallion.progress = off; CALL medallion.run('p')") for 1 .. 3;

sub contents
{
	my ($session) = @_;

	return {map { ($_ => $session->sql("SELECT coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '') FROM medallion.$_ t")) }
		  split /\n/, $session->sql($tables)};
}

my $before = contents($stack);
$stack->sql('CREATE DATABASE test_medallion_copy');
my $file = "$cluster->{folder}/dump.sql";
is(system("$cluster->{bin}/pg_dump", '-f', $file, $stack->database), 0, 'pg_dump');
is(system("$cluster->{bin}/psql", '-qX', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-f', $file, 'test_medallion_copy'), 0, 'restore');

my $copy = Stack::Session->new('test_medallion_copy');
is_deeply(contents($copy), $before, 'every table is as it was');
my $result = $copy->sql("SET medallion.progress = off; CALL medallion.run('p')");
is($result, '4|succeeded', 'the next run has the next number');
is($copy->sql("SELECT string_agg(step || ' ' || state, ', ' ORDER BY step) FROM medallion.step_run WHERE run_id = 4"),
	'next succeeded, work unchanged', 'and knows what was done');
$copy->sql("SELECT medallion.create_pipeline('q')");
is($copy->sql("SELECT count(DISTINCT id) FROM medallion.pipeline"), '2', 'a new pipeline has a lock of its own');
$copy->sql('SET client_min_messages = warning; DROP EXTENSION medallion');
is($copy->sql('SELECT count(*) FROM public.made'), '1', 'the user\'s tables stay');
$copy->quit;
done_testing;
undef $stack;    # before its server goes
undef $cluster;
