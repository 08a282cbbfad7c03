# A secret stands in pg_user_mapping and nowhere else: no message, log line at debug5, EXPLAIN, view of activity or cron
# job shows one, whether the statement succeeds or fails.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use FaultProxy;
use Kafka;
use OpenWeather;
use S3;
use Stack;
use Test::More;

my $stack  = Stack->new('secret', extensions => ['medallion']);
my $mysql  = FaultProxy->start($ENV{MYSQL_HOST}, $ENV{MYSQL_PORT});
my $store  = FaultProxy->start(Stack::s3_address());
my $sky    = OpenWeather->start;
my $s3     = S3->new;
my $bucket = 'test-secret';
my $kafka  = Kafka->start(secure => 1);
my $relay  = FaultProxy->start('127.0.0.1', (split ':', $kafka->brokers('sasl_plaintext'))[1]);
my %secret = (
	'password'         => 'Canary-one-in-MySQL',
	'wrong password'   => 'Canary-two-in-MySQL',
	'secret key'       => $ENV{S3_SECRET_KEY},
	'wrong secret key' => 'Canary-three-in-S3',
	'session token'    => 'Canary-four-in-S3',
	'weather key'      => 'Canary-five-in-OpenWeather',
	'wrong weather key' => 'Canary-six-in-OpenWeather',
	'Kafka password'       => Kafka::PASSWORD(),
	'wrong Kafka password' => 'Canary-of-Kafka',
	'key password'         => 'Canary-of-a-key-in-Kafka',
);
# all that a session or the log said
my $said = '';

$stack->mariadb(<<SQL);
DROP DATABASE IF EXISTS test_secret;
CREATE DATABASE test_secret;
CREATE TABLE test_secret.t (id int, word varchar(100));
INSERT INTO test_secret.t VALUES (1, 'one'), (2, 'no number');
CREATE OR REPLACE USER canary\@'%' IDENTIFIED BY '$secret{password}';
GRANT SELECT ON test_secret.* TO canary\@'%';
SQL
$s3->drop($bucket);
$s3->make($bucket);
$s3->put($bucket, 'in/a.csv', "1,one\nno number,two\n");

# The server's log is its standard error.
my $log  = '/proc/self/fd/2';
my $from = $stack->sql("SELECT size FROM pg_stat_file('$log')");

my $session = $stack->session;
my $run     = sub {
	my ($sql, $failing) = @_;
	my $result = $session->try($sql, 20);

	$said .= $result->{text};
	is(defined $result->{code} ? 1 : 0, $failing ? 1 : 0, ($failing ? 'fails: ' : 'runs: ') . substr $sql =~ s/(?:password|secret_key|session_token|access_key|api_key) '.*?'/.../gr, 0, 90)
	  or diag($result->{text});
	return $result;
};

# What PostgreSQL itself writes of a failing statement is not ours to hide: it logs the statement's text.
$run->('SET log_min_messages = debug5; SET client_min_messages = debug5; SET log_min_error_statement = panic');
for my $name (qw(my my_wrong))
{
	my $password = $name eq 'my' ? $secret{password} : $secret{'wrong password'};

	$run->("CREATE SERVER $name FOREIGN DATA WRAPPER fdw_mysql " . $stack->mysql(host => '127.0.0.1', port => $mysql->port, dbname => 'test_secret'));
	$run->("CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS (username 'canary', password '$password')");
	$run->("CREATE FOREIGN TABLE ${name}_t (id int, word text) SERVER $name OPTIONS (table_name 't')");
}
$run->("CREATE FOREIGN TABLE my_number (id int, word int) SERVER my OPTIONS (table_name 't')");
for my $name (qw(s3 s3_wrong s3_token s3_old))
{
	my $key   = $name eq 's3_wrong' ? $secret{'wrong secret key'} : $secret{'secret key'};
	my $token = $name eq 's3_token' ? ", session_token '$secret{'session token'}'" : '';
	my $engine = $name eq 's3_old' ? 'libs3' : 'native';

	$run->("CREATE SERVER $name FOREIGN DATA WRAPPER fdw_s3 " . $stack->s3(endpoint => 'http://127.0.0.1:' . $store->port, engine => $engine));
	$run->("CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS (access_key '$ENV{S3_ACCESS_KEY}', secret_key '$key'$token)");
	$run->("CREATE FOREIGN TABLE ${name}_in (id int, word text) SERVER $name OPTIONS (bucket '$bucket', prefix 'in/', format 'csv')");
	$run->("CREATE FOREIGN TABLE ${name}_out (id int, word text) SERVER $name OPTIONS (bucket '$bucket', prefix 'out/', format 'csv')");
}

for my $name (qw(sky sky_wrong))
{
	my $key = $name eq 'sky' ? $secret{'weather key'} : $secret{'wrong weather key'};

	$run->("CREATE SERVER $name FOREIGN DATA WRAPPER openweather OPTIONS (url '" . $sky->url . "', retries '0', timeout '2s')");
	$run->("CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS (api_key '$key')");
}
$sky->answer('Refused', status => 401);
$sky->answer('Echo', body => qq({"request":"$secret{'weather key'}"}));
$sky->answer('Wrong echo', status => 400, body => qq({"message":"no such key: $secret{'wrong weather key'}"}));
$sky->answer('Away', status => 302, headers => {Location => "http://127.0.0.1:1/?appid=$secret{'weather key'}"});
$sky->answer('Late', hang => 1);

chmod 0755, $kafka->file('.');
$kafka->create('secret', 1);
for my $name (qw(kafka kafka_wrong kafka_scram kafka_tls))
{
	my $password = $name eq 'kafka_wrong' ? $secret{'wrong Kafka password'} : $secret{'Kafka password'};
	my %to = $name =~ /tls|wrong/
	  ? (brokers => $kafka->brokers('sasl_ssl'), security_protocol => 'sasl_ssl', ca_file => $kafka->file('ca.pem'))
	  : (brokers => '127.0.0.1:' . $relay->port, security_protocol => 'sasl_plaintext', allow_plaintext_password => 'true');

	$run->("CREATE SERVER $name FOREIGN DATA WRAPPER fdw_kafka "
		  . Stack::_options(%to, sasl_mechanism => $name eq 'kafka_scram' ? 'SCRAM-SHA-512' : 'PLAIN', map { $_ => '2s' } qw(connect_timeout read_timeout send_timeout)));
	$run->("CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS (username 'alice', password '$password', key_password '$secret{'key password'}')");
	$run->("CREATE FOREIGN TABLE ${name}_t (id int, word text) SERVER $name OPTIONS (topic 'secret', format 'csv')");
	$run->("CREATE FOREIGN TABLE ${name}_whole (id int, word text) SERVER $name OPTIONS (topic 'secret', format 'csv', transactional 'true')");
}

# Good and bad, of all wrappers
$run->("SELECT * FROM medallion.openweather('{London,Refused,Away,Echo}', 'sky')");
$run->("SELECT * FROM medallion.openweather('{London,Refused,Away,Wrong echo}', 'sky_wrong')");
$run->("EXPLAIN (VERBOSE, ANALYZE) SELECT * FROM medallion.openweather('{London}', 'sky')");
$run->("SET statement_timeout = '500ms'");
$run->("SELECT * FROM medallion.openweather('{Late}', 'sky')", 1);
$run->('RESET statement_timeout');
$run->('SELECT * FROM my_t');
$run->('EXPLAIN (VERBOSE) SELECT * FROM my_t WHERE id = 1');
$run->('EXPLAIN (VERBOSE, ANALYZE) SELECT * FROM my_t WHERE id = 1');
$run->('IMPORT FOREIGN SCHEMA test_secret LIMIT TO (t) FROM SERVER my INTO public');
$run->('SELECT * FROM my_number', 1);
$run->('SELECT * FROM my_wrong_t', 1);
$run->('SELECT * FROM s3_in', 1);
$run->('EXPLAIN (VERBOSE) SELECT * FROM s3_in');
$run->("INSERT INTO ${_}_out VALUES (1, 'x')") for qw(s3 s3_old);
$run->("SELECT * FROM ${_}_out") for qw(s3 s3_old);
$run->("SELECT * FROM fdw_s3_list('s3', '$bucket')");
$run->("SELECT * FROM ${_}_in", 1) for qw(s3_wrong s3_token s3_old);
$run->("INSERT INTO ${_}_out VALUES (1, 'x')", 1) for qw(s3_wrong s3_token);
$run->("SELECT fdw_s3_create_bucket('s3_wrong', '$bucket-more')", 1);

$run->("INSERT INTO ${_}_t VALUES (1, 'x')", $_ eq 'kafka_wrong') for qw(kafka_tls kafka_wrong);
$run->("INSERT INTO ${_}_whole VALUES (1, 'x')", $_ eq 'kafka_wrong') for qw(kafka_tls kafka_wrong);
$run->("SELECT * FROM ${_}_t", $_ eq 'kafka_wrong') for qw(kafka_tls kafka_wrong);
$run->("EXPLAIN (VERBOSE, ANALYZE) SELECT * FROM ${_}_t WHERE id = 1") for qw(kafka_tls);
# the broker sends those who come by the relay on to itself: either way, nothing may be said
$said .= $session->try("SELECT * FROM ${_}_t", 20)->{text} for qw(kafka kafka_scram);
$run->("SELECT fdw_kafka_create_topic('kafka_wrong', 'more')", 1);

# A pipeline: its steps fail, its tables keep the messages
$run->('CREATE SCHEMA source_weather; CREATE TABLE source_weather.weather_feed (key text, value text)');
$run->("SELECT medallion.create_pipeline('secret_sky')");
$run->("SELECT medallion.set_weather_producer('secret_sky', 'openweather', 'sky_wrong')");
$run->("SELECT medallion.add_weather_cities('secret_sky', '{Wrong echo,Away}')");
$run->("SELECT medallion.add_step('secret_sky', 'produce', \$\$SELECT medallion.produce_weather('secret_sky')\$\$)");
$run->("SELECT medallion.add_step('secret_sky', 'poll', \$\$SELECT medallion.check_poll('secret_sky')\$\$)");
$run->("CALL medallion.run('secret_sky')", 1);
$run->("SELECT medallion.create_pipeline('secret_keeper')");
$run->("SELECT medallion.add_step('secret_keeper', '$_', 'INSERT INTO ${_}_out VALUES (1, ''x'')')") for qw(s3_wrong s3_token);
$run->("SELECT medallion.add_step('secret_keeper', 'kafka', 'INSERT INTO kafka_wrong_t VALUES (1, ''x'')')");
$run->("SELECT medallion.add_step('secret_keeper', 'my', 'CREATE TABLE x AS SELECT * FROM my_wrong_t')");
$run->("CALL medallion.run('secret_keeper')", 1);
for my $sql ('SELECT * FROM medallion.run', 'SELECT * FROM medallion.step', 'SELECT * FROM medallion.step_run', 'SELECT * FROM medallion.step_log',
	'SELECT * FROM medallion.weather_poll', 'SELECT * FROM medallion.weather_producer', 'SELECT * FROM source_weather.weather_feed',
	'SELECT * FROM medallion.doctor()', "SELECT medallion.schedule('secret_keeper', '0 2 * * *')", "SELECT medallion.unschedule('secret_keeper')")
{
	$said .= $session->try($sql)->{text};
}

# Options at the wrong place, or of the wrong name
$run->("ALTER SERVER my OPTIONS (ADD password '$secret{password}')", 1);
$run->("ALTER SERVER s3 OPTIONS (ADD secret_key '$secret{'wrong secret key'}')", 1);
$run->("ALTER SERVER sky OPTIONS (ADD api_key '$secret{'weather key'}')", 1);
$run->("ALTER USER MAPPING FOR CURRENT_USER SERVER sky OPTIONS (SET api_key '$secret{'weather key'}?')", 1);
$run->("ALTER USER MAPPING FOR CURRENT_USER SERVER sky OPTIONS (ADD appid '$secret{'wrong weather key'}')", 1);
$run->("ALTER SERVER kafka OPTIONS (ADD password '$secret{'Kafka password'}')", 1);
$run->("ALTER USER MAPPING FOR CURRENT_USER SERVER kafka OPTIONS (ADD pasword '$secret{'wrong Kafka password'}')", 1);
$run->("ALTER FOREIGN TABLE my_t OPTIONS (ADD password '$secret{password}')", 1);
$run->("ALTER USER MAPPING FOR CURRENT_USER SERVER my OPTIONS (ADD pasword '$secret{password}')", 1);
$run->("ALTER USER MAPPING FOR CURRENT_USER SERVER s3 OPTIONS (ADD secret '$secret{'wrong secret key'}')", 1);

# Faults; a server that repeats what it was told is the worst of them.
for my $fault ({act => 'refuse'}, {act => 'reset'}, {act => 'cut', down => 90}, {act => 'blackhole', down => 90})
{
	$_->fault(%$fault) for $mysql, $store, $relay;
	$session->quit;
	$session = $stack->session;
	$run->("SET log_min_messages = debug5; SET client_min_messages = debug5; SET statement_timeout = '1s'");
	$run->('SELECT * FROM my_t', 1);
	$run->("SELECT * FROM ${_}_in", 1) for qw(s3 s3_old);
	$run->("INSERT INTO s3_out VALUES (1, 'x')", 1) if $fault->{act} eq 'refuse';
	$run->("SELECT * FROM ${_}_t", 1) for qw(kafka kafka_scram);
	$run->("INSERT INTO kafka_t VALUES (1, 'x')", 1) if $fault->{act} eq 'refuse';
}
$mysql->pass;
$store->fault(answer => '403 Forbidden', body => "<Error><Code>SignatureDoesNotMatch</Code><Message>The key is $secret{'secret key'}</Message></Error>");
$run->("SELECT * FROM ${_}_in", 1) for qw(s3 s3_old);
$store->pass;
$relay->pass;

# That the search finds what is there
$run->("DO \$\$ BEGIN RAISE LOG 'Canary-that-is-said'; END \$\$");

# Others' eyes
my $busy = $stack->session;
$busy->send('SELECT pg_sleep(1), word FROM my_t');
select undef, undef, undef, 0.3;
$said .= $stack->sql('SELECT string_agg(a::text, chr(10)) FROM pg_stat_activity a');
$busy->receive(10);
$said .= $stack->sql($_) for 'SELECT string_agg(s::text, chr(10)) FROM pg_foreign_server s', 'SELECT string_agg(t::text, chr(10)) FROM pg_foreign_table t',
  'SELECT coalesce(string_agg(f::text, chr(10)), $$$$) FROM (SELECT * FROM fdw_mysql_options() UNION ALL SELECT * FROM fdw_s3_options() UNION ALL SELECT * FROM fdw_kafka_options()) f';
$said .= $stack->_postgres("SELECT string_agg(a::text, chr(10)) FROM pg_stat_activity a");
{
	my $cron = Stack::Session->new($stack->sql('SHOW cron.database_name'));

	$said .= $cron->try("SELECT string_agg(j::text, chr(10)) FROM cron.job j; SELECT string_agg(d::text, chr(10)) FROM cron.job_run_details d")->{text};
}
my $logged = $stack->sql("SELECT encode(pg_read_binary_file('$log', $from, 500000000), 'escape')", 60);

cmp_ok(length $logged, '>', 10_000, 'the log was read: ' . length($logged) . ' bytes');
like($_, qr/Canary-that-is-said/, 'what is said can be found') for $logged, $said;
cmp_ok(length $said, '>', 10_000, 'the sessions said ' . length($said) . ' bytes');
for my $name (sort keys %secret)
{
	is(scalar(() = $said =~ /\Q$secret{$name}\E/g), 0, "no session was shown the $name") or diag(_around($said, $secret{$name}));
	is(scalar(() = $logged =~ /\Q$secret{$name}\E/g), 0, "the log does not hold the $name") or diag(_around($logged, $secret{$name}));
}

sub _around
{
	my ($text, $secret) = @_;

	return join "\n", map { s/\Q$secret\E/<secret>/gr } grep { /\Q$secret\E/ } split /\n/, $text;
}

$s3->drop($bucket);
$stack->mariadb("DROP DATABASE test_secret; DROP USER canary\@'%'");
done_testing();
