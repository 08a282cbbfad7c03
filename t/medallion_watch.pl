# watch() and the background workers: triggers, retries that are due, runs that died, staleness, alerts along their routes.
# A minute of pg_cron is a call of watch() here.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use Cluster;
use JSON::PP;
use Listener;
use Stack;
use Test::More;

my $cluster = Cluster->new;
my $stack   = Stack->new('medallion_watch', extensions => ['medallion']);

# A row of what is recorded, as text.
sub row { return $stack->sql("SELECT concat_ws('|', $_[0]) FROM $_[1]") }
sub until_row { my ($what, $from, $wanted) = @_; return defined Stack::until_true(sub { row($what, $from) eq $wanted }, $_[3] // 20) }
sub watch { return $stack->sql('SET ROLE loader; SELECT medallion.watch()') }

$stack->sql(<<'SQL');
CREATE ROLE loader LOGIN;
CREATE ROLE stranger LOGIN;
GRANT USAGE ON SCHEMA medallion TO loader, stranger;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA medallion TO loader, stranger;
GRANT CREATE ON SCHEMA public TO loader;
SET SESSION AUTHORIZATION loader;
CREATE TABLE public.trace (id serial, pipeline text, who text, params jsonb, run bigint);
CREATE TABLE public.state (fails text, naps float8);
INSERT INTO public.state VALUES (NULL, 0);
CREATE FUNCTION public.work() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	s public.state := (SELECT s FROM public.state s);
BEGIN
	INSERT INTO public.trace (pipeline, who, params, run)
	VALUES (medallion.current_pipeline(), concat_ws(' ', session_user, current_user), medallion.current_params(), medallion.current_run());
	PERFORM pg_sleep(s.naps);
	IF s.fails IS NOT NULL THEN RAISE EXCEPTION 'it fails' USING ERRCODE = s.fails; END IF;
END $$;
SQL
sub pipeline
{
	my ($name, $options) = @_;

	return $stack->sql("SET SESSION AUTHORIZATION loader; SELECT medallion.create_pipeline('$name');"
		  . " SELECT medallion.add_step('$name', 'work', 'SELECT public.work()'" . ($options // '') . ')');
}

# ---- triggers ----

pipeline('p');
is($stack->try("SET ROLE stranger; SELECT medallion.trigger('p')")->{code}, '42501', 'only who has the rights of its owner can trigger a pipeline');
$stack->sql("BEGIN; SELECT medallion.trigger('p'); ROLLBACK");
is($stack->sql("BEGIN; SELECT medallion.trigger('p', '{\"n\": 1}'); SELECT medallion.trigger('p', '{\"n\": 1}'); COMMIT"), "2\n2", 'the same, asked for twice');
ok(until_row('count(*), min(who), min(params::text)', 'public.trace', '1|loader loader|{"n": 1}'), '... is done once, in a session of the owner');
ok(until_row('state, reason, triggered_by, mode', 'medallion.run', 'succeeded|trigger|postgres|run'), 'and recorded with who asked');
ok(until_row('count(*)', 'medallion.request', '0'), 'a request that was served is gone');

# Two at once: at most two workers, the rest waits for them, and nothing is lost.
$stack->sql('UPDATE public.state SET naps = 0.7');
pipeline($_) for qw(a b c d);
$stack->sql('SET ROLE loader; SELECT ' . join(', ', map { "medallion.trigger('$_')" } qw(a b c d)));
my $most = 0;
ok(defined Stack::until_true(sub {
		my $now = $stack->sql("SELECT count(*) FROM medallion.run WHERE state = 'running'");
		$most = $now if $now > $most;
		return $stack->sql("SELECT count(*) FROM medallion.run WHERE state = 'succeeded' AND pipeline IN ('a', 'b', 'c', 'd')") == 4;
	}, 30), 'four triggers, four runs');
is($most, 2, 'two at once');
# One that is running: what is asked for meanwhile comes after it.
$stack->sql("SELECT medallion.trigger('a')");
ok(until_row('count(*)', "medallion.run WHERE state = 'running'", '1'), 'a run is under way');
like($stack->sql('SELECT application_name FROM pg_stat_activity WHERE application_name LIKE $$medallion:%$$'), qr{^medallion: a/work run=\d+ try=1$}, 'and can be seen');
$stack->sql("SELECT medallion.trigger('a')");
ok(until_row('count(*)', "medallion.run WHERE pipeline = 'a' AND state = 'succeeded'", '3'), 'the second trigger is served after it');
is(row('count(*)', "medallion.run WHERE state = 'skipped'"), '0', 'and none was skipped');
$stack->sql('UPDATE public.state SET naps = 0');

# Two that differ: one after the other, whichever worker has them.
$stack->sql('UPDATE public.state SET naps = 0.2');
$stack->sql("SELECT medallion.trigger('d', '{\"n\": 1}'), medallion.trigger('d', '{\"n\": 2}')");
ok(defined Stack::until_true(sub { watch(); row('count(*)', "medallion.run WHERE pipeline = 'd' AND params <> '{}' AND state = 'succeeded'") eq '2' }, 20), 'two requests with different parameters are two runs');
is(row('count(*)', "medallion.run WHERE state = 'skipped'"), '0', 'and none was skipped');
$stack->sql('UPDATE public.state SET naps = 0');

# ---- what comes after ----

$stack->sql("SET ROLE loader; SELECT medallion.run_after('b', 'a'); SELECT medallion.run_after('c', 'b')");
$stack->sql("SET ROLE loader; CALL medallion.run('a')");
ok(until_row("string_agg(pipeline || ' ' || reason, ', ' ORDER BY run_id)", "(SELECT * FROM medallion.run ORDER BY run_id DESC LIMIT 3) r",
	'a call, b after pipeline "a", c after pipeline "b"'), 'a success starts the next pipeline, and that one the next');
$stack->sql("UPDATE public.state SET fails = '22012'");
$stack->try("SET ROLE loader; CALL medallion.run('a')");
$stack->sql("UPDATE public.state SET fails = NULL");
is(row('count(*)', 'medallion.request'), '0', 'a failure does not');
$stack->sql("SET ROLE loader; SELECT medallion.no_longer_after('b', 'a'); SELECT medallion.pause('c')");
is($stack->try("SET ROLE loader; SELECT medallion.trigger('c')")->{code}, '55000', 'a paused pipeline cannot be triggered');

# ---- retries ----

pipeline('r', ", retries => 2, retry_delay => '0'");
$stack->sql("UPDATE public.state SET fails = '08006'");
$stack->try("SET ROLE loader; CALL medallion.run('r')");
is(row('state, retry_at <= now()', "medallion.run WHERE pipeline = 'r'"), 'waiting|t', 'a run waits for its second try');
is($stack->sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'medallion worker'"), '0', 'and holds no backend');
$stack->sql("SELECT medallion.watch() FROM (SELECT set_config('role', 'stranger', false)) s");
is(row('count(*)', 'medallion.request'), '0', 'watch() sees to the pipelines whose owner the caller can be');
watch();
ok(until_row("state, (SELECT max(s.try) FROM medallion.step_run s WHERE s.run_id = r.run_id)", "medallion.run r WHERE pipeline = 'r'", 'waiting|2'), 'watch() has it tried again');
$stack->sql("UPDATE public.state SET fails = NULL");
$stack->sql("SET ROLE loader; SELECT medallion.pause('r')");
watch();
is(row('count(*)', 'medallion.request'), '0', 'not while it is paused');
$stack->sql("SET ROLE loader; SELECT medallion.resume('r')");
watch();
ok(until_row("state, (SELECT string_agg(s.state, ' ' ORDER BY s.try) FROM medallion.step_run s WHERE s.run_id = r.run_id)", "medallion.run r WHERE pipeline = 'r'",
	'succeeded|failed failed succeeded'), 'until it succeeds');
is(row('count(*)', "medallion.alert WHERE pipeline = 'r'"), '0', 'which is nothing to be alarmed about');

# ---- runs that died ----

$stack->sql('UPDATE public.state SET naps = 60');
my $session = $stack->session;
$session->send("SET ROLE loader; CALL medallion.run('d')");
ok(until_row('count(*)', "medallion.run WHERE pipeline = 'd' AND state = 'running'", '1'), 'a run is under way');
watch();
is(row('state', "medallion.run WHERE pipeline = 'd' ORDER BY run_id DESC LIMIT 1"), 'running', 'watch() leaves it alone');
kill 'KILL', $session->pid;
$stack->sql('UPDATE public.state SET naps = 0') if defined Stack::until_true(sub { !eval { $stack->sql('SELECT 1'); 0 } && eval { $stack->sql('SELECT 1'); 1 } }, 30);
watch();
ok(until_row("state, (SELECT string_agg(s.state || ' ' || coalesce(s.sqlstate, ''), ', ' ORDER BY s.try) FROM medallion.step_run s WHERE s.run_id = r.run_id)",
	"medallion.run r WHERE pipeline = 'd' ORDER BY run_id DESC LIMIT 1", 'succeeded|failed 57000, succeeded '), 'a run that died with the server is gone on with');
# One whose server always dies is given up.
$stack->sql("INSERT INTO medallion.run (pipeline, state, triggered_by, pid) VALUES ('d', 'running', 'loader', 1);
	INSERT INTO medallion.step_run (run_id, step, try, state, definition) SELECT max(run_id), 'work', 3, 'running', '' FROM medallion.run");
watch();
is(row('state, sqlstate', "medallion.run WHERE pipeline = 'd' ORDER BY run_id DESC LIMIT 1"), 'failed|57000', 'one that dies each time is given up');
is(row('kind, message', "medallion.alert WHERE pipeline = 'd' AND cleared_at IS NULL"), 'failure|step "work": did not finish: the server or session ended', 'with an alert');
# A worker that died gives its request back.
$stack->sql("INSERT INTO medallion.request (pipeline, reason, requested_by, pid, started_at) VALUES ('d', 'trigger', 'loader', 1, now())");
watch();
ok(until_row('state, reason', "medallion.run WHERE pipeline = 'd' ORDER BY run_id DESC LIMIT 1", 'succeeded|trigger'), 'the request of a worker that died is served');

# ---- staleness ----

pipeline('s');
$stack->sql("INSERT INTO medallion.max_age VALUES ('s', '1 hour', now() - interval '2 hours')");
watch();
ok(until_row('state, reason', "medallion.run WHERE pipeline = 's'", 'succeeded|stale'), 'what is older than its max_age is started');
watch();
is(row('count(*)', "medallion.run WHERE pipeline = 's'"), '1', 'once');
$stack->sql("UPDATE medallion.run SET started_at = started_at - interval '2 hours', ended_at = ended_at - interval '2 hours' WHERE pipeline = 's'");
$stack->sql("UPDATE public.state SET fails = '22012'");
watch();
ok(until_row('count(*)', "medallion.run WHERE pipeline = 's' AND state = 'failed'", '1'), 'it fails');
watch();
is(row('count(*)', "medallion.run WHERE pipeline = 's'"), '2', 'and is not started again every minute');
$stack->sql("UPDATE public.state SET fails = NULL");

# ---- alerts along their routes ----

$stack->sql('DELETE FROM medallion.max_age');
my $listener = Listener->start(status => 500, times => 1);
is($stack->try("SET ROLE loader; SELECT medallion.on_alert('s', webhook => 'nowhere')")->{code}, '42704', 'a webhook must exist');
$stack->sql("CREATE SERVER slack FOREIGN DATA WRAPPER webhook OPTIONS (timeout '5s'); GRANT USAGE ON FOREIGN SERVER slack TO loader");
like($stack->try("SET ROLE loader; SELECT medallion.on_alert('s', webhook => 'slack')")->{message}, qr/role "loader" has no url for server "slack"/, 'and be of use to the owner');
$stack->sql("CREATE USER MAPPING FOR loader SERVER slack OPTIONS (url '" . $listener->url . "', authorization 'Bearer sesame')");
for my $bad ('ftp://x/', 'https://', 'nonsense', "https://x/ y")
{
	my $result = $stack->try("ALTER USER MAPPING FOR loader SERVER slack OPTIONS (SET url '$bad')");
	is($result->{message}, 'invalid value for option "url"', "not an address: $bad");
}
$stack->sql("CREATE USER MAPPING FOR stranger SERVER slack OPTIONS (url 'http://192.0.2.1/secret'); GRANT USAGE ON FOREIGN SERVER slack TO stranger");
my $exposed = $stack->try("SET ROLE stranger; SELECT medallion.post_json('slack', '{}')");
is($exposed->{code}, 'HV024', 'an address that could be read on the way is refused');
unlike($exposed->{text}, qr/secret|192/, 'without being told');
$stack->sql("SET ROLE loader; CREATE TABLE public.told (alert jsonb); SELECT medallion.on_alert('s', 'INSERT INTO public.told VALUES (\$1)', 'slack')");
my $ear = $stack->session;
$ear->sql('LISTEN medallion');
$stack->sql("DELETE FROM medallion.alert WHERE pipeline = 's'");
$stack->sql("UPDATE public.state SET fails = 'P0001'");
$stack->try("SET ROLE loader; CALL medallion.run('s')");
like($ear->try('SELECT 1')->{text}, qr/Asynchronous notification "medallion" with payload "\{.*"kind": "failure".*"event": "raised"/, 'NOTIFY tells of a failure');
watch();
ok(until_row('tries, delivered_at IS NULL, next_at > now(), error', 'medallion.alert_delivery', '1|t|t|server "slack" answered with HTTP status 500'), 'a service that fails is tried again later');
is(row('count(*)', 'public.told'), '0', 'and what the hook did is undone until then');
$stack->sql("UPDATE medallion.alert_delivery SET next_at = now(); SELECT medallion.pause('s')");
watch();
sleep 2;
is(row('tries', 'medallion.alert_delivery'), '1', 'of a paused pipeline nothing is run, no hook either');
$stack->sql("SELECT medallion.resume('s')");
watch();
ok(until_row('count(*)', 'medallion.alert_delivery WHERE delivered_at IS NOT NULL', '1'), 'the second try arrives');
is(row("alert ->> 'kind', alert ->> 'event', alert ->> 'message'", 'public.told'), 'failure|raised|step "work": it fails', 'the hook has the alert');
my @posts = $listener->posts;
is(scalar @posts, 2, 'posted twice');
is_deeply([@{$posts[1]{header}}{qw(content-type authorization)}], ['application/json', 'Bearer sesame'], 'with its headers');
my $alert = decode_json($posts[1]{body});
is_deeply([@$alert{qw(pipeline kind event message)}], ['s', 'failure', 'raised', 'step "work": it fails'], 'as JSON');
# Once is enough, and then that it is over.
$stack->try("SET ROLE loader; CALL medallion.run('s')");
watch();
$stack->sql("UPDATE public.state SET fails = NULL");
$stack->sql("SET ROLE loader; CALL medallion.run('s')");
watch();
ok(until_row("string_agg(event || ' ' || tries, ', ' ORDER BY alert_id, event DESC)", 'medallion.alert_delivery WHERE delivered_at IS NOT NULL', 'raised 2, cleared 1'),
	'one alert, raised and cleared');
is(scalar(@posts = $listener->posts), 3, 'and both were posted');
is(decode_json($posts[2]{body})->{event}, 'cleared', 'the recovery too');
# A hook that fails harms nobody but itself.
$stack->sql("SET ROLE loader; SELECT medallion.on_alert('s', 'SELECT 1/0')");
$stack->sql("UPDATE public.state SET fails = 'P0001'");
$stack->try("SET ROLE loader; CALL medallion.run('s')");
$stack->sql("UPDATE medallion.alert_delivery SET tries = 9 WHERE delivered_at IS NULL");
watch();
ok(until_row('tries, next_at, error', 'medallion.alert_delivery WHERE delivered_at IS NULL', '10|infinity|division by zero'), 'after ten tries it is given up');
is($stack->sql("SELECT medallion.watch()"), '', 'watch() goes on');
ok(until_row('count(*)', "pg_locks WHERE locktype = 'advisory' AND classid = 1835361386", '0'), 'no worker keeps its place');
$stack->sql("SET ROLE loader; SELECT medallion.on_alert('s')");
is(row('count(*)', 'medallion.alert_route'), '0', 'a route can be taken off');

# ---- requests that nobody serves ----

$stack->sql("UPDATE public.state SET fails = NULL; SET ROLE loader; SELECT medallion.create_pipeline('i'); SELECT medallion.set_interval('i', '1 day', to_char(now(), 'YYYY-MM-DD HH24:00')::timestamp, 'UTC');
	SELECT medallion.add_step('i', 'work', 'SELECT 1'); SELECT medallion.trigger('i')");
ok(until_row('count(*)', 'medallion.request', '0'), 'where no interval is missing, a request is done with');
is(row('count(*)', "medallion.run WHERE pipeline = 'i'"), '0', 'without a run');
my $last = row('max(run_id)', "medallion.run WHERE pipeline = 's'");
$stack->sql("INSERT INTO medallion.request (pipeline, reason, requested_by, pid, started_at) SELECT 's', 'twice', 'loader', 2147483646, now() FROM generate_series(1, 2)");
watch();
ok(until_row('count(*)', 'medallion.request', '0'), 'of two of the same whose workers died');
is(row('count(*)', "medallion.run WHERE pipeline = 's' AND run_id > $last"), '1', 'one run is made');

undef $stack;
done_testing();
