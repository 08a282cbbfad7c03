# medallion.openweather() and a service that does not answer: interrupts act in every phase within a second, hundreds of
# failures leave nothing behind in the backend, and the key is in no message and no log, at any level.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use FaultProxy;
use Interrupt;
use OpenWeather;
use Stack;
use Test::More;
use Time::HiRes qw(sleep);

use constant KEY => 'canary2c26b46b68ffc68ff99b453c1d';

our %slowest;
my $stack   = Stack->new('openweather_fault', extensions => ['medallion']);
my $weather = OpenWeather->start;
my $proxy   = FaultProxy->start('127.0.0.1', $weather->port);
my $key     = KEY;

for my $server (['openweather', $weather->url], ['proxied', 'http://127.0.0.1:' . $proxy->port . '/data/2.5/weather'],
	['tls', 'https://127.0.0.1:' . $proxy->port . '/data/2.5/weather'], ['brief', $weather->url, "timeout '300ms', request_timeout '100ms'"])
{
	my ($name, $url, $more) = @$server;

	$stack->sql("CREATE SERVER $name FOREIGN DATA WRAPPER openweather OPTIONS (url '$url', " . ($more // "timeout '60s', request_timeout '30s', retries '0'") . ')');
	$stack->sql("CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS (api_key '$key')");
}
$stack->sql("ALTER SERVER openweather OPTIONS (SET retries '3')");

# Interrupts -----------------------------------------------------------------------------------------------------------

my $call = sub { my ($server, $cities) = @_; "SELECT * FROM medallion.openweather('{" . ($cities // 'London,Paris,Rome') . "}', '$server')" };
my $works = sub {
	my ($session) = @_;

	$proxy->pass;
	$weather->clear;
	is($session->try("SELECT count(body) FROM medallion.openweather('{London,Paris}')")->{out}, 2, '... and the session still works');
};
my $asked = sub { $weather->count > 0 };
my $stuck = sub { $proxy->stat->{fired} > 0 };

for my $means (@{Interrupt::MEANS()})
{
	my %phase = (
		'a service that hangs'    => {server => 'openweather', answer => {hang => 1}, ready => $asked},
		'a trickle'               => {server => 'openweather', answer => {rate => 20}, ready => $asked},
		'a wait for Retry-After'  => {server => 'openweather', answer => {status => 429, headers => {'Retry-After' => 30}}, ready => $asked},
		'a wait after failures'   => {server => 'openweather', answer => {status => 500, headers => {'Retry-After' => 20}}, ready => $asked},
		'a connection to nowhere' => {server => 'proxied', fault => {act => 'unreachable'}},
		'a silent connection'     => {server => 'proxied', fault => {act => 'blackhole'}, ready => $stuck},
		'a silent TLS handshake'  => {server => 'tls', fault => {act => 'blackhole'}, ready => $stuck},
		'an answer cut short of its end' => {server => 'proxied', fault => {act => 'blackhole', down => 200}, ready => $stuck},
	);
	for my $name (sort keys %phase)
	{
		my $case = $phase{$name};

		$weather->clear;
		$weather->answer('*', %{$case->{answer}}) if $case->{answer};
		$proxy->fault(%{$case->{fault} // {act => 'pass'}});
		Interrupt::strike($stack, $name, $means, sql => $call->($case->{server}), ready => $case->{ready}, after => $works);
	}
}
note(join ', ', map { sprintf '%s: %.3f s', $_, $slowest{$_} } sort keys %slowest);
$proxy->pass;
$weather->clear;

# Leaks ----------------------------------------------------------------------------------------------------------------

# Asks many times in one session, in subtransactions where that is an ERROR.
$stack->sql(<<'SQL');
CREATE FUNCTION ask(cities text[], server name, times int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE failed bigint := 0;
BEGIN
  FOR i IN 1 .. times LOOP
    BEGIN
      failed := failed + (SELECT count(*) FROM medallion.openweather(cities, server) o WHERE o.error IS NOT NULL);
      IF cities = '{abort}' THEN RAISE EXCEPTION 'aborted'; END IF;
    EXCEPTION WHEN OTHERS THEN failed := failed + 1;
    END;
  END LOOP;
  RETURN failed;
END $$
SQL

sub leaks_nothing
{
	my ($name, $city, $server, $times) = @_;
	my $session = $stack->session;
	my $fail    = sub { $session->sql("SELECT ask('{$city}', '$server', $_[0])", 120) };

	is($fail->(10), 10, "$name: it fails");
	my %before = map { $_ => $session->$_ } qw(threads descriptors sockets memory);
	is($fail->($times), $times, "$name: it fails $times times");
	my %after = map { $_ => $session->$_ } qw(threads descriptors sockets memory);
	cmp_ok($after{$_}, '<=', $before{$_}, "$name: no more $_") for qw(threads descriptors sockets);
	cmp_ok($after{memory}, '<=', $before{memory} + 1024, "$name: memory within 1 MiB: +" . ($after{memory} - $before{memory}) . ' KiB');
	is($session->try("SELECT count(body) FROM medallion.openweather('{Oslo}')")->{out}, 1, "$name: the session still works");
	return;
}

$weather->answer('refused', status => 401);
$weather->answer('torn',    body   => '{"main":');
$weather->answer('long',    size   => 2_000_000);
$weather->answer('silent',  hang   => 1);
leaks_nothing('a refused key', 'refused', 'openweather', 300);
leaks_nothing('a torn answer', 'torn',    'openweather', 300);
leaks_nothing('a long answer', 'long',    'openweather', 200);
leaks_nothing('no answer',     'silent',  'brief',       30);
leaks_nothing('an ERROR in the statement', 'abort', 'openweather', 200);
$proxy->fault(act => 'refuse');
leaks_nothing('a refused connection', 'x', 'proxied', 300);
$proxy->fault(act => 'reset', down => 50);
leaks_nothing('a reset', 'x', 'proxied', 200);
$proxy->pass;

# The key --------------------------------------------------------------------------------------------------------------

my $log  = '/proc/self/fd/2';
my $from = $stack->sql("SELECT size FROM pg_stat_file('$log')");
my $said = '';
my $session = $stack->session;

$weather->clear;
$weather->answer('echo', status => 400, body => qq({"message":"$key"}));
$weather->answer('back', body => qq({"request":"appid=$key"}));
$weather->answer('away', status => 302, headers => {Location => "http://127.0.0.1:1/?appid=$key"});
$session->sql("SET log_min_messages = debug5; SET client_min_messages = debug5; SET log_statement = 'all'; SET log_min_duration_statement = 0");
for my $fault ({act => 'pass'}, {act => 'refuse'}, {act => 'reset'}, {act => 'cut', down => 90})
{
	$proxy->fault(%$fault);
	$said .= $session->try($_, 20)->{text}
	  for $call->('openweather', 'echo,back,away,London'), $call->('proxied', 'echo,back,away,London'), $call->('tls'),
	  'EXPLAIN (ANALYZE, VERBOSE) ' . $call->('proxied', 'echo'), "SELECT medallion.probe_openweather('proxied')";
}
$said .= $session->try("SET statement_timeout = '300ms'; SELECT * FROM medallion.openweather('{silent}')")->{text};
$said .= $session->try($_)->{text}
  for 'ALTER SERVER openweather OPTIONS (ADD api_key \'' . KEY . '\')', "ALTER USER MAPPING FOR CURRENT_USER SERVER openweather OPTIONS (SET api_key '" . KEY . " ')",
  "ALTER USER MAPPING FOR CURRENT_USER SERVER openweather OPTIONS (ADD appid '" . KEY . "')";
$proxy->fault(act => 'blackhole');
$session->send($call->('proxied'));
sleep 0.3;
$said .= $stack->sql('SELECT string_agg(a::text, chr(10)) FROM pg_stat_activity a');
$stack->sql('SELECT pg_cancel_backend(' . $session->pid . ')');
$said .= $session->receive(10)->{text};
$said .= $stack->sql('SELECT string_agg(s::text, chr(10)) FROM pg_foreign_server s');
$said .= $stack->sql('SELECT string_agg(o::text, chr(10)) FROM medallion.openweather_options() o');

# What PostgreSQL itself logs of a statement that holds a key is not ours to hide.
my $logged = $stack->sql("SELECT encode(pg_read_binary_file('$log', $from, 100000000), 'escape')", 60);
cmp_ok(length $said,   '>', 10_000, 'the session said ' . length($said) . ' bytes');
cmp_ok(length $logged, '>', 10_000, 'the log has ' . length($logged) . ' bytes');
my @shown = grep { /\Q$key\E/i && !/(?:LOG|STATEMENT|DEBUG): .*ALTER (?:SERVER|USER MAPPING)/ } split /\n/, "$logged\n$said";
is(scalar(@shown), 0, 'the key is nowhere') or diag(map { s/\Q$key\E/<key>/gir . "\n" } @shown);

done_testing();
