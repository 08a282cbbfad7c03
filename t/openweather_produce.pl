# The steps produce and poll of a weather pipeline, from a stand-in of OpenWeather to a topic of Kafka: what is sent and what is
# recorded when all, some and no cities answer, when Kafka does not, and who owns it; and what doctor() says of both.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use Kafka;
use OpenWeather;
use POSIX qw(strftime);
use Stack;
use Test::More;

use constant {KEY => 'canary6b86b273ff34fce19d6b804eff', OWNER => 'openweather_owner', TOPIC => 'test-openweather'};

my $stack   = Stack->new('openweather_produce', extensions => ['medallion']);
my $weather = OpenWeather->start;
my $kafka   = Kafka->new;
my $key     = KEY;

eval { $kafka->delete(TOPIC) };
$kafka->create(TOPIC, 3);

# The pipeline belongs to somebody without special rights.
$stack->sql('DROP ROLE IF EXISTS ' . OWNER . '; CREATE ROLE ' . OWNER . '; GRANT CREATE ON DATABASE ' . $stack->database . ' TO ' . OWNER);
$stack->sql('GRANT USAGE ON SCHEMA medallion TO ' . OWNER . '; GRANT EXECUTE ON ALL ROUTINES IN SCHEMA medallion, public TO ' . OWNER);
$stack->sql("CREATE SERVER openweather FOREIGN DATA WRAPPER openweather OPTIONS (url '" . $weather->url . "', units 'metric', timeout '3s', retries '0')");
$stack->sql('CREATE SERVER kafka FOREIGN DATA WRAPPER fdw_kafka ' . $stack->kafka);
$stack->sql("GRANT USAGE ON FOREIGN SERVER $_ TO " . OWNER) for qw(openweather kafka);
$stack->sql('CREATE USER MAPPING FOR ' . OWNER . ' SERVER kafka');

my $session = $stack->session;
my $run = sub { $session->try("CALL medallion.run('weather')", 30) };
my $steps = sub { $session->sql("SELECT string_agg(step || ' ' || state, ', ' ORDER BY started_at) FROM medallion.step_history WHERE run_id = (SELECT max(run_id) FROM medallion.run_history)") };
my $read = 0;

# What was sent since the last call, by city; each record once
my $sent = sub {
	my @records = sort { $a->{key} cmp $b->{key} } $kafka->read(TOPIC);
	my %by_city;

	is(scalar(@records) - $read, $_[0], "$_[0] records were sent");
	$read = @records;
	$by_city{$_->{key}} = $_->{value} for sort { $a->{timestamp} <=> $b->{timestamp} || $a->{offset} <=> $b->{offset} } @records;
	return \%by_city;
};
# As if the slot were over
my $next_slot = sub { $session->sql('DELETE FROM medallion.weather_poll'); $weather->clear; return };

$session->sql('SET ROLE ' . OWNER);
$session->sql("SELECT medallion.create_pipeline('weather')");
like($session->try("SELECT medallion.set_weather_producer('weather', 'openweather')")->{text}, qr/has no user mapping.*HINT:  CREATE USER MAPPING FOR .*synthetic/s,
	'without a key there is no such producer');
$session->sql("CREATE USER MAPPING FOR CURRENT_USER SERVER openweather OPTIONS (api_key '$key')");
$session->sql("SELECT medallion.set_weather_producer('weather', 'openweather', poll_interval => '1 day')");
$session->sql("SELECT medallion.add_weather_cities('weather', '{London,New Delhi,São Paulo}')");
$session->sql("SELECT medallion.make_weather_feed('weather', 'kafka', '" . TOPIC . "')");
$session->sql("SELECT medallion.add_step('weather', 'produce', \$\$SELECT medallion.produce_weather('weather')\$\$)");
$session->sql("SELECT medallion.add_step('weather', 'land', 'SELECT')");
$session->sql("SELECT medallion.add_step('weather', 'poll', \$\$SELECT medallion.check_poll('weather')\$\$)");

# All answer -----------------------------------------------------------------------------------------------------------

$weather->answer('London', body => qq({"main": {"temp": 12.350, "humidity": 7.1E1},\n "name":"Lond\\u00f6n"}\n));
like($run->()->{text}, qr/produce  weather  3 rows  .*openweather, 3 of 3 cities answered.*succeeded/s, 'all answer');
is($steps->(), 'produce succeeded, land succeeded, poll succeeded', '... and the run succeeds');
my $records = $sent->(3);
like($records->{London},
	qr/^\{"main": \{"temp": 12\.350, "humidity": 7\.1E1\},  "name":"Lond\\u00f6n","_ingest_ts":"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z","_city":"London","_units":"metric"\}$/,
	'a record is what was received, on one line, and where and when');
ok(exists $records->{'São Paulo'}, 'the key is the city') or diag(join ', ', keys %$records);
like($records->{'São Paulo'}, qr/"_city":"São Paulo"/, '... in UTF-8');
is($session->sql('SELECT string_agg(concat_ws($$ $$, city, status_code, attempts, error), $$, $$ ORDER BY city COLLATE "C") FROM medallion.weather_poll'),
	'London 200 1, New Delhi 200 1, São Paulo 200 1', 'the polls are recorded');
like($run->()->{text}, qr/every city was polled since.*succeeded/s, 'a second run in the slot');
is($weather->count, 3, '... asks for nothing');
$sent->(0);
$session->sql("SELECT medallion.add_weather_cities('weather', '{Oslo}')");
$run->();
is($weather->count, 4, 'a new city is asked for at once');
$sent->(1);
$session->sql("UPDATE medallion.weather_city SET enabled = false WHERE city = 'Oslo'");

# Some do --------------------------------------------------------------------------------------------------------------

$next_slot->();
$weather->answer('London',    status => 404);
$weather->answer('New Delhi', hang   => 1);
my $result = $run->();
like($result->{text}, qr/WARNING: .*2 of 3 cities could not be polled.*London: HTTP status 404: city not found.*New Delhi: no whole answer/s, 'some do not answer: a warning');
is($steps->(), 'produce succeeded, land succeeded, poll succeeded', '... and the run succeeds');
$records = $sent->(3);
like($records->{London}, qr/^\{"_error":true,"status_code":404,"city":"London","message":"HTTP status 404: city not found","_ingest_ts":"[-\dT:.]+Z"\}$/, 'a failed call is a record');
like($records->{'New Delhi'}, qr/^\{"_error":true,"status_code":null,"city":"New Delhi",/, '... also one without an answer');

# None does ------------------------------------------------------------------------------------------------------------

$next_slot->();
$weather->answer('*', status => 401, body => qq({"cod":401,"message":"Invalid API key $key."}));
$weather->answer('London', status => 404);
$result = $run->();
like($result->{text}, qr/ERROR: .*failed in step "poll": no city could be polled: HTTP status 401: Invalid API key.*HINT:  Check the option api_key of the user mapping for server "openweather"/s,
	'a refused key is an error that says what to do');
unlike($result->{text}, qr/WARNING/, '... and no warning besides');
is($steps->(), 'produce succeeded, land succeeded, poll failed', '... of the last step');
$records = $sent->(3);
is(scalar(grep { /"_error":true/ } values %$records), 3, 'the failures are sent');
is($session->try("SELECT sqlstate FROM medallion.step_history WHERE state = 'failed' ORDER BY run_id DESC LIMIT 1")->{out}, '28000', 'with its SQLSTATE');
is($run->()->{code}, undef, 'the next run in the slot asks nothing, and succeeds');
$sent->(0);
is(scalar(grep { $_->{value} =~ /\Q$key\E/ } $kafka->read(TOPIC)), 0, 'the key is in no record');

# Kafka does not -------------------------------------------------------------------------------------------------------

$next_slot->();
$stack->sql("ALTER SERVER kafka OPTIONS (SET brokers '127.0.0.1:1')");
$result = $run->();
like($result->{text}, qr/ERROR: .*failed in step "produce"/, 'nothing can be sent');
is($steps->(), 'produce failed, land succeeded, poll succeeded', '... and the other steps run');
is($session->sql('SELECT count(*) FROM medallion.weather_poll'), 0, '... and no poll is recorded');
$stack->sql("ALTER SERVER kafka OPTIONS (SET brokers '$ENV{KAFKA_BROKERS}')");
is($run->()->{code}, undef, 'afterwards the same slot is polled');
$sent->(3);

# Made up --------------------------------------------------------------------------------------------------------------

$next_slot->();
like($session->try("SELECT medallion.produce_synthetic('weather', now() - interval '1 h', now())")->{text}, qr/ERROR: .*does not make its readings up/, 'no made-up readings unasked');
$session->sql("SELECT medallion.set_weather_producer('weather', 'synthetic', poll_interval => '1 s', seed => 3)");
is($run->()->{code}, undef, 'readings are made up');
$records = $sent->(3);
is($weather->count, 0, '... without a call');
is(scalar(grep { /"_synthetic":true/ } values %$records), 3, '... and say so');
is($session->sql("SELECT medallion.produce_synthetic('weather', '2026-01-01 00:00Z', '2026-01-02 00:00Z')"), 3 * 288, 'a day that has passed');
$sent->(3 * 288);
$session->try("BEGIN; SELECT medallion.produce_synthetic('weather', '2026-01-01 00:00Z', '2026-01-02 00:00Z'); ROLLBACK");
$sent->(0);
$session->sql("SELECT medallion.set_weather_producer('weather', 'none')");
$run->();
$sent->(0);

# doctor() -------------------------------------------------------------------------------------------------------------

my $doctor = sub {
	my ($name) = @_;

	return $session->sql("SELECT string_agg(concat_ws('|', check_name, ok, regexp_replace(detail, '\\d+', 'N', 'g'), fix), chr(10)) FROM medallion.doctor() WHERE check_name LIKE '%server $name%'");
};
$session->sql("SELECT medallion.set_weather_producer('weather', 'openweather')");
$session->sql("SELECT medallion.add_endpoint('weather', 'kafka', 'kafka', '" . TOPIC . "')");
$weather->clear;
$weather->answer('*', headers => {Date => strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime)});
like($doctor->('openweather'), qr/^server openweather: key\|t\|accepted, N ms; asking cost one call$/m, 'a good key');
is($weather->count, 1, '... for one call');
like($doctor->('openweather'), qr/^server openweather: clock\|t\|-?N s apart$/m, 'a good clock');
like($doctor->('kafka'), qr/^server kafka, topic @{[TOPIC]}\|t\|N partitions, offsets for N records, N ms$/m, 'a good topic');
$weather->answer('*', status => 401, headers => {Date => strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime(time + 7200))});
like($doctor->('openweather'), qr/^server openweather: key\|f\|HTTP status N: Invalid API key.*\|Check the option api_key/m, 'a bad key');
like($doctor->('openweather'), qr/^server openweather: clock\|f\|N s apart\|Set this machine's clock/m, 'a bad clock');
$weather->answer('*', hang => 1);
like($doctor->('openweather'), qr/^server openweather: key\|f\|no whole answer within N s\|Check the option url/m, 'a service that hangs');
$stack->sql("ALTER SERVER kafka OPTIONS (SET brokers '127.0.0.1:1')");
like($doctor->('kafka'), qr/^server kafka, topic @{[TOPIC]}\|f\|could not .*\|\S/m, 'no broker');

$session->quit;
$stack->sql('DROP OWNED BY ' . OWNER . ' CASCADE; DROP ROLE ' . OWNER);
$kafka->delete(TOPIC);
done_testing();
