# What can become of a topic: the outcome is the one that docs/weather.md tells, never silence.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use Stack;
use Test::More;
use Weather;

my $stack = Stack->new('weather_topic', extensions => ['medallion']);
my ($weather, $kafka, $topic);

sub begin
{
	my ($case, %option) = @_;

	$weather->drop if $weather;
	$stack->sql("DROP SCHEMA IF EXISTS weather, bronze, source_weather, lake_weather CASCADE;"
		  . " SELECT medallion.drop_pipeline('weather') FROM medallion.pipeline; DROP SERVER IF EXISTS kafka, lake CASCADE");
	$weather = Weather->new("weather_$case", $stack, %option);
	($kafka, $topic) = ($weather->kafka, $weather->topic);
	$weather->install;
	return;
}

sub whole
{
	my ($name, %option) = @_;

	$weather->run;
	return is_deeply({$weather->differences(%option)}, {}, $name);
}

sub reading
{
	my ($at, %field) = @_;
	my $time = 1_767_225_600 + $at;

	return {key => 'Oslo', timestamp => 1000 * $time, value => qq({"name":"Oslo","dt":$time,"main":{"temp":280.5,"humidity":40}}), %field};
}

sub reasons { return $stack->sql('SELECT string_agg(concat(partition, \' \', "offset", \' \', reason), \', \' ORDER BY partition, "offset") FROM weather.dead_letter') }

# Partitions that are added
begin('grown');
$weather->flood(100);
whole('three partitions');
$kafka->grow($topic, 5);
$weather->flood(200);
$kafka->produce($topic, map { reading($_, partition => $_ % 5) } 1 .. 50);
whole('five partitions');
is($stack->sql('SELECT count(*) FROM medallion.weather_position'), '5', 'each has a position');

# Records deleted before they were read
begin('truncated', object_records => 30);
$kafka->produce($topic, map { reading($_, partition => 0) } 1 .. 100);
whole('before');
$kafka->truncate($topic, 0, 90);
whole('what was read may go', from => 'line');
$kafka->truncate($topic, 0, 100);
whole('all of it', from => 'line');
$kafka->produce($topic, map { reading($_, partition => 0) } 101 .. 200);
$kafka->truncate($topic, 0, 150);
like($weather->fails, qr/22000: .*has lost records.*Partition 0: read up to offset 100, the first that is left is 150.*accept_gap/s, 'unread records went');
like($stack->sql("SELECT problem FROM medallion.weather_lag WHERE partition = 0"), qr/first that is left is 150/, 'the view of the lag tells, too');
is($stack->sql('SELECT * FROM medallion.accept_gap()'), '0|100|149', 'given up');
whole('behind the gap', from => 'line');
is($stack->sql('SELECT partition, first_offset, last_offset, reason, accepted_by FROM medallion.weather_gap'), "0|100|149|retention|$ENV{PGUSER}", 'noted');
is($stack->sql('SELECT sum(readings) FROM weather.weather_rt'), '150', 'the others are there');

# Records deleted between plan and reading
$kafka->produce($topic, map { reading($_, partition => 0) } 201 .. 300);
$stack->sql('SELECT medallion.plan_weather(\'weather\')');
$kafka->truncate($topic, 0, 240);
like($weather->fails, qr/has lost records.*adopt_objects/s, 'planned records went');
$stack->sql('SELECT * FROM medallion.accept_gap()');
whole('what was planned is void', from => 'line');
is($stack->sql('SELECT sum(readings) FROM weather.weather_rt'), '210', 'the rest is there');

# A topic that was made anew: with fewer, as many and more records
for my $count (10, 60, 90)
{
	begin("again$count");
	$kafka->produce($topic, map { reading($_, partition => $_ % 3) } 1 .. 60);
	whole("made anew with $count: before");
	$kafka->delete($topic);
	$kafka->create($topic, 3, 'retention.ms=-1');
	$kafka->produce($topic, map { reading(1000 + $_, partition => $_ % 3) } 1 .. $count);
	like($weather->fails, qr/55000: .*is not the one that pipeline "weather" has read.*accept_topic/s, "made anew with $count: stops");
	is($stack->sql('SELECT count(*) FROM medallion.accept_topic()'), '3', "made anew with $count: accepted");
	whole("made anew with $count: all of both is there", from => 'line');
	is($stack->sql('SELECT sum(readings) FROM weather.weather_rt'), 60 + $count, "made anew with $count: every reading");
	is($stack->sql("SELECT count(*) FROM medallion.weather_gap WHERE reason = 'topic'"), '3', "made anew with $count: noted");
}
begin('fewer');
$kafka->produce($topic, map { reading($_, partition => $_ % 3) } 1 .. 30);
whole('three partitions');
$kafka->delete($topic);
$kafka->create($topic, 2, 'retention.ms=-1');
$kafka->produce($topic, map { reading(500 + $_, partition => 0) } 1 .. 5);
like($weather->fails, qr/Partition 2: read up to offset 10, it is gone/, 'fewer partitions');
$stack->sql("SELECT * FROM medallion.accept_topic(start => 'latest')");
$kafka->produce($topic, map { reading(600 + $_, partition => 0) } 1 .. 5);
whole('only what comes', from => 'line');
is($stack->sql('SELECT sum(readings) FROM weather.weather_rt'), '35', 'five were skipped');
is($stack->sql("SELECT partition, first_offset, last_offset FROM medallion.weather_gap WHERE reason = 'skipped'"), '0|0|4', 'and noted');

# Transactions: markers take offsets, and what was aborted is not read.
begin('transactions', object_records => 10);
for my $end (qw(commit abort commit abort abort))
{
	my $open = $kafka->transaction($topic);
	$open->send(map { reading($_, partition => 0) } 1 .. 7);
	$end eq 'commit' ? $open->commit : $open->abort;
	whole("ends with $end");
}
is($stack->sql('SELECT sum(readings) FROM weather.weather_rt'), '14', 'what was committed');
is($stack->sql('SELECT lag FROM medallion.weather_lag WHERE partition = 0'), '0', 'nothing is left');
my $objects = () = $weather->objects;
whole('only markers since');
is(scalar(() = $weather->objects), $objects, 'no objects without records');
my $open = $kafka->transaction($topic);
$open->send(map { reading($_, partition => 0) } 1 .. 3);
$kafka->produce($topic, reading(4, partition => 0));
whole('an open transaction holds back what is behind it');
$open->commit;
whole('until it ends');
is($stack->sql('SELECT sum(readings) FROM weather.weather_rt'), '18', 'then all of it is there');

# Compaction: holes, anchors that vanish, tombstones
begin('compacted', partitions => 1,
	config => ['cleanup.policy=compact', 'segment.ms=100', 'min.cleanable.dirty.ratio=0.001', 'delete.retention.ms=100', 'max.compaction.lag.ms=100']);
$kafka->produce($topic, map { reading($_, key => 'k' . $_ % 7) } 1 .. 100);
whole('before compaction, or after: the broker may be quick', from => 'line');
$kafka->produce($topic, map { reading($_, key => 'k' . $_ % 7) } 101 .. 160);
$kafka->produce($topic, {key => 'k3', value => undef});
ok(defined Stack::until_true(sub { sleep 1; $kafka->produce($topic, reading(1, key => 'roll')); $kafka->read($topic) < 90 }, 60), 'the cleaner was there');
whole('holes', from => 'line');
whole('an anchor may vanish', from => 'line');
like($stack->sql('SELECT count(*) FROM medallion.weather_position WHERE anchor_offset IS NOT NULL'), qr/^1$/, 'the position is known');

# Records that nobody could read
begin('poison', partitions => 1);
my @poison = (
	reading(1), {key => 'x', value => undef}, {key => 'x', value => "\xff\xfe{"}, {key => 'x', value => '{"name":"a\u0000b","dt":1,"main":{"temp":1,"humidity":1}}'},
	{key => 'x', value => '[' x 1_000_000}, {key => 'x', value => '[' x 500_000 . ']' x 500_000}, {key => 'x', value => ''}, {key => "\xff", value => 'null'},
	reading(2, value => '{"name":"Oslo","dt":1767225600,"main":{"temp":281,"humidity":41},"pad":"' . 'x' x 10_000_000 . '"}'),
	{key => 'x', value => '{"_error":true,"status_code":401,"city":"Oslo"}'}, reading(3),
);
$kafka->produce($topic, map { +{timestamp => 1_767_225_600_000, %$_} } @poison);
$weather->run;
is($stack->sql('SELECT sum(readings) FROM weather.weather_rt'), '3', 'what can be read is');
is($stack->sql('SELECT count(*) FROM weather.api_error'), '1', 'the failed call');
is($stack->sql('SELECT count(*) FROM weather.dead_letter'), '7', 'the others are dead letters: ' . reasons());
is($stack->sql('SELECT count(*) FROM weather.dead_letter d JOIN source_weather.weather s ON (s.partition, s."offset") = (d.partition, d."offset")'
	  . ' WHERE (d.key, d.value) IS DISTINCT FROM (s.key, s.value)'), '0', 'with their exact bytes');
is($stack->sql('SELECT count(*) FROM bronze.weather b JOIN source_weather.weather s ON (s.partition, s."offset") = (b.partition, b."offset")'
	  . ' WHERE medallion.raw_bytes(b.value::text, b.value_base64) IS NOT DISTINCT FROM s.value AND medallion.raw_bytes(b.key, b.key_base64) IS NOT DISTINCT FROM s.key'),
	scalar @poison, 'and so are the raw objects\'');

# Any size of batches and objects gives the same tables.
my $rows = 'SELECT string_agg(t::text, E\'\n\' ORDER BY t::text) FROM (SELECT city, window_start, window_end, avg_temp, avg_temp_c, avg_humidity, min_temp, max_temp,'
  . ' min_humidity, max_humidity, sum_temp, sum_humidity, readings, is_final, %s FROM weather.%s) t';
my @seen;
for my $size ([10_000_000, 250_000], [97, 13], [1000, 1], [50, 1000])
{
	begin('batches', run_records => $size->[0], object_records => $size->[1]);
	$kafka->flood($topic, 400, seed => 7, start => 1_767_225_600, seconds => 90_000);
	do { $weather->run } until $stack->sql('SELECT sum(lag) FROM medallion.weather_lag') eq '0';
	is_deeply({$weather->differences}, {}, "batches of $size->[0], objects of $size->[1]");
	push @seen, $stack->sql(sprintf $rows, 1, 'weather_rt') . $stack->sql(sprintf $rows, 'granularity', 'weather_bt');
	is($seen[-1], $seen[0], 'the same tables');
}
$weather->drop;
undef $_ for $weather, $stack;
done_testing();
