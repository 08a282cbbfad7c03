# What the TAP tests of the weather pipeline share: a topic and buckets of the test's own, the pipeline on them, and what
# its tables should hold, computed from the records one by one.
#
#   my $weather = Weather->new('weather_x', $stack, object_records => 100);   # the topic is test-weather-x; options of install_weather
#   $weather->install; $weather->flood(300); $weather->run;
#   is_deeply({$weather->differences}, {}, '...');     # what is wrong => how often: objects and tables against the topic
#   $weather->kafka->truncate($weather->topic, 0, 5);  # see Kafka.pm
#   my $fault = $weather->fails('HINT.*accept_gap');
#   $weather->drop;
package Weather;

use strict;
use warnings;

use Kafka;
use S3;
use Stack;

sub new
{
	my ($class, $name, $stack, %option) = @_;
	my $self = bless {name => $name, stack => $stack, kafka => Kafka->new, seed => 0, option => \%option}, $class;

	$self->{partitions} = delete $option{partitions} // 3;
	$self->drop;
	$self->{kafka}->create($self->topic, $self->{partitions}, 'retention.ms=-1', @{delete $option{config} // []});
	return $self;
}

sub kafka { return $_[0]->{kafka} }

sub topic { my ($self) = @_; return "test-$self->{name}" =~ tr/_/-/r }

sub bucket { my ($self, $layer) = @_; return $self->topic . "-$layer" }

# Servers, for a database that has none, and the pipeline.
sub install
{
	my ($self) = @_;

	$self->{stack}->kafka_server('kafka', {});
	$self->{stack}->s3_server('lake');
	return $self->{stack}->sql($self->install_sql);
}

sub install_sql
{
	my ($self) = @_;
	my %option = (producer => 'none', topic => $self->topic, map({ ("${_}_bucket" => $self->bucket($_)) } qw(raw silver)), %{$self->{option}});

	return "SELECT medallion.install_weather('kafka', 'lake', "
	  . join(', ', map { "$_ => " . Stack::quote($option{$_}) } sort keys %option) . ')';
}

# Records of OpenWeather, other ones with each call.
sub flood
{
	my ($self, $count, %option) = @_;

	return $self->{kafka}->flood($self->topic, $count, seed => ++$self->{seed}, start => 1_767_225_600 + 3600 * $self->{seed}, %option);
}

sub run { return $_[0]->{stack}->sql("CALL medallion.run('weather')", 300) }

# The next run fails, and says so; returns what it said.
sub fails
{
	my ($self) = @_;
	my $result = $self->{stack}->try("CALL medallion.run('weather')", 300);

	return defined $result->{code} ? $result->{text} : "no error: $result->{text}";
}

# What the records mean, one by one; lines of the raw objects, taken apart by core's JSON.
my %view = (
	source => 'SELECT s.partition, s."offset", s."timestamp", s.key, s.value FROM source_weather.weather s',
	line   => "SELECT (l.line::json ->> 'partition')::int AS partition, (l.line::json ->> 'offset')::bigint AS \"offset\","
	  . " (l.line::json ->> 'timestamp')::timestamptz AS \"timestamp\","
	  . " COALESCE(convert_to(l.line::json ->> 'key', 'UTF8'), decode(l.line::json ->> 'key_base64', 'base64')) AS key,"
	  . " COALESCE(decode(l.line::json ->> 'value_base64', 'base64'), CASE WHEN json_typeof(l.line::json -> 'value') <> 'null'"
	  . " THEN convert_to((l.line::json -> 'value')::text, 'UTF8') END) AS value, l._path FROM lake_weather.raw l",
);

# With "from" => 'line', the tables are compared with the raw objects alone: Kafka may have lost the records.
sub differences
{
	my ($self, %option) = @_;
	my $session = $self->{stack}->session;
	my $from    = $option{from} // 'source';
	my %wrong;

	$session->sql("SET client_min_messages = warning; SET timezone = 'UTC'; CREATE TEMP TABLE line AS $view{line};"
		  . " CREATE TEMP TABLE source AS $view{source}; CREATE TEMP TABLE reading AS SELECT s.partition, s.\"offset\", r.*"
		  . " FROM $from s CROSS JOIN LATERAL medallion.weather_reading(s.\"timestamp\", s.value) r", 120);
	my %look = (
		overlaps => 'SELECT 1 FROM medallion.raw_object a JOIN medallion.raw_object b ON (a.partition, a.generation) = (b.partition, b.generation)'
		  . ' AND a.path < b.path AND a.first_offset <= b.last_offset AND b.first_offset <= a.last_offset',
		misplaced => 'SELECT 1 FROM line l LEFT JOIN medallion.raw_object o ON o.path = l._path'
		  . ' WHERE (l.partition = o.partition AND l."offset" BETWEEN o.first_offset AND o.last_offset) IS NOT TRUE',
		counts    => _both('SELECT path, records FROM medallion.raw_object', 'SELECT _path, count(*) FROM line GROUP BY 1'),
		unplanned => 'SELECT 1 FROM medallion.weather_plan',
		dead => _both('SELECT partition, "offset", reason FROM reading WHERE kind = \'dead\'', 'SELECT partition, "offset", reason FROM weather.dead_letter'),
		errors => _both('SELECT partition, "offset", status_code FROM reading WHERE kind = \'error\'', 'SELECT partition, "offset", status_code FROM weather.api_error'),
	);
	$look{records} = _both(map { "SELECT partition, \"offset\", \"timestamp\", key, value FROM $_" } qw(source line)) if $from eq 'source';
	for my $granularity ('5 minutes', '1 hour', '24 hours')
	{
		my %name = ('1 hour' => 'hour', '24 hours' => 'day');
		my $columns = 'city, window_start, window_end, avg_temp, avg_temp_c, avg_humidity, min_temp, max_temp, min_humidity, max_humidity,'
		  . ' sum_temp, sum_humidity, readings, is_final';
		my $stands = $name{$granularity} ? "weather.weather_bt WHERE granularity = '$name{$granularity}'" : 'weather.weather_rt';
		$look{"windows of $granularity"} = _both("SELECT $columns FROM $stands", <<"SQL");
SELECT city, t, t + interval '$granularity', round(sum(temp) / count(*), 6), round(sum(temp) / count(*), 6) - 273.15,
	round(sum(humidity) / count(*), 6), min(temp), max(temp), min(humidity), max(humidity), sum(temp), sum(humidity), count(*),
	t + interval '$granularity' + interval '15 minutes' <= (SELECT max(event_time) FROM reading WHERE kind = 'reading')
FROM (SELECT *, date_bin(interval '$granularity', event_time, '1970-01-01 00:00+00') AS t FROM reading WHERE kind = 'reading') r
GROUP BY city, t
SQL
	}
	for my $name (sort keys %look)
	{
		my $count = $session->sql("SELECT count(*) FROM ($look{$name}) d", 120);
		$wrong{$name} = $count if $count ne '0';
	}
	return %wrong;
}

sub _both
{
	my ($one, $other) = @_;

	return "(($one) EXCEPT ALL ($other)) UNION ALL (($other) EXCEPT ALL ($one))";
}

# Everything that a run may change, as text: equal texts, nothing changed.
sub state
{
	my ($self) = @_;
	my $session = $self->{stack}->session;
	my $tables = $session->sql("SELECT string_agg(format('SELECT %L, count(*), COALESCE(sum(hashtext(xmin::text || t::text)), 0) FROM %s t', c.oid::regclass, c.oid::regclass), ' UNION ALL ')"
		  . " FROM pg_class c WHERE c.relkind = 'r' AND (c.relnamespace = 'weather'::regnamespace"
		  . " OR c.relnamespace = 'medallion'::regnamespace AND c.relname NOT IN ('run', 'step_run', 'step_log', 'check_result', 'check_failure'))");

	return join "\n", $session->sql("$tables ORDER BY 1"), map { my $b = $_; map { "$b/$_" } S3->new->list($self->bucket($b), '') } qw(raw silver);
}

sub objects { my ($self) = @_; return S3->new->list($self->bucket('raw'), 'date=') }

sub drop
{
	my ($self) = @_;

	$self->{kafka}->delete($self->topic);
	S3->new->drop($self->bucket($_)) for qw(raw silver);
	return;
}

1;
