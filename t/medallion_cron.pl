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
SQL
is($stack->sql('SELECT jobname, schedule, command, username FROM cron.job ORDER BY jobname COLLATE "C", username'),
	"medallion watch|* * * * *|SELECT medallion.watch()|loader\nmedallion watch|* * * * *|SELECT medallion.watch()|locked\n"
	  . "medallion: it's due|* * * * *|CALL medallion.run('it''s due')|loader\n"
	  . "medallion: shut out|* * * * *|CALL medallion.run('shut out')|locked", 'one visible job each, without a secret, and the watch of each role');
$stack->sql("SELECT medallion.schedule('it''s due', '* * * * *')");
is($stack->sql("SELECT count(*), min(username) FROM cron.job WHERE jobname = 'medallion: it''s due'"), '1|loader', "a superuser's schedule runs as the owner");
is($stack->try("SET ROLE other; SELECT medallion.schedule('it''s due', '* * * * *')")->{message} // '',
	'pipeline "it\'s due" is scheduled by role "loader"', 'nor does one that cannot see the job, but has the rights');
is($stack->try("SET ROLE loader; SELECT medallion.schedule('it''s due', 'soon')")->{message} // '', 'invalid schedule: soon',
	'pg_cron checks the schedule');
Stack::until_true(sub { $stack->sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_cron launcher'") == 1 }, 30);
is($stack->sql("SELECT ok, detail FROM medallion.doctor() WHERE check_name LIKE 'pg_cron%'"), "t|running\nt|role \"loader\": no job has run yet\n"
	  . 'f|pg_hba.conf asks role "locked" for "scram-sha-256" in database "test_medallion_cron"; no job has run yet',
	'doctor() foresees it');

ok(defined Stack::until_true(sub { $stack->sql("SELECT count(*) FROM cron.job_run_details d JOIN cron.job j USING (jobid)
	WHERE d.status IN ('succeeded', 'failed') AND j.jobname LIKE 'medallion: %'") >= 2 }, 90),
	'the minute came');
is($stack->sql("SELECT r.state, s.step, s.state, l.object, s.rows FROM medallion.run r JOIN medallion.step_run s USING (run_id)
	JOIN medallion.step_log l USING (run_id, step) ORDER BY r.run_id LIMIT 1"), 'succeeded|work|succeeded|loader loader|7', 'the job ran');
is($stack->sql("SELECT d.status FROM cron.job_run_details d WHERE d.username = 'loader' AND d.command LIKE 'CALL%' ORDER BY d.runid LIMIT 1"), 'succeeded', 'and pg_cron knows');
is($stack->sql("SELECT count(*) FROM medallion.run WHERE pipeline = 'shut out'"), '0', 'the other could not');
my $found = $stack->sql("SELECT ok, detail, fix FROM medallion.doctor() WHERE check_name = 'pg_cron: login' ORDER BY ok");
like($found, qr/^f\|role "locked" could not log in to database "test_medallion_cron"\|/, 'doctor() sees it');
like($found, qr/^t\|role "loader": logs in\|$/m, 'and that the other can');
like($found, qr/\.pgpass .* "host test_medallion_cron locked 127\.0\.0\.1\/32 trust" .* pg_hba\.conf/, 'and says what to do');

# who may not look into pg_cron's schema has no jobs, but pipelines
$stack->sql("SET ROLE without; SELECT medallion.create_pipeline('mine'); SELECT medallion.drop_pipeline('mine')");
is($stack->sql("RESET ROLE; SELECT count(*) FROM medallion.pipeline WHERE name = 'mine'"), '0', 'a role without rights on pg_cron drops its pipeline');
$stack->sql("SET ROLE other; SELECT medallion.create_pipeline('left'); SELECT medallion.alter_pipeline_owner('left', 'loader');
	SELECT medallion.schedule('left', '0 0 1 1 *')");
my $dropped = $stack->session;
$dropped->sql("SET ROLE loader; SELECT medallion.drop_pipeline('left')");
is($stack->sql("SELECT username FROM cron.job WHERE jobname = 'medallion: left'"), 'other', 'another role\'s job stays');
$stack->sql("SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname = 'medallion: left'");

is($stack->sql("SELECT medallion.unschedule('it''s due'), medallion.unschedule('it''s due')"), 't|f', 'unschedule');
$stack->sql("SELECT medallion.drop_pipeline('shut out')");
is($stack->sql('SELECT count(*) FROM cron.job'), '0', 'a dropped pipeline leaves no job');
done_testing;
undef $stack;    # before its server goes
undef $cluster;
