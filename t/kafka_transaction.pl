# fdw_kafka and crashes: what a transaction has in PostgreSQL it has in Kafka, and a transactional table's messages come all
# or none, whenever a backend is killed. Sessions that write at the same time do not disturb each other.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use Cluster;
use Kafka;
use List::Util qw(sum0 uniq);
use Stack;
use Test::More;
use Time::HiRes qw(time sleep);

use constant {SESSIONS => 4, TRANSACTIONS => 25, EACH => 7, CRASHES => 8};

my $cluster = Cluster->new;
my $stack   = Stack->new('kafka_transaction', extensions => ['fdw_kafka']);
my $kafka   = Kafka->new;
my %topic   = map { $_ => "test_kafka_transaction_$_" } qw(plain whole);

for my $name (sort keys %topic)
{
	$kafka->delete($topic{$name});
	$kafka->create($topic{$name}, 2);
}
$stack->kafka_server('kafka');
my %options = (plain => '', whole => ", transactional 'true'");
$stack->sql("CREATE FOREIGN TABLE $_ (k text OPTIONS (metadata 'key'), n text) SERVER kafka OPTIONS (topic '$topic{$_}', format 'text'$options{$_})")
  for sort keys %topic;
$stack->sql('CREATE TABLE done (k text)');

# Sessions side by side ------------------------------------------------------------------------------------------------

# Some commit, some roll back, some after they have sent; each in a transaction of its own.
$stack->sql(<<'SQL');
CREATE PROCEDURE work(who text, transactions int, each int) LANGUAGE plpgsql AS $$
BEGIN
  FOR t IN 1 .. transactions LOOP
    INSERT INTO whole SELECT who || '/' || t, i FROM generate_series(1, each) i;
    IF t % 4 = 0 THEN
      PERFORM * FROM fdw_kafka_finish();
      ROLLBACK;
    ELSE
      INSERT INTO done VALUES (who || '/' || t);
      COMMIT;
    END IF;
  END LOOP;
END $$;
SQL

# Keys of what committed readers see, with how many messages each has
sub seen { my ($topic) = @_; my %seen; $seen{$_->{key}}++ for $kafka->read($topic); return \%seen }

my @sessions = map { $stack->session } 1 .. SESSIONS;
$sessions[$_]->send("CALL work('$_', @{[TRANSACTIONS]}, @{[EACH]})") for 0 .. $#sessions;
for my $session (@sessions) { my $result = $session->receive(60); is($result->{code}, undef, 'a session among others') or diag($result->{text}) }
my $seen = seen($topic{whole});
my @done = split /\n/, $stack->sql('SELECT k FROM done ORDER BY k');
is(join(' ', sort keys %$seen), join(' ', sort @done), 'what was committed is seen, and nothing else');
is(join(' ', uniq values %$seen), EACH, 'all of each transaction, once');

# A transactional producer's connections end with its session; the next one in its place takes over.
$_->quit for @sessions;
for (1 .. 5)
{
	is($stack->try("INSERT INTO whole VALUES ('after', '$_')")->{code}, undef, 'a session after the others');
}

# A topic that changes under a warm session ---------------------------------------------------------------------------

{
	my $topic   = $topic{changing} = 'test_kafka_transaction_changing';
	my $session = $stack->session;
	my $send    = "INSERT INTO changing_%s SELECT NULL, i % 5, i FROM generate_series(1, 50) i";

	$kafka->delete($topic);
	$kafka->create($topic, 2);
	for my $name (sort keys %options)
	{
		$stack->sql("CREATE FOREIGN TABLE changing_$name (p int OPTIONS (metadata 'partition'), k text OPTIONS (metadata 'key'), n int) SERVER kafka"
			  . " OPTIONS (topic '$topic', format 'csv'$options{$name})");
	}
	for my $round (1, 2)
	{
		$session->sql($send =~ s/%s/$_/r) for sort keys %options;
		$kafka->delete($topic);
		for my $name (sort keys %options)
		{
			my $result = $session->try($send =~ s/%s/$name/r, 20);
			is($result->{code}, 'HV00R', "$name: a topic that was deleted: an ERROR");
			unlike($result->{text}, qr/stay in Kafka|aborted/, '... which speaks of nothing that was sent before');
		}
		$kafka->create($topic, 2);
	}
	for my $name (sort keys %options) { is($session->try($send =~ s/%s/$name/r, 20)->{code}, undef, "$name: a topic that was made again") }
	is(scalar($kafka->read($topic)), 100, '... has every message once');
	$kafka->grow($topic, 4);
	for my $name (sort keys %options) { is($session->try("INSERT INTO changing_$name VALUES (3, 'k', 0)", 20)->{code}, undef, "$name: a partition that is new") }
	is(scalar(grep { $_->{partition} == 3 } $kafka->read($topic)), 2, '... has every message once');
	$kafka->delete($topic);
	$kafka->create($topic, 1);
	for my $name (sort keys %options) { is($session->try($send =~ s/%s/$name/r, 20)->{code}, undef, "$name: fewer partitions, in an idle moment") }
	is(scalar($kafka->read($topic)), 100, '... have every message once');
}

# A backend that is killed ----------------------------------------------------------------------------------------------

# Whatever the crash leaves open, those who come next end.
sub restarted
{
	Stack::until_true(sub { eval { $stack->sql('SELECT 1'); 1 } }, 20) // die "the server does not come back\n";
	$stack->sql('SELECT 1');
	return;
}

for my $name (qw(plain whole))
{
	my $session = $stack->session;

	$session->sql("BEGIN; INSERT INTO $name VALUES ('killed $name', '1')");
	kill 'KILL', $session->pid;
	$session->receive(10);
	restarted();
	ok(!seen($topic{$name})->{"killed $name"}, "$name: killed before it has sent: nothing is there");
	$session = $stack->session;
	$session->sql("BEGIN; INSERT INTO $name SELECT 'killed late $name', i FROM generate_series(1, 10) i; SELECT count(*) FROM fdw_kafka_finish()");
	kill 'KILL', $session->pid;
	$session->receive(10);
	restarted();
	my @next = map { $stack->session } 1 .. 3;
	$_->sql("INSERT INTO $name VALUES ('next $name', '1')") for @next;
	my $late = Stack::until_true(sub { (seen($topic{$name})->{"next $name"} // 0) == 3 }, 20);
	ok(defined $late, "$name: killed after it has sent: who comes next is read at once") and note("after $late s");
	is(seen($topic{$name})->{"killed late $name"} // 0, $name eq 'whole' ? 0 : 10,
		"$name: ... and its own messages " . ($name eq 'whole' ? 'are not seen' : 'are there, as the manual says'));
}

# Kill it anywhere -----------------------------------------------------------------------------------------------------

$stack->sql("TRUNCATE done");
for my $crash (1 .. CRASHES)
{
	my $session = $stack->session;

	$session->send("CALL work('crash $crash', 100000, @{[EACH]})");
	sleep 0.05 + rand 0.3;
	kill 'KILL', $session->pid;
	$session->receive(10);
	restarted();
}
# end what they left open
my @last = map { $stack->session } 1 .. 4;
$_->sql("INSERT INTO whole VALUES ('last', '1')") for @last;
my $end = Stack::until_true(sub { (seen($topic{whole})->{last} // 0) == 4 }, 30);
ok(defined $end, 'after all crashes, who comes last is read');
@done = split /\n/, $stack->sql('SELECT k FROM done ORDER BY k');
# The markers of what the crashes left open come to each partition in its own time.
Stack::until_true(sub { $seen = seen($topic{whole}); !grep { !$seen->{$_} } @done }, 30);
cmp_ok(scalar(@done), '>', CRASHES, 'there was work done: ' . @done . ' transactions');
is(join(' ', grep { !$seen->{$_} } @done), '', 'what PostgreSQL has, Kafka has');
my %done = map { $_ => 1 } @done;
my @ahead = grep { /^crash / && !$done{$_} } sort keys %$seen;
cmp_ok(scalar(@ahead), '<=', CRASHES, 'Kafka is ahead by the transaction that was being committed, at most: ' . @ahead);
is(join(' ', uniq map { $seen->{$_} } grep { /^crash / } keys %$seen), EACH, 'all of each transaction, once');

$kafka->delete($_) for values %topic;
done_testing();
undef $_ for @last, $stack;    # before its server goes
undef $cluster;
