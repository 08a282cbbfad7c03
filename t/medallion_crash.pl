# A run dies: its backend is killed or terminated, or the whole server goes, in each phase of a step. What was committed
# stays, nothing else does; the next run closes the dead one and does the rest.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use Cluster;
use Stack;
use Test::More;

my $cluster = Cluster->new;
my $stack   = Stack->new('medallion_crash', extensions => ['medallion']);

$stack->sql(<<'SQL');
CREATE TABLE done (run bigint, what text);
CREATE TABLE pause (phase text);
CREATE FUNCTION work(phase text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO done VALUES (medallion.current_run(), phase);
	IF EXISTS (SELECT FROM pause p WHERE p.phase = work.phase) THEN PERFORM pg_sleep(60); END IF;
END $$;
CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.what = 'apply' AND EXISTS (SELECT FROM pause WHERE phase = 'trigger') THEN PERFORM pg_sleep(60); END IF;
	RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON done DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late();
ALTER FUNCTION work(text) SET search_path = public;
ALTER FUNCTION late() SET search_path = public;
SELECT medallion.create_pipeline('p');
SELECT medallion.add_step('p', 'first', $$SELECT public.work('first')$$, fingerprint => $$SELECT 'same'$$);
SELECT medallion.add_step('p', 'second', $$SELECT public.work('apply')$$, plan => $$SELECT public.work('plan')$$,
	depends_on => '{first}', fingerprint => $$SELECT nullif(public.work('fingerprint')::text, '')$$);
SELECT medallion.add_step('p', 'third', $$SELECT public.work('third')$$, depends_on => '{second}');
SQL

sub rows { return $stack->sql("SELECT string_agg(what, ' ' ORDER BY ctid) FROM done WHERE run = $_[0]") }

# The state of a run and its steps, in short.
sub story
{
	return $stack->sql("SELECT r.state || coalesce(' in ' || r.failed_step || ' ' || r.sqlstate || ': ' || r.message, '')
		|| ' (' || coalesce((SELECT string_agg(s.step || ' ' || s.state, ', ' ORDER BY s.started_at)
			FROM medallion.step_run s WHERE s.run_id = r.run_id), '') || ')' FROM medallion.run r WHERE run_id = $_[0]");
}

sub strike
{
	my ($how, $runner) = @_;

	if ($how eq 'server')
	{
		$cluster->crash;
		$cluster->start;
	}
	elsif ($how eq 'backend') { kill 'KILL', $runner->pid }
	else                      { $stack->sql('SELECT pg_terminate_backend(' . $runner->pid . ')') }
	$runner->receive(20);
	return defined Stack::until_true(sub { eval { $stack->sql('SELECT 1'); 1 } }, 30);
}

# What a run that died in the phase leaves committed, and what that of "first" becomes next time.
my %kept = (first => undef, fingerprint => 'first', plan => 'first fingerprint', apply => 'first fingerprint plan',
	trigger => 'first fingerprint plan', third => 'first fingerprint plan apply');
my %step = (first => 'first', fingerprint => 'second', plan => 'second', apply => 'second', trigger => 'second', third => 'third');
my $run = 0;

for my $how (qw(terminate backend server))
{
	for my $phase (qw(first fingerprint plan apply trigger third))
	{
		my $name   = "$how in $phase";
		my $runner = $stack->session;

		# the unchanged step of an earlier round must be done again
		$stack->sql("UPDATE medallion.step SET definition = '$name' WHERE name = 'first'; INSERT INTO pause VALUES ('$phase')");
		$runner->send("SET medallion.progress = off; CALL medallion.run('p')");
		ok(defined Stack::until_true(sub {
			$stack->sql('SELECT wait_event FROM pg_stat_activity WHERE pid = ' . $runner->pid) eq 'PgSleep' }, 20), "$name: it got there");
		$run = $stack->sql('SELECT max(run_id) FROM medallion.run');
		ok(strike($how, $runner), "$name: the server is there");
		is(rows($run), $kept{$phase} // '', "$name: what was committed is there, and no more");
		like(story($run), qr/^running \(.*$step{$phase} running\)$/, "$name: the record says how far it was");

		$stack->sql("DELETE FROM pause; SET medallion.progress = off; CALL medallion.run('p')");
		like(story($run), qr/^failed in $step{$phase} 57000: did not finish: the server or session ended \(.*$step{$phase} failed\)$/,
			"$name: the next run closes it");
		my $next = $stack->sql('SELECT max(run_id) FROM medallion.run');
		my $first = $phase eq 'first' ? 'succeeded' : 'unchanged';
		is(story($next), "succeeded (first $first, second succeeded, third succeeded)", "$name: and does the rest");
		is(rows($next), ($phase eq 'first' ? 'first ' : '') . 'fingerprint plan apply third', "$name: once");
	}
}
is($stack->sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), '0', 'no lock is left');
done_testing;
undef $stack;    # before its server goes
undef $cluster;
