# fdw_kafka reads a topic as it is: transactions that commit, abort or stay open, compaction, retention, topics that grow,
# go, or come again while they are read. A scan has every record between its watermarks, or ends with an ERROR.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use Kafka;
use Stack;
use Test::More;
use Time::HiRes qw(sleep time);

my $stack = Stack->new('kafka_scan', extensions => ['fdw_kafka']);
my $kafka = Kafka->new;
my %topics;

$stack->kafka_server('kafka');

# A topic made anew, and a foreign table of the same name over it.
sub topic
{
	my ($name, $partitions, %option) = @_;
	my $topic   = "test_kafka_scan_$name";
	my $options = join '', map { ", $_ '$option{table}{$_}'" } sort keys %{$option{table} // {}};

	$kafka->delete($topic);
	$kafka->create($topic, $partitions, 'retention.ms=-1', @{$option{config} // []});
	$topics{$topic} = 1;
	$stack->sql("CREATE FOREIGN TABLE $name (p int OPTIONS (metadata 'partition'), o bigint OPTIONS (metadata 'offset'), "
		  . "key text OPTIONS (metadata 'key'), line text) SERVER kafka OPTIONS (topic '$topic', format 'text'$options)");
	return $topic;
}

sub records { my ($from, $to, %more) = @_; return map { {value => "v$_", key => "k$_", partition => 0, %more} } $from .. $to }

# What a foreign table has, and what Kafka's own reading of the topic has.
sub same
{
	my ($table, $what) = @_;
	my $ours   = $stack->sql("SELECT string_agg(p || ':' || o || '=' || coalesce(line, '-'), ' ' ORDER BY p, o) FROM $table");
	my $theirs = join ' ', map { "$_->{partition}:$_->{offset}=" . ($_->{value} // '-') } $kafka->read("test_kafka_scan_$table");

	return is($ours, $theirs, $what);
}

# The answer to a commit comes before its marker stands in the log.
sub ended
{
	my ($table, $high) = @_;

	return Stack::until_true(sub { $stack->sql("SELECT high FROM fdw_kafka_watermarks('$table')") >= $high }, 30);
}

# Transactions ------------------------------------------------------------------------------------------------------------

my $topic = topic('transactions', 1);
$stack->sql("CREATE FOREIGN TABLE uncommitted (o bigint OPTIONS (metadata 'offset'), line text) SERVER kafka "
	  . "OPTIONS (topic '$topic', format 'text', isolation 'read_uncommitted')");
my $session = $stack->session;
my $count   = 'SELECT count(*) FROM transactions';

$kafka->produce($topic, records(1, 3));
my $sender = $kafka->transaction($topic);
$sender->send(records(4, 6));
$sender->commit;
ended('transactions', 7);
my $began = time;
is($session->try($count)->{out}, 6, 'a topic that ends with the marker of a commit');
cmp_ok(time - $began, '<', 5, '... without waiting for what never comes');
$sender = $kafka->transaction($topic);
$sender->send(records(7, 9));
$sender->abort;
is($session->try($count)->{out}, 6, 'one that ends with an aborted transaction');
is($session->try("$count WHERE o >= 7 AND o < 10")->{out}, 0, 'a range of aborted records');
is($session->try("$count WHERE o >= 6")->{out}, 0, 'a range of markers and aborted records to the end');
is($session->try("$count WHERE o = 6")->{out}, 0, 'a range that is a marker');
is($stack->sql('SELECT count(*) FROM uncommitted'), 9, 'read_uncommitted has the aborted records too');
my $open = $kafka->transaction($topic);
$open->send(records(10, 12));
$open->flush;
$kafka->produce($topic, records(13, 14));
is($session->try($count)->{out}, 6, 'an open transaction hides what follows it');
is($stack->sql('SELECT count(*) FROM uncommitted'), 14, '... but not from read_uncommitted');
is($stack->sql("SELECT high FROM fdw_kafka_watermarks('transactions')"), 11, 'the watermark is the last stable offset');
$open->commit;
ended('transactions', 17);
is($session->try($count)->{out}, 11, 'then it commits');
same('transactions', 'the records are those that Kafka reads');

# Compaction ----------------------------------------------------------------------------------------------------------------

my @quick = ('cleanup.policy=compact', 'segment.ms=100', 'min.cleanable.dirty.ratio=0.01', 'delete.retention.ms=100',
	'min.compaction.lag.ms=0', 'max.compaction.lag.ms=100');
$topic = topic('compacted', 2, config => \@quick);
for my $round (1 .. 4)
{
	$kafka->produce($topic, map { {key => 'k' . $_ % 7, value => "r$round-$_", partition => $_ % 2} } 1 .. 200);
	sleep 0.2;
}
$kafka->produce($topic, {key => 'k1', value => undef, partition => 1}, {key => 'k2', value => 'last', partition => 0});
my $left = 1000;
for (1 .. 300) { sleep 0.1; $left = () = $kafka->read($topic); last if $left < 300 }
cmp_ok($left, '<', 300, 'the topic is compacted');
same('compacted', 'a compacted topic, with holes and tombstones');
my ($low, $high) = @{($kafka->watermarks($topic))[0]};
my @held = map { $_->{offset} } grep { $_->{partition} == 0 } $kafka->read($topic);
my $wrong = 0;
for my $i (1 .. 30)
{
	my $from = int rand $high;
	my $to   = $from + int rand 60;
	my $want = grep { $_ >= $from && $_ < $to } @held;

	$wrong++ if $stack->sql("SELECT count(*) FROM compacted WHERE p = 0 AND o >= $from AND o < $to") != $want;
}
is($wrong, 0, 'ranges that begin or end in holes');

# Retention -----------------------------------------------------------------------------------------------------------------

$topic = topic('lost', 1, table => {fetch_budget => '16MB'});
$kafka->produce($topic, map { {value => 'x' x 1000, partition => 0} } 1 .. 30000);
$session = $stack->session;
$session->sql('BEGIN');
$session->sql('DECLARE c CURSOR FOR SELECT o FROM lost');
is($session->sql('FETCH 1 FROM c'), 0, 'a cursor over a topic larger than its budget');
$kafka->truncate($topic, 0, 29990);
my $result = $session->try('FETCH ALL FROM c', 30);
is($result->{code}, '40001', 'records removed from under it are an ERROR') or diag($result->{text});
like($result->{text}, qr/could not fetch from topic "$topic" partition 0/, '... that names topic and partition');
$session->sql('ROLLBACK');
is($session->sql('SELECT count(*), min(o) FROM lost'), '10|29990', 'the next scan has what is left');
is($session->sql('SELECT count(*) FROM lost WHERE o < 29990'), 0, 'a range that is gone has no rows');
$kafka->truncate($topic, 0, 30000);
is($session->sql('SELECT count(*) FROM lost'), 0, 'nothing is left');

# Growing, going, coming again --------------------------------------------------------------------------------------------

$topic = topic('grown', 1);
$kafka->produce($topic, records(1, 5));
$session->sql('SELECT count(*) FROM grown');
$session->sql('BEGIN');
$session->sql('DECLARE c CURSOR FOR SELECT o FROM grown');
$session->sql('FETCH 1 FROM c');
$kafka->grow($topic, 3);
$kafka->produce($topic, {value => 'new', partition => 2});
is($session->sql('SELECT count(*) FROM (SELECT 1) s'), 1, 'meanwhile');
my @rest = split /\n/, $session->sql('FETCH ALL FROM c');
is(scalar @rest, 4, 'a cursor does not see a partition that was added');
$session->sql('COMMIT');
is($session->sql('SELECT count(*) FROM grown'), 6, 'the next scan does, from its beginning');

$topic = topic('gone', 1, table => {fetch_budget => '16MB'});
$kafka->produce($topic, map { {value => 'x' x 1000, partition => 0} } 1 .. 30000);
$stack->sql(q(ALTER SERVER kafka OPTIONS (ADD read_timeout '5s')));
$session->quit;
$session = $stack->session;
$session->sql('BEGIN');
$session->sql('DECLARE c CURSOR FOR SELECT o FROM gone');
$session->sql('FETCH 1 FROM c');
$kafka->delete($topic);
$result = $session->try('FETCH ALL FROM c', 30);
isnt($result->{code}, undef, 'a topic that goes while it is read is an ERROR') or diag($result->{text});
$session->sql('ROLLBACK');
is($session->try('SELECT count(*) FROM gone')->{code}, 'HV00R', 'and is missing then');
$kafka->create($topic, 1);
$kafka->produce($topic, records(1, 2));
is($session->sql('SELECT count(*) FROM gone'), 2, 'made again, it is read again');

$session->quit;
$kafka->delete($_) for sort keys %topics;
done_testing;
