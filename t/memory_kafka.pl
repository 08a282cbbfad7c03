# Messages stream through the backend both ways: a topic of several hundred MB and messages of 10 MB stay within the fetch
# budget and 64 MiB above the backend's start.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use Kafka;
use Stack;
use Test::More;

my $own   = 64 * 1024;
my $kafka = Kafka->new;
my $stack = Stack->new('memory_kafka', extensions => ['fdw_kafka']);
my %topic = map { $_ => "test_memory_kafka_$_" } qw(many large);
my $many  = $ENV{MEDALLION_FULL} ? 2_000_000 : 400_000;

$kafka->delete($_) for values %topic;
$kafka->create($topic{many}, 3);
$kafka->create($topic{large}, 2, 'max.message.bytes=20000000');
$stack->kafka_server('kafka');
for my $name (sort keys %topic)
{
	$stack->sql("CREATE FOREIGN TABLE $name (key text OPTIONS (metadata 'key'), value text) SERVER kafka"
		  . " OPTIONS (topic '$topic{$name}', format 'text', compression 'none', max_message '16MB')");
	$stack->sql("CREATE FOREIGN TABLE ${name}_thrifty (key text OPTIONS (metadata 'key'), value text) SERVER kafka"
		  . " OPTIONS (topic '$topic{$name}', format 'text', fetch_budget '32MB')");
	$stack->sql("CREATE FOREIGN TABLE ${name}_whole (key text OPTIONS (metadata 'key'), value text) SERVER kafka"
		  . " OPTIONS (topic '$topic{$name}', format 'text', compression 'zstd', max_message '16MB', transactional 'true')");
}

sub stays_small
{
	my ($name, $limit, $query, $expected) = @_;
	my $session = $stack->session;

	$session->sql('SELECT count(*) FROM pg_class');
	my ($growth, $result) = $session->growth($query, 600);
	is($result->{out}, $expected, "$name: as expected");
	cmp_ok($growth, '<=', $limit, sprintf('%s: the backend grew by %.1f MiB', $name, $growth / 1024));
	note(sprintf '%s: %.1f s, %.1f MiB', $name, $result->{seconds}, $growth / 1024);
	return;
}

my $budget = 256 * 1024;
stays_small("sending $many messages of 600 bytes", $own, "INSERT INTO many SELECT i % 100, repeat(md5(i::text), 18) FROM generate_series(1, $many) i", '');
stays_small('sending 100,000 in a Kafka transaction', $own, 'INSERT INTO many_whole SELECT i % 100, repeat(md5(i::text), 18) FROM generate_series(1, 100000) i', '');
my $all = $many + 100_000;
stays_small('reading them', $budget + $own, 'SELECT count(*), sum(length(value)) FROM many', join '|', $all, $all * 576);
stays_small('reading them with a budget of 32 MB', 32 * 1024 + $own, 'SELECT count(*), sum(length(value)) FROM many_thrifty', join '|', $all, $all * 576);
stays_small('leaving them early', $budget + $own, 'SELECT count(*) FROM (SELECT 1 FROM many LIMIT 5) s', 5);
# one value is several times in memory while it is being made
stays_small('sending 30 messages of 10 MB', $own + 40 * 1024, "INSERT INTO large SELECT i, repeat(md5(i::text), 312500) FROM generate_series(1, 30) i", '');
stays_small('reading them', $budget + $own, 'SELECT count(*), sum(length(value)) FROM large', '30|300000000');
stays_small('reading them with a budget of 32 MB', 32 * 1024 + $own + 40 * 1024, 'SELECT count(*), sum(length(value)) FROM large_thrifty', '30|300000000');

$kafka->delete($_) for values %topic;
done_testing();
