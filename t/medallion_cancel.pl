# A cancel stops a run at once where a step works, and is recorded; where the runner itself waits to write something down,
# it is the next step that feels it. Either way nothing stays "running".
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use Cluster;
use Stack;
use Test::More;

my $cluster = Cluster->new;
my $stack   = Stack->new('medallion_cancel', extensions => ['medallion']);

$stack->sql(<<'SQL');
CREATE TABLE done (step text);
SELECT medallion.create_pipeline('p');
SELECT medallion.add_step('p', 'first', $$INSERT INTO public.done VALUES ('first')$$);
SELECT medallion.add_step('p', 'second', $$INSERT INTO public.done VALUES ('second'); SELECT pg_sleep(60)$$);
SELECT medallion.add_step('p', 'third', $$INSERT INTO public.done VALUES ('third')$$);
SQL

sub story
{
	return $stack->sql("SELECT r.state || ' ' || r.sqlstate || ' (' || string_agg(s.step || ' ' || s.state, ', ' ORDER BY s.step) || ')'
		FROM medallion.run r JOIN medallion.step_run s USING (run_id) WHERE r.run_id = (SELECT max(run_id) FROM medallion.run)
		GROUP BY r.run_id");
}

sub waits
{
	my ($pid, $for) = @_;

	return defined Stack::until_true(sub { $stack->sql("SELECT wait_event_type FROM pg_stat_activity WHERE pid = $pid") eq $for }, 20);
}

for my $function ('pg_cancel_backend', 'statement_timeout')
{
	my $runner = $stack->session;

	$stack->sql('TRUNCATE done');
	$runner->sql("SET medallion.progress = off; SET statement_timeout = '1s'") if $function eq 'statement_timeout';
	$runner->send("CALL medallion.run('p')");
	if ($function eq 'pg_cancel_backend')
	{
		ok(waits($runner->pid, 'Timeout'), 'the second step works');
		$stack->sql('SELECT pg_cancel_backend(' . $runner->pid . ')');
	}
	my $result = $runner->receive(10);
	is($result->{code}, '57014', "$function: it is raised");
	ok($result->{seconds} < 3, "$function: at once") or diag $result->{seconds};
	is(story(), 'failed 57014 (first succeeded, second failed, third blocked)', "$function: and recorded");
	is($stack->sql('SELECT string_agg(step, \' \') FROM done'), 'first', "$function: what was done before stays");
	is($runner->sql('RESET statement_timeout; SELECT count(*) FROM pg_locks WHERE locktype = \'advisory\''), '0', "$function: no lock is left");
}

my ($runner, $locker) = map { $stack->session } 1 .. 2;
$locker->sql('BEGIN; LOCK TABLE medallion.step_run IN EXCLUSIVE MODE');
$runner->send("CALL medallion.run('p')");
ok(waits($runner->pid, 'Lock'), 'the runner waits to write');
$stack->sql('SELECT pg_cancel_backend(' . $runner->pid . ')');
$locker->sql('COMMIT');
is($runner->receive(10)->{code}, '57014', 'cancel while the runner writes: it is raised');
is(story(), 'failed 57014 (first failed, second blocked, third blocked)', 'and recorded');
$_->quit for $runner, $locker;
done_testing;
undef $stack;    # before its server goes
undef $cluster;
