# fdw_kafka on a broken network and with brokers that die: interrupts act in every phase of reading and writing; whatever
# is cut, refused or killed gives the exact rows, the exact messages, or an ERROR.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use Daemon;
use FaultProxy;
use Interrupt;
use Kafka;
use Stack;
use Test::More;
use Time::HiRes qw(time sleep);

use constant {ROWS => 30_000, WIDTH => 200};

our %slowest;
my $stack = Stack->new('fault_kafka', extensions => ['fdw_kafka']);

# A broker that tells its clients to come through the proxy.
my ($direct, $behind, $control) = map { Daemon::free_port() } 1 .. 3;
my $proxy = FaultProxy->start('127.0.0.1', $behind);
my $port  = $proxy->port;
my $broker = Kafka->start(
	settings => {
		'listeners' => "PLAINTEXT://127.0.0.1:$direct,BEHIND://127.0.0.1:$behind,CONTROLLER://127.0.0.1:$control",
		'advertised.listeners' => "PLAINTEXT://127.0.0.1:$direct,BEHIND://127.0.0.1:$port",
		'listener.security.protocol.map' => 'PLAINTEXT:PLAINTEXT,BEHIND:PLAINTEXT,CONTROLLER:PLAINTEXT',
		'controller.quorum.voters' => "1\@127.0.0.1:$control",
	});
my $kafka = Kafka->new("127.0.0.1:$direct");

$kafka->create('read', 2);
$kafka->create('write', 2);
$stack->kafka_server('direct', {}, brokers => "127.0.0.1:$direct", read_timeout => '3s', send_timeout => '3s');
$stack->kafka_server('behind', {}, brokers => "127.0.0.1:$port", connect_timeout => '5s', read_timeout => '20s', send_timeout => '20s');
# the same broker, but without patience
$stack->kafka_server('hasty', {}, brokers => "127.0.0.1:$port", connect_timeout => '2s', read_timeout => '2s', send_timeout => '2s');
for my $server (qw(direct behind hasty))
{
	$stack->sql("CREATE FOREIGN TABLE ${server}_read (n int, word text) SERVER $server OPTIONS (topic 'read', format 'csv', compression 'none')");
	$stack->sql("CREATE FOREIGN TABLE ${server}_write (k text OPTIONS (metadata 'key'), n int, word text) SERVER $server"
		  . " OPTIONS (topic 'write', format 'csv', compression 'none')");
	$stack->sql("CREATE FOREIGN TABLE ${server}_whole (k text OPTIONS (metadata 'key'), n int, word text) SERVER $server"
		  . " OPTIONS (topic 'write', format 'csv', compression 'none', transactional 'true')");
}
$stack->sql("CREATE FOREIGN TABLE $_ (p int OPTIONS (metadata 'partition'), o bigint OPTIONS (metadata 'offset'), k text OPTIONS (metadata 'key'),"
	  . " n int, word text) SERVER direct OPTIONS (topic 'write', format 'csv', isolation '" . ($_ eq 'look' ? 'read_committed' : 'read_uncommitted') . "')")
  for qw(look look_dirty);
$stack->sql("INSERT INTO direct_read SELECT i, repeat('w', @{[WIDTH]}) FROM generate_series(1, @{[ROWS]}) i");
my $exact = join '|', ROWS, ROWS * (ROWS + 1) / 2, WIDTH;
my $read  = 'SELECT count(*), sum(n), max(length(word)) FROM %s_read';
is($stack->sql(sprintf $read, 'behind'), $exact, 'the rows, all through the proxy');
cmp_ok($proxy->stat->{down}, '>', ROWS * WIDTH, 'all bytes go through it');

my $stuck = sub { $proxy->stat->{fired} > 0 };
my $again = sub {
	my ($session) = @_;

	$proxy->pass;
	is($session->try(sprintf $read, 'behind')->{out}, $exact, '... and the next scan is complete');
};

# Reading, interrupted -------------------------------------------------------------------------------------------------

my @phases = (
	{name => 'connect', fault => {act => 'unreachable'}},
	{name => 'nothing answers', fault => {act => 'blackhole'}, ready => $stuck},
	{name => 'in the middle of metadata', fault => {act => 'blackhole', down => 400}, ready => $stuck},
	{name => 'in the middle of a record', fault => {act => 'blackhole', down => 2_000_000}, ready => $stuck},
	{name => 'a trickle', fault => {act => 'pass', rate => 20_000}, ready => sub { $proxy->stat->{down} > 5000 }},
);
for my $phase (@phases)
{
	for my $means (@{Interrupt::MEANS()})
	{
		$proxy->fault(%{$phase->{fault}});
		Interrupt::strike($stack, "SELECT, $phase->{name}", $means, sql => sprintf($read, 'behind'), ready => $phase->{ready},
			after => $again);
	}
}
for my $sql ('ANALYZE behind_read', 'IMPORT FOREIGN SCHEMA kafka FROM SERVER behind INTO public')
{
	for my $phase (@phases[0, 1])
	{
		for my $means (@{Interrupt::MEANS()})
		{
			$proxy->fault(%{$phase->{fault}});
			Interrupt::strike($stack, (split ' ', $sql)[0] . ", $phase->{name}", $means, sql => $sql, ready => $phase->{ready});
		}
	}
}

# A warm client whose broker falls silent, and a scan that is left
for my $end ('CLOSE c', 'COMMIT', 'ROLLBACK')
{
	my $session = $stack->session;

	$proxy->pass;
	$session->sql('BEGIN; DECLARE c CURSOR FOR SELECT * FROM behind_read; FETCH 10 FROM c');
	$proxy->fault(act => 'blackhole');
	my $result = $session->try($end, 15);
	cmp_ok($result->{seconds}, '<=', 1.0, "black-holed at $end: it ends within 1 s") or diag($result->{text});
	$session->try('ROLLBACK');
	$again->($session);
}

# Writing, interrupted -------------------------------------------------------------------------------------------------

my $serial = 0;
my $watching = $stack->session;
my $from;    # what stood in the topic before the last INSERT

# Statements with a key of their own, of which the test can ask what became of it.
sub insert
{
	my ($table, $rows) = @_;

	++$serial;
	$from = $watching->sql("SELECT string_agg(format('(p = %s AND o >= %s)', partition, high), ' OR ') FROM fdw_kafka_watermarks('look')");
	return "INSERT INTO $table SELECT 'key $serial', i, repeat('w', 1000) FROM generate_series(1, $rows) i";
}

sub finish { my ($sql) = @_; return "DO \$\$ BEGIN $sql; PERFORM * FROM fdw_kafka_finish(); END \$\$" }

# What of the last key committed readers see, and where not "at once", when no open transaction holds them up any more
sub arrived
{
	my ($when) = @_;
	my $marks = sub { $watching->sql("SELECT string_agg(partition || ':' || high, ',' ORDER BY partition) FROM fdw_kafka_watermarks('$_[0]')") };

	Stack::until_true(sub { $marks->('look') eq $marks->('look_dirty') }, 20) // diag('a transaction is left open') if !$when;
	return $watching->sql("SELECT count(*) || CASE WHEN count(*) = count(DISTINCT n) AND bool_and(rising) IS NOT FALSE THEN '' ELSE ' in disorder' END"
		  . " FROM (SELECT n, n > lag(n) OVER (ORDER BY o) AS rising FROM look WHERE k = 'key $serial' AND ($from)) s");
}

@phases = (
	{name => 'connect', fault => {act => 'unreachable'}},
	{name => 'nothing answers', fault => {act => 'blackhole'}, ready => $stuck},
	{name => 'in the middle of a message', fault => {act => 'blackhole', up => 3_000_000}, ready => $stuck},
	{name => 'no answer to messages', fault => {act => 'blackhole', down => 1000}, ready => $stuck},
);
for my $table (qw(behind_write behind_whole))
{
	for my $phase (@phases)
	{
		for my $means (@{Interrupt::MEANS()})
		{
			$proxy->fault(%{$phase->{fault}});
			Interrupt::strike($stack, "$table, $phase->{name}", $means, sql => finish(insert($table, 20_000)), ready => $phase->{ready},
				after => sub {
					my ($session) = @_;

					$proxy->pass;
					is($session->try(insert($table, 3))->{code}, undef, '... and the next INSERT is sent');
					is(arrived(), 3, '... once');
				});
			$proxy->pass;
			is(arrived('at once'), 0, "$table, $phase->{name}: nothing of the transaction is seen") if $table eq 'behind_whole' && $means !~ /cancel|timeout/;
		}
	}
	# At COMMIT PostgreSQL fires no timeout; the others act.
	for my $means (qw(cancel terminate vanish))
	{
		Interrupt::strike($stack, "$table, black-holed at COMMIT", $means, sql => 'COMMIT', ready => $stuck,
			before => sub {
				$proxy->pass;
				$_[0]->sql('BEGIN; ' . insert($table, 20));
				$proxy->fault(act => 'blackhole');
			});
		$proxy->pass;
		is(arrived('at once'), 0, "$table, black-holed at COMMIT: nothing was sent");
	}
	my $session = $stack->session;
	$session->sql('BEGIN; ' . insert($table, 20) . '; SELECT count(*) FROM fdw_kafka_finish()');
	$proxy->fault(act => 'blackhole');
	my $result = $session->try('ROLLBACK', 15);
	cmp_ok($result->{seconds}, '<=', 1.0, "$table, black-holed at ROLLBACK: it ends within 1 s");
	$proxy->pass;
	is($session->try(insert($table, 3))->{code}, undef, '... and the next INSERT is sent');
	is(arrived(), 3, '... once');
}

# A session that is killed leaves its transaction open. The next one that writes ends it, whatever sessions have come since.
{
	my $killed = $stack->session;
	$killed->sql('BEGIN; ' . insert('behind_whole', 20) . '; SELECT count(*) FROM fdw_kafka_finish()');
	$proxy->fault(act => 'blackhole');
	$watching->sql('SELECT pg_terminate_backend(' . $killed->pid . ', 5000)');
	$proxy->pass;
	my @others = map { my $session = $stack->session; $session->sql('SELECT 1'); $session } 1 .. 3;
	my $next = $stack->session;
	is($next->try(insert('behind_whole', 3))->{code}, undef, 'after a session that was killed: the next INSERT is sent');
	is(arrived(), 3, '... and is seen at once');
	$next->sql('DISCARD ALL');
	my $beside = $stack->session;
	is($beside->try(insert('behind_whole', 3))->{code}, undef, 'another session takes the number that DISCARD ALL has given up');
	is(arrived(), 3, '... and sends once');
	is($next->try(insert('behind_whole', 3))->{code}, undef, 'and the first one takes another number');
	is(arrived(), 3, '... and sends once');
}

# A cancelled sending says what it leaves behind.
{
	$proxy->fault(act => 'blackhole', up => 3_000_000);
	my $session = $stack->session;
	$session->sql("SET statement_timeout = '1500ms'");
	my $result = $session->try(finish(insert('behind_write', 20_000)), 15);
	like($result->{text}, qr/CONTEXT:.*sending to topic "write": \d+ messages stay in Kafka.*; \d+ more may have arrived/s,
		'CONTEXT tells what a cancelled sending leaves');
	$proxy->pass;
}

# Dead brokers, nobody interrupts --------------------------------------------------------------------------------------

my @cases = (
	['SELECT', sprintf $read, 'hasty'],
	['ANALYZE', 'ANALYZE hasty_read'],
	['IMPORT', 'IMPORT FOREIGN SCHEMA kafka FROM SERVER hasty INTO public'],
	['INSERT', "INSERT INTO hasty_write VALUES ('k', 1, 'x')"],
	['INSERT, transactional', "INSERT INTO hasty_whole VALUES ('k', 1, 'x')"]);

for my $fault ({act => 'refuse'}, {act => 'unreachable'}, {act => 'blackhole'}, {act => 'reset'})
{
	for my $case (@cases)
	{
		my ($name, $sql) = @$case;
		$proxy->fault(%$fault);
		my $result = $stack->try($sql, 20);

		like($result->{code} // 'none', qr/^(08|HV)/, "$name, $fault->{act}: an ERROR") or diag($result->{text});
		cmp_ok($result->{seconds}, '<', 5, "$name, $fault->{act}: in time");
	}
}
# the same from a client that was warm
for my $fault ({act => 'refuse'}, {act => 'blackhole'}, {act => 'reset'})
{
	my $session = $stack->session;
	for my $case (@cases)
	{
		my ($name, $sql) = @$case;
		$proxy->pass;
		is($session->try($sql =~ s/^IMPORT.*/SELECT 1/r, 20)->{code}, undef, "$name: the client is warm");
		$proxy->fault(%$fault);
		my $result = $session->try($sql, 30);
		my $whole = $name ne 'SELECT' ? 1 : ($result->{out} // '') eq $exact;

		ok(defined $result->{code} || $whole, "$name, warm, $fault->{act}: an ERROR, or all") or diag($result->{text});
		cmp_ok($result->{seconds}, '<', 12, "$name, warm, $fault->{act}: in time");
	}
}
$proxy->pass;

# One of several brokers is enough.
for my $other ('127.0.0.1:1', 'nosuch.invalid:9092')
{
	my $name = 'some_' . ++$serial;

	$stack->kafka_server($name, {}, brokers => "$other,127.0.0.1:$direct", connect_timeout => '5s', read_timeout => '5s', send_timeout => '5s');
	$stack->sql("CREATE FOREIGN TABLE ${name}_read (n int, word text) SERVER $name OPTIONS (topic 'read', format 'csv')");
	$stack->sql("CREATE FOREIGN TABLE ${name}_write (k text, n int, word text) SERVER $name OPTIONS (topic 'write', format 'csv')");
	is($stack->try(sprintf($read, $name), 30)->{out}, $exact, "beside $other: the rows");
	is($stack->try("INSERT INTO ${name}_write VALUES ('k', 1, 'x')", 30)->{text}, '', "beside $other: an INSERT");
}

# Cut anywhere: the exact rows, or an ERROR ----------------------------------------------------------------------------

my %seen;

sub exact_or_error
{
	my ($name, %fault) = @_;

	$proxy->fault(%fault);
	my $result = $stack->try(sprintf($read, 'behind'), 60);
	my $kind = $result->{late} ? 'late' : $result->{lost} ? 'crashed' : defined $result->{code} ? 'error' : $result->{out};

	$seen{$kind}++;
	ok($kind eq $exact || $kind eq 'error', "$name: the exact rows, or an ERROR") or diag("$kind: $result->{text}");
	return $kind;
}

exact_or_error("cut after $_ bytes", act => ($_ % 2 ? 'cut' : 'reset'), down => $_, times => 1)
  for 1, 4, 50, 150, 300, 430, 500, 600, 800, 1000, 1500, 3000, 20_001, map { 97 + $_ * 800_003 } 1 .. 9;
exact_or_error("cut after $_ bytes, again and again", act => 'cut', down => $_, times => 5) for 300, 700, 1200, 500_000, 3_000_000;
exact_or_error("cut after $_ bytes of what is asked", act => 'reset', up => $_, times => 1) for 1, 30, 60, 100, 150, 250, 400;
# what a checksum covers; lengths and heads are not covered by one
exact_or_error("byte $_ changed", act => 'pass', flip => $_) for map { 300_007 + $_ * 700_001 } 0 .. 5;
note("$_ ($seen{$_} times)") for sort keys %seen;
$proxy->fault(act => 'pass', %$_), is($stack->try(sprintf($read, 'behind'), 60)->{out}, $exact, join(' ', %$_) . ': the exact rows')
  for {slice => 100}, {delay => 20}, {rate => 8_000_000};
$proxy->pass;

# The same for what is sent: every message once and in order, or an ERROR.
for my $table (qw(behind_write behind_whole))
{
	%seen = ();
	for my $fault (
		(map { {act => ($_ % 2 ? 'cut' : 'reset'), down => $_, times => 1} } 1, 50, 300, 500, 800, 1000, 1200, 1500, 2000),
		(map { {act => ($_ % 2 ? 'reset' : 'cut'), up => $_, times => 1} } 1, 100, 300, 500, 1000, 100_001, 1_000_000, 2_000_003, 3_500_000),
		{act => 'cut', up => 700_000, times => 4}, {act => 'pass', delay => 40}, {act => 'pass', rate => 20_000})
	{
		my $name = "$table, " . join ' ', map { "$_ $fault->{$_}" } sort keys %$fault;

		$proxy->fault(%$fault);
		my $result = $stack->try(insert($table, 4000), 60);
		my $kind = $result->{late} ? 'late' : $result->{lost} ? 'crashed' : defined $result->{code} ? 'error' : 'sent';
		$proxy->pass;
		my $arrived = arrived();

		$seen{$kind}++;
		if ($kind eq 'sent') { is($arrived, 4000, "$name: every message once, in order") }
		else
		{
			is($kind, 'error', "$name: an ERROR") or diag($result->{text});
			my ($stay, $more) = $result->{text} =~ /(\d+) messages stay in Kafka.*; (\d+) more may have arrived/;
			if ($table eq 'behind_whole') { is($arrived, 0, "$name: and nothing is seen") }
			else { cmp_ok($arrived, '<=', ($stay // 0) + ($more // 0), "$name: no more than the DETAIL tells") }
		}
	}
	note("$table: $_ ($seen{$_} times)") for sort keys %seen;
}

# A broker that is killed ----------------------------------------------------------------------------------------------

{
	my $session = $stack->session;

	$proxy->fault(act => 'pass', rate => 3_000_000);
	$session->send(sprintf $read, 'hasty');
	ok($proxy->await(sub { $_->{down} > 500_000 }), 'a scan is under way');
	$broker->kill;
	my $result = $session->receive(30);
	like($result->{code} // 'none', qr/^(08|HV)/, 'killed in the middle of a scan: an ERROR') or diag($result->{text});
	cmp_ok($result->{seconds}, '<', 12, '... in time');
	$result = $session->try("INSERT INTO hasty_write VALUES ('k', 1, 'x')", 30);
	like($result->{code} // 'none', qr/^(08|HV)/, 'killed before an INSERT: an ERROR');
	$proxy->pass;
	$broker->restart;
	is($session->try(sprintf($read, 'hasty'), 30)->{out}, $exact, 'once it is back, the session reads all');

	for my $table (qw(behind_write behind_whole))
	{
		$proxy->pass;
		$session->sql(insert($table, 10));
		$proxy->fault(act => 'pass', delay => 5);
		$session->send(insert($table, 40_000));
		ok($proxy->await(sub { $_->{up} > 3_000_000 }), "$table: a sending is under way");
		$broker->kill;
		sleep 0.5;
		$proxy->pass;
		$broker->restart;
		$result = $session->receive(60);
		my $arrived = arrived();
		if (defined $result->{code})
		{
			like($result->{code}, qr/^(08|HV|55)/, "$table: killed in the middle of a sending: an ERROR") or diag($result->{text});
			is($arrived, 0, '... and nothing is seen') if $table eq 'behind_whole';
		}
		else { is($arrived, 40_000, "$table: killed in the middle of a sending, and back: every message once, in order") }
		note("$table: " . ($result->{code} // 'sent'));
	}
}

# Errors that a healthy broker seldom gives: librdkafka's mock cluster ----------------------------------------------------

my $mock = Kafka->mock(3);
$mock->topic('mock', 3);
$mock->topic('mock_write', 3);
$stack->kafka_server('mock', {}, brokers => $mock->brokers, read_timeout => '5s', send_timeout => '5s', connect_timeout => '5s');
$stack->sql("CREATE FOREIGN TABLE mock (n int, word text) SERVER mock OPTIONS (topic 'mock', format 'csv', compression 'none')");
$stack->sql("INSERT INTO mock SELECT i, repeat('w', 50) FROM generate_series(1, 2000) i");
my $few = '2000|2001000|50';
my $mocked = 'SELECT count(*), sum(n), max(length(word)) FROM mock';
is($stack->sql($mocked), $few, 'the mock cluster has the rows');

# API, its name, errors
for my $case (
	[1, 'Fetch', {-195 => 'the broker hangs up', 6 => 'NOT_LEADER', 7 => 'REQUEST_TIMED_OUT', 3 => 'UNKNOWN_TOPIC', 1 => 'OFFSET_OUT_OF_RANGE',
			29 => 'TOPIC_AUTHORIZATION_FAILED', 56 => 'KAFKA_STORAGE_ERROR', 74 => 'FENCED_LEADER_EPOCH'}],
	[2, 'ListOffsets', {-195 => 'the broker hangs up', 6 => 'NOT_LEADER', 7 => 'REQUEST_TIMED_OUT', 29 => 'TOPIC_AUTHORIZATION_FAILED', 5 => 'LEADER_NOT_AVAILABLE'}],
	[3, 'Metadata', {-195 => 'the broker hangs up', 5 => 'LEADER_NOT_AVAILABLE', 29 => 'TOPIC_AUTHORIZATION_FAILED'}])
{
	my ($api, $name, $errors) = @$case;

	for my $error (sort { $a <=> $b } keys %$errors)
	{
		for my $times (1, 3)
		{
			my $session = $stack->session;
			$mock->do("error $api $error $times");
			my $result = $session->try($mocked, 30);
			my $kind = $result->{late} ? 'late' : $result->{lost} ? 'crashed' : defined $result->{code} ? 'error' : $result->{out};

			ok($kind eq $few || $kind eq 'error', "$name, $errors->{$error}, $times times: the exact rows, or an ERROR") or diag("$kind: $result->{text}");
			note("$name, $errors->{$error}, $times times: " . ($kind eq $few ? 'the rows' : $result->{text}));
			$mock->do("clear $api");
			is($session->try($mocked, 30)->{out}, $few, '... and then the rows') or diag($result->{text});
		}
	}
}
$stack->sql("CREATE FOREIGN TABLE mock_write (p int OPTIONS (metadata 'partition'), n int, k text) SERVER mock OPTIONS (topic 'mock_write', format 'csv')");
for my $error ([-195, 'the broker hangs up', 0], [6, 'NOT_LEADER', 0], [7, 'REQUEST_TIMED_OUT', 0], [29, 'TOPIC_AUTHORIZATION_FAILED', '42501'],
	[10, 'MSG_SIZE_TOO_LARGE', '54000'], [19, 'NOT_ENOUGH_REPLICAS', 0], [45, 'OUT_OF_ORDER_SEQUENCE', 'any'], [47, 'INVALID_PRODUCER_EPOCH', 'any'])
{
	my ($code, $name, $expected) = @$error;
	my $session = $stack->session;
	++$serial;
	$mock->do("error 0 $code 2");
	my $result = $session->try("INSERT INTO mock_write SELECT 0, i, 'key $serial' FROM generate_series(1, 500) i", 30);
	$mock->do('clear 0');
	my $arrived = $session->try("SELECT count(*) || '/' || count(DISTINCT n) FROM mock_write WHERE k = 'key $serial'", 30)->{out};
	if (!defined $result->{code}) { is($arrived, '500/500', "Produce, $name: every message once"); ok(!$expected || $expected eq 'any', '... as it should') }
	else
	{
		ok($expected, "Produce, $name: an ERROR") or diag($result->{text});
		is($result->{code}, $expected, '... of its kind') if $expected ne 'any';
	}
	is($session->try("INSERT INTO mock_write VALUES (0, 1, 'next')", 30)->{code}, undef, '... and the next INSERT is sent');
}
$stack->sql("CREATE FOREIGN TABLE mock_whole (n int) SERVER mock OPTIONS (topic 'mock_write', format 'csv', transactional 'true')");
for my $error ([26, -195, 'EndTxn, the broker hangs up'], [26, 51, 'EndTxn, CONCURRENT_TRANSACTIONS'], [26, 14, 'EndTxn, COORDINATOR_LOAD_IN_PROGRESS'],
	[24, 51, 'AddPartitionsToTxn, CONCURRENT_TRANSACTIONS'], [22, 15, 'InitProducerId, COORDINATOR_NOT_AVAILABLE'], [22, -195, 'InitProducerId, the broker hangs up'],
	[26, 47, 'EndTxn, INVALID_PRODUCER_EPOCH'], [24, 29, 'AddPartitionsToTxn, TOPIC_AUTHORIZATION_FAILED'], [22, 53, 'InitProducerId, TRANSACTIONAL_ID_AUTHORIZATION_FAILED'])
{
	my ($api, $code, $name) = @$error;
	my $session = $stack->session;
	$mock->do("error $api $code 2");
	my $result = $session->try('INSERT INTO mock_whole VALUES (1)', 30);
	my $fatal = $name =~ /AUTHORIZATION|EPOCH/;

	ok($fatal ? defined $result->{code} : !defined $result->{code}, "$name: " . ($fatal ? 'an ERROR' : 'tried again')) or diag($result->{text});
	$mock->do("clear $api");
	is($session->try('INSERT INTO mock_whole VALUES (1)', 30)->{code}, undef, '... and the next INSERT is sent') or diag($session->try('SELECT 1')->{text});
}
# The coordinator does not say whether it has committed: nobody knows, and the ERROR says so.
{
	my $silent = Kafka->mock(1);

	$silent->topic('mock_write', 1);
	$stack->kafka_server('silent', {}, brokers => $silent->brokers, send_timeout => '2s');
	$stack->sql("CREATE FOREIGN TABLE silent_whole (n int) SERVER silent OPTIONS (topic 'mock_write', format 'csv', transactional 'true')");
	$silent->do('slow 1 26 20000 1');
	my $result = $stack->try('INSERT INTO silent_whole VALUES (1)', 20);
	like($result->{text}, qr/ERROR:.*could not commit the Kafka transaction.*DETAIL:.*Whether Kafka has committed the transaction is not known/s,
		'a commit without an answer: the ERROR says that nobody knows');
	my $session = $stack->session;
	$session->sql('INSERT INTO silent_whole VALUES (1)');
	$session->sql("ALTER SERVER silent OPTIONS (SET send_timeout '20s')");
	$silent->do('slow 1 26 20000 1');
	$session->send('INSERT INTO silent_whole VALUES (1)');
	sleep 1.5;
	my $begun = time;
	$stack->sql('SELECT pg_cancel_backend(' . $session->pid . ')');
	$result = $session->receive(20);
	cmp_ok(time - $begun, '<=', 1.0, '... cancelled within 1 s');
	like($result->{text}, qr/canceling statement.*CONTEXT:.*whether Kafka has committed it is not known/s, '... which says so too');
	is($session->try('INSERT INTO silent_whole VALUES (1)', 20)->{code}, undef, '... and the next INSERT is sent') or diag($result->{text});
}
# far away
$mock->do("rtt -1 400");
my $result = $stack->try($mocked, 60);
is($result->{out}, $few, sprintf 'brokers 400 ms away: the rows (%.1f s)', $result->{seconds}) or diag($result->{text});
is($stack->try("INSERT INTO mock_write VALUES (0, 1, 'far')", 60)->{code}, undef, '... and an INSERT');
$mock->do("rtt -1 0");
# a leader that moves, a broker that goes
$mock->do("leader mock $_ 2") for 0 .. 2;
is($stack->try($mocked, 60)->{code}, undef, 'leaders that moved');
$mock->do('down -1');
like($stack->try($mocked, 60)->{code} // 'none', qr/^(08|HV)/, 'all brokers down: an ERROR');
$mock->do('up -1');
is($stack->try('SELECT count(*) >= 2000 FROM mock', 60)->{out}, 't', '... and back');

# Several topics of one Kafka transaction, which cannot be aborted in time: their producer is closed, once.
$kafka->create('other', 1);
$stack->sql("CREATE FOREIGN TABLE behind_other (n int) SERVER behind OPTIONS (topic 'other', format 'csv', transactional 'true')");
{
	my $session = $stack->session;

	for my $undo ('ROLLBACK', 'ROLLBACK TO s; COMMIT')
	{
		$session->sql("BEGIN; SAVEPOINT s; INSERT INTO behind_whole VALUES ('k', 1, 'x'); INSERT INTO behind_other VALUES (1); SELECT count(*) FROM fdw_kafka_finish()");
		$proxy->fault(act => 'blackhole');
		my $result = $session->try($undo, 20);
		$proxy->pass;
		ok(!$result->{lost} && !$result->{late} && !defined $result->{code}, "two topics of a transaction that cannot be aborted: $undo") or diag($result->{text});
		is($session->try('INSERT INTO behind_other VALUES (2)', 30)->{code}, undef, '... and the session writes on');
	}
}

note(sprintf 'slowest %s: %.3f s', $_, $slowest{$_}) for sort keys %slowest;
$proxy->stop;
$broker->stop;
done_testing();
