# The job that schedule() makes really runs, as its role; where pg_cron cannot log in, doctor() says what to do. Waits for
# the next full minute, which is the least that pg_cron 1.4 knows.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use Cluster;
use Stack;
use Test::More;

my $cluster = Cluster->new;
my $data    = "$cluster->{folder}/data";

# What doctor() advises for the addresses that cron.host may name; without pg_cron the setting can be given here.
{
	my $stack = Stack->new('medallion_advice', extensions => ['medallion']);
	my %line = (
		'127.0.0.1' => '"host test_medallion_advice loader 127.0.0.1/32 trust"',
		'::1'       => '"host test_medallion_advice loader ::1/128 trust"',
		'localhost' => '"host test_medallion_advice loader localhost trust"',
		''          => '"local test_medallion_advice loader trust"',
		'/run/pg'   => '"local test_medallion_advice loader trust"');
	$stack->sql('CREATE ROLE loader LOGIN');
	for my $host (sort keys %line)
	{
		my $advice = $stack->sql("SET cron.host = '$host'; SELECT medallion.cron_login_advice('loader')");
		like($advice, qr/\.pgpass .* put \Q$line{$host}\E before/, "advice for cron.host '$host'");
		unlike($stack->sql("SET cron.host = '$host'; SELECT medallion.cron_login_advice('postgres')"), qr/trust/, 'none of it for a superuser');
	}
}

open my $conf, '>>', "$data/postgresql.conf" or die "postgresql.conf: $!";
print {$conf} "shared_preload_libraries = 'pg_cron'\ncron.database_name = 'test_medallion_cron'\ncron.host = '127.0.0.1'\n";
close $conf;
# one role needs a password, which pg_cron does not have
open my $hba, '<', "$data/pg_hba.conf" or die "pg_hba.conf: $!";
my @lines = readline $hba;
close $hba;
open $hba, '>', "$data/pg_hba.conf" or die "pg_hba.conf: $!";
print {$hba} "host all locked 127.0.0.1/32 scram-sha-256\n", @lines;
close $hba;
$cluster->crash;
$cluster->start;

my $stack = Stack->new('medallion_cron', extensions => [qw(pg_cron medallion)]);

$stack->sql(<<'SQL');
CREATE ROLE other LOGIN IN ROLE loader;
CREATE ROLE locked LOGIN PASSWORD 'not in the cron table';
CREATE ROLE without;
GRANT USAGE ON SCHEMA cron TO loader, locked, other;
GRANT USAGE ON SCHEMA medallion TO loader, locked, other, without;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA medallion TO loader, locked, other, without;
SET SESSION AUTHORIZATION loader;
SELECT medallion.create_pipeline('it''s due');
SELECT medallion.add_step('it''s due', 'work', $$SELECT medallion.report(session_user::text || ' ' || current_user, 7)$$);
SELECT medallion.schedule('it''s due', '0 2 * * *');
SELECT medallion.schedule('it''s due', '* * * * *');
SET SESSION AUTHORIZATION locked;
SELECT medallion.create_pipeline('shut out');
SELECT medallion.schedule('shut out', '* * * * *');
RESET SESSION AUTHORIZATION;
SELECT medallion.create_roles('night');
SET ROLE night_loader;
SELECT medallion.create_pipeline('nightly');
SELECT medallion.add_step('nightly', 'work', $$SELECT medallion.report(session_user::text || ' ' || current_user, 1)$$);
RESET ROLE;
SELECT medallion.schedule('nightly', '* * * * *');
SQL
is($stack->sql('SELECT jobname, schedule, command, username FROM cron.job ORDER BY jobname COLLATE "C", username'),
	join("\n", (map { "medallion maintain|17 3 * * *|CALL medallion.maintain()|$_" } qw(loader locked night_loader)),
		(map { "medallion watch|* * * * *|SELECT medallion.watch()|$_" } qw(loader locked night_loader)),
		"medallion: it's due|* * * * *|CALL medallion.run('it''s due')|loader",
		"medallion: nightly|* * * * *|CALL medallion.run('nightly')|night_loader",
		"medallion: shut out|* * * * *|CALL medallion.run('shut out')|locked"), 'one visible job each, without a secret, and the common ones of each role');
is($stack->sql("SET ROLE night_reader; SELECT pipeline, next_at > clock_timestamp(), next_at <= clock_timestamp() + interval '1 minute', reason FROM medallion.next_run"),
	'nightly|t|t|schedule', 'next_run says when, to the reader too');
$stack->sql("SELECT medallion.schedule('it''s due', '* * * * *')");
is($stack->sql("SELECT count(*), min(username) FROM cron.job WHERE jobname = 'medallion: it''s due'"), '1|loader', "a superuser's schedule runs as the owner");
is($stack->try("SET ROLE other; SELECT medallion.schedule('it''s due', '* * * * *')")->{message} // '',
	'only the owner of pipeline "it\'s due" can schedule it', 'jobs are the owner\'s alone, not those of roles that have its rights');
is($stack->try("SET ROLE loader; SELECT medallion.schedule('it''s due', 'soon')")->{message} // '', 'invalid schedule: soon',
	'pg_cron checks the schedule');
Stack::until_true(sub { $stack->sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_cron launcher'") == 1 }, 30);
is($stack->sql("SELECT ok, detail FROM medallion.doctor() WHERE check_name LIKE 'pg_cron%'"), "t|running\nt|role \"loader\": no job has run yet\n"
	  . "f|pg_hba.conf asks role \"locked\" for \"scram-sha-256\" in database \"test_medallion_cron\"; no job has run yet\n"
	  . 't|role "night_loader": no job has run yet',
	'doctor() foresees it');

ok(defined Stack::until_true(sub { $stack->sql("SELECT count(*) FROM cron.job_run_details d JOIN cron.job j USING (jobid)
	WHERE d.status IN ('succeeded', 'failed') AND j.jobname LIKE 'medallion: %'") >= 3 }, 90),
	'the minute came');
is($stack->sql("SELECT r.state, s.step, s.state, l.object, s.rows FROM medallion.run r JOIN medallion.step_run s USING (run_id)
	JOIN medallion.step_log l USING (run_id, step) WHERE r.pipeline = 'it''s due' ORDER BY r.run_id LIMIT 1"), 'succeeded|work|succeeded|loader loader|7', 'the job ran');
is($stack->sql("SELECT d.status FROM cron.job_run_details d WHERE d.username = 'loader' AND d.command LIKE 'CALL%' ORDER BY d.runid LIMIT 1"), 'succeeded', 'and pg_cron knows');
is($stack->sql("SELECT count(*) FROM medallion.run WHERE pipeline = 'shut out'"), '0', 'the other could not');
my $found = $stack->sql("SELECT ok, detail, fix FROM medallion.doctor() WHERE check_name = 'pg_cron: login' ORDER BY ok");
like($found, qr/^f\|role "locked" could not log in to database "test_medallion_cron"\|/, 'doctor() sees it');
like($found, qr/^t\|role "loader": logs in\|$/m, 'and that the other can');
like($found, qr/\.pgpass .* "host test_medallion_cron locked 127\.0\.0\.1\/32 trust" .* pg_hba\.conf/, 'and says what to do');

is($stack->sql("SELECT object FROM medallion.step_log JOIN medallion.run USING (run_id) WHERE pipeline = 'nightly' LIMIT 1"), 'night_loader night_loader',
	'what create_roles() makes is enough for a job, which is no superuser\'s');
like($stack->sql("SET ROLE locked; SELECT ok, message, fix FROM medallion.health WHERE check_name = 'jobs'"),
	qr/^f\|.*job "medallion: shut out": role "locked" could not log in.*\.pgpass/, 'health sees it too');
unlike($stack->sql("SET ROLE night_reader; SELECT message FROM medallion.health WHERE check_name = 'jobs'"), qr/shut out/, 'but tells of it only whom it concerns');
is($stack->sql("SELECT ok FROM medallion.health WHERE check_name = 'pg_cron'"), 't', 'the launcher is there');
$stack->sql("CREATE ROLE gone LOGIN; SELECT medallion.create_pipeline('orphan'); SELECT medallion.alter_pipeline_owner('orphan', 'gone');
	SELECT medallion.schedule('orphan', '0 0 1 1 *'); ALTER ROLE gone NOLOGIN");
is($stack->sql("SELECT ok, fix FROM medallion.health WHERE check_name = 'roles of jobs'"), 'f|ALTER ROLE gone LOGIN;', 'a job whose role may not log in');
$stack->sql('DROP ROLE gone');
like($stack->sql("SELECT ok, message, fix FROM medallion.health WHERE check_name = 'roles of jobs'"),
	qr/^f\|.*job "medallion: orphan": role "gone" does not exist.*\|DELETE FROM cron\.job WHERE jobid = /, 'and one whose role is gone');
$stack->sql("DELETE FROM cron.job WHERE username = 'gone'; SELECT medallion.drop_pipeline('orphan')");

# what pg_cron has noted is deleted after a week, but only of our calls
$stack->sql("UPDATE cron.job_run_details SET start_time = start_time - interval '8 days', end_time = end_time - interval '8 days';
	INSERT INTO cron.job_run_details (jobid, runid, database, username, command, status, start_time, end_time)
	VALUES (0, 0, current_database(), 'loader', 'SELECT 1', 'succeeded', now() - interval '1 year', now() - interval '1 year')");
$stack->session->sql("SET ROLE night_loader; CALL medallion.maintain()");
is($stack->sql("SELECT count(*) FILTER (WHERE username = 'night_loader'), count(*) FILTER (WHERE username = 'loader') > 1 FROM cron.job_run_details
	WHERE start_time < now() - interval '1 day'"), '0|t', 'a role deletes what is its own');
$stack->session->sql('CALL medallion.maintain()');
is($stack->sql("SELECT command FROM cron.job_run_details WHERE start_time < now() - interval '1 day'"), 'SELECT 1', 'and not what was no call of ours');

# who may not look into pg_cron's schema has no jobs, but pipelines
$stack->sql("SET ROLE without; SELECT medallion.create_pipeline('mine'); SELECT medallion.drop_pipeline('mine')");
is($stack->sql("RESET ROLE; SELECT count(*) FROM medallion.pipeline WHERE name = 'mine'"), '0', 'a role without rights on pg_cron drops its pipeline');
$stack->sql("SET ROLE other; SELECT medallion.create_pipeline('left'); SELECT medallion.schedule('left', '0 0 1 1 *');
	SELECT medallion.alter_pipeline_owner('left', 'loader')");
my $dropped = $stack->session;
$dropped->sql("SET ROLE loader; SELECT medallion.drop_pipeline('left')");
is($stack->sql("SELECT username FROM cron.job WHERE jobname = 'medallion: left'"), 'other', 'another role\'s job stays');
$stack->sql("SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname = 'medallion: left'");

is($stack->sql("SELECT medallion.unschedule('it''s due'), medallion.unschedule('it''s due')"), 't|f', 'unschedule');
$stack->sql("SELECT medallion.drop_pipeline('shut out'), medallion.drop_pipeline('nightly')");
is($stack->sql('SELECT count(*) FROM cron.job'), '0', 'a dropped pipeline leaves no job');

# it may be just starting when it is told to go
ok(defined Stack::until_true(sub {
		$stack->sql("SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE backend_type = 'pg_cron launcher'");
		$stack->sql("SELECT ok, message FROM medallion.health WHERE check_name = 'pg_cron'") eq 'f|its launcher is not running';
	}, 30), 'a dead launcher');
done_testing;
undef $stack;    # before its server goes
undef $cluster;
