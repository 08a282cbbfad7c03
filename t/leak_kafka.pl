# Hundreds of caught errors in one session leave no thread, descriptor, connection or memory behind. Those that take their
# time come by the dozen; MEDALLION_FULL=1 takes 200 of each.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use Daemon;
use FaultProxy;
use Kafka;
use Stack;
use Test::More;
use Time::HiRes qw(sleep);

use constant TIMES => 200;

my $stack = Stack->new('leak_kafka', extensions => ['fdw_kafka']);
my $kafka = Kafka->new;
my ($host, $kafka_port) = $ENV{KAFKA_BROKERS} =~ /^([^:,]+):(\d+)/ or die "KAFKA_BROKERS: $ENV{KAFKA_BROKERS}\n";
my $proxy = FaultProxy->start($host, $kafka_port);
my $mock  = Kafka->mock(1);
my %topic = map { $_ => "test_leak_kafka_$_" } qw(good write);

for my $name (sort keys %topic)
{
	$kafka->delete($topic{$name});
	$kafka->create($topic{$name}, 3);
}
$mock->topic('mock', 1);
$stack->kafka_server('good');
$stack->kafka_server('refused', {}, brokers => '127.0.0.1:' . $proxy->port, connect_timeout => '1s');
$stack->kafka_server('mock', {}, brokers => $mock->brokers);
my $columns = "(k text OPTIONS (metadata 'key'), n int)";
for my $server (qw(good refused))
{
	my $topic = $server eq 'good' ? 'good' : 'write';

	$stack->sql("CREATE FOREIGN TABLE ${server}_read $columns SERVER $server OPTIONS (topic '$topic{good}', format 'csv')");
	$stack->sql("CREATE FOREIGN TABLE ${server}_write $columns SERVER $server OPTIONS (topic '$topic{write}', format 'csv')");
	$stack->sql("CREATE FOREIGN TABLE ${server}_whole $columns SERVER $server OPTIONS (topic '$topic{write}', format 'csv', transactional 'true')");
	$stack->sql("CREATE FOREIGN TABLE ${server}_absent $columns SERVER $server OPTIONS (topic 'test_leak_kafka_absent', format 'csv')");
}
$stack->sql("CREATE FOREIGN TABLE bad_read (k text OPTIONS (metadata 'key'), n date) SERVER good OPTIONS (topic '$topic{good}', format 'csv')");
$stack->sql("CREATE FOREIGN TABLE partition_write (p int OPTIONS (metadata 'partition'), n int) SERVER good OPTIONS (topic '$topic{write}', format 'csv')");
$stack->sql("CREATE FOREIGN TABLE mock_write $columns SERVER mock OPTIONS (topic 'mock', format 'csv')");
$stack->sql("CREATE FOREIGN TABLE mock_whole $columns SERVER mock OPTIONS (topic 'mock', format 'csv', transactional 'true')");
$stack->sql("INSERT INTO good_read SELECT i % 10, i FROM generate_series(1, 1000) i");
$stack->sql(<<'SQL');
CREATE FUNCTION fail(query text, times int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE failed int := 0;
BEGIN
  FOR i IN 1 .. times LOOP
    BEGIN
      EXECUTE query;
      PERFORM * FROM fdw_kafka_finish();
    EXCEPTION WHEN OTHERS THEN failed := failed + 1;
    END;
  END LOOP;
  RETURN failed;
END $$;
SQL

sub leaks_nothing
{
	my ($name, $query, %option) = @_;
	my $session = $stack->session;
	my $count   = $ENV{MEDALLION_FULL} ? TIMES : $option{times} // TIMES;
	my $fail    = sub { $session->sql('SELECT fail(' . Stack::quote($query) . ", $_[0])", 600) };
	my $settle  = sub { sleep 0.3; return map { $_ => $session->$_ } qw(threads descriptors sockets memory) };

	$session->sql('SET client_min_messages = error');
	$proxy->fault(%{$option{fault} // {act => 'pass'}});
	is($fail->(5), 5, "$name: it fails") or diag($session->try($query)->{text});
	my %before = $settle->();
	is($fail->($count), $count, "$name: it fails $count times");
	my %after = $settle->();

	cmp_ok($after{$_}, '<=', $before{$_}, "$name: no more $_") for qw(threads sockets);
	cmp_ok($after{descriptors}, '<=', $before{descriptors} + 3, "$name: no more descriptors");
	cmp_ok($after{memory}, '<=', $before{memory} + 4096, "$name: memory within 4 MiB");
	note("$name: memory +" . ($after{memory} - $before{memory}) . " KiB, descriptors $after{descriptors}, threads $after{threads}");
	$proxy->pass;
	is($session->try('SELECT count(*) FROM good_read')->{out}, 1000, "$name: the session still works");
	return;
}

leaks_nothing('a scan refused', 'SELECT * FROM refused_read', fault => {act => 'refuse'}, times => 15);
leaks_nothing('an INSERT refused', "INSERT INTO refused_write VALUES ('k', 1)", fault => {act => 'refuse'}, times => 15);
leaks_nothing('a transaction refused', "INSERT INTO refused_whole VALUES ('k', 1)", fault => {act => 'refuse'}, times => 15);
leaks_nothing('a scan black-holed', 'SELECT * FROM refused_read', fault => {act => 'blackhole'}, times => 10);
leaks_nothing('an INSERT black-holed', "INSERT INTO refused_write VALUES ('k', 1)", fault => {act => 'blackhole'}, times => 10);
leaks_nothing('an absent topic', 'SELECT * FROM good_absent', times => 10);
leaks_nothing('a record that is no row', 'SELECT * FROM bad_read');
leaks_nothing('an ERROR of our own in a scan', 'SELECT 1 / (n - 500) FROM good_read');
leaks_nothing('an ERROR of our own in an INSERT', "INSERT INTO good_write SELECT 'k', 1 / (500 - i) FROM generate_series(1, 1000) i");
leaks_nothing('an ERROR of our own in a transaction', "INSERT INTO good_whole SELECT 'k', 1 / (500 - i) FROM generate_series(1, 1000) i");
leaks_nothing('a partition that is not there', 'INSERT INTO partition_write VALUES (0, 1), (9, 1)', times => 100);
leaks_nothing('an ERROR after sending', 'INSERT INTO good_write VALUES (1, 1); SELECT count(*) FROM fdw_kafka_finish(); SELECT 1 / 0');
leaks_nothing('an ERROR after sending in a transaction', 'INSERT INTO good_whole VALUES (1, 1); SELECT count(*) FROM fdw_kafka_finish(); SELECT 1 / 0', times => 100);
is($stack->sql('SELECT count(*) FROM good_write WHERE n = 1') > 0 ? 1 : 0, 1, 'what was sent before an ERROR stays');

# Messages that the broker refuses
$mock->do('error 0 29 100000');
leaks_nothing('messages refused', "INSERT INTO mock_write VALUES ('k', 1)", times => 100);
leaks_nothing('messages of a transaction refused', "INSERT INTO mock_whole VALUES ('k', 1)", times => 50);

# Timeouts, which cannot be caught: each is a statement of its own.
for my $sql ('SELECT * FROM refused_read', "DO \$\$ BEGIN INSERT INTO refused_write VALUES ('k', 1); PERFORM * FROM fdw_kafka_finish(); END \$\$",
	"DO \$\$ BEGIN INSERT INTO refused_whole VALUES ('k', 1); PERFORM * FROM fdw_kafka_finish(); END \$\$")
{
	my $session = $stack->session;
	my $count   = $ENV{MEDALLION_FULL} ? TIMES : 25;
	my %before;

	$proxy->fault(act => 'blackhole');
	$session->sql("SET statement_timeout = '60ms'");
	for my $time (0 .. $count)
	{
		is($session->try($sql, 20)->{code}, '57014', 'a timeout') if $time % 10 == 0;
		$session->try($sql, 20) if $time % 10 != 0;
		if ($time == 4) { sleep 0.3; %before = map { $_ => $session->$_ } qw(threads descriptors) }
	}
	sleep 0.5;
	cmp_ok($session->$_, '<=', $before{$_}, "$count timeouts: no more $_") for qw(threads descriptors);
	$proxy->pass;
}

# Sessions that come and go
$stack->try("SELECT count(*) FROM good_read; INSERT INTO good_write VALUES ('k', 2)") for 1 .. 30;
is($stack->sql('SELECT count(*) FROM good_write WHERE n = 2'), 30, 'sessions that come and go send all');

$kafka->delete($_) for values %topic;
done_testing();
