# fdw_mysql on a broken network: interrupts act in every phase, a broken scan is an ERROR and the next one works, and
# nothing goes on running in MySQL.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use FaultProxy;
use Interrupt;
use Stack;
use Test::More;
use Time::HiRes qw(time sleep);

our %slowest;
my $stack = Stack->new('fault_mysql', extensions => ['fdw_mysql']);
my $proxy = FaultProxy->start($ENV{MYSQL_HOST}, $ENV{MYSQL_PORT});
my $few   = 2000;

$stack->mariadb_database(<<SQL);
CREATE TABLE few (id bigint PRIMARY KEY, word varchar(100));
INSERT INTO few SELECT seq, CONCAT('word ', seq) FROM seq_1_to_$few;
CREATE VIEW many AS SELECT seq AS id, REPEAT('x', 200) AS word FROM seq_1_to_3000000;
CREATE VIEW slow AS SELECT seq AS id, CONCAT('', SLEEP(5)) AS word FROM seq_1_to_100;
SQL
$stack->mysql_server('mysql', host => '127.0.0.1', port => $proxy->port, dbname => $stack->database);
$stack->sql("CREATE FOREIGN TABLE $_ (id bigint, word text) SERVER mysql") for qw(few many slow);

# Length of the server's greeting, and where its flag for TLS is.
sub greeting
{
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $ENV{MYSQL_PORT}) or die $!;

	sysread $socket, my $bytes, 4096;
	my $version = index($bytes, "\0", 5) - 5;
	return (length $bytes, 5 + $version + 1 + 4 + 8 + 1 + 1);
}

my ($greeting, $flags) = greeting();
my $works = sub {
	my ($session) = @_;

	$proxy->pass;
	is($session->try('SELECT count(*) FROM few')->{out}, $few, '... and the next scan is complete');
};
my $stuck = sub { $proxy->stat->{fired} > 0 };
my $all   = 'SELECT max(word) FROM many';

my @phases = (
	{name => 'connect', fault => {act => 'unreachable'}},
	{name => 'greeting', fault => {act => 'blackhole'}, ready => $stuck},
	{name => 'login', fault => {act => 'blackhole', down => $greeting}, ready => $stuck},
	{name => 'set-up', fault => {act => 'blackhole', down => $greeting + 20}, ready => $stuck},
	{name => 'first row', fault => {act => 'pass'}, sql => 'SELECT count(word) FROM slow',
		ready => sub { $stack->mariadb_sessions(1) > 0 }},
	{name => 'in the middle of a row', fault => {act => 'blackhole', down => 300_000}, ready => $stuck},
	# PostgreSQL itself does not look for its client while it computes
	{name => 'rows without end', fault => {act => 'pass'}, sql => 'SELECT count(a.word) FROM many a, generate_series(1, 9)',
		means => [qw(cancel terminate timeout)]},
	{name => 'a trickle of rows', fault => {act => 'pass', rate => 20_000}},
);

for my $phase (@phases)
{
	for my $means (@{$phase->{means} // Interrupt::MEANS()})
	{
		$proxy->fault(%{$phase->{fault}});
		Interrupt::strike($stack, "black-holed, $phase->{name}", $means, sql => $phase->{sql} // $all,
			ready => $phase->{ready}, after => $works);
	}
}
$proxy->pass;

# TLS: the server offers it (says the proxy), then falls silent in the handshake.
$stack->mysql_server('tls', host => '127.0.0.1', port => $proxy->port, dbname => $stack->database, ssl_mode => 'require');
$stack->sql("CREATE FOREIGN TABLE tls_few (id bigint, word text) SERVER tls OPTIONS (table_name 'few')");
for my $means (@{Interrupt::MEANS()})
{
	$proxy->fault(act => 'blackhole', down => $greeting, flip => $flags + 1, mask => 0x08);
	Interrupt::strike($stack, 'black-holed, TLS', $means, sql => 'SELECT count(*) FROM tls_few', ready => $stuck);
}

# The end of an abandoned scan: by LIMIT, by CLOSE, by COMMIT, by ROLLBACK. Interrupts act where PostgreSQL lets them, and
# everywhere the wrapper's own deadline does.
my $half_read = sub {
	my ($session) = @_;

	$proxy->pass;
	$session->sql("BEGIN; DECLARE c CURSOR FOR $all" =~ s/max\(word\)/word/r . '; FETCH 10 FROM c');
	$proxy->fault(act => 'blackhole');
};
for my $end ('CLOSE c', 'COMMIT')
{
	for my $means (@{Interrupt::MEANS()})
	{
		# in COMMIT no timeout fires
		next if $end eq 'COMMIT' && $means eq 'timeout';
		Interrupt::strike($stack, "black-holed at $end", $means, sql => $end, before => $half_read,
			after => sub { $proxy->pass; $_[0]->try('ROLLBACK'); $works->($_[0]) });
	}
}
# How long an end may take by itself; where nothing can be interrupted, less than 1 s.
$stack->sql("ALTER SERVER mysql OPTIONS (ADD connect_timeout '1s')");
for (['COMMIT', 3], ['ROLLBACK', 1])
{
	my ($end, $limit) = @$_;
	my $session = $stack->session;

	$half_read->($session);
	my $result = $session->try($end, 15);
	cmp_ok($result->{seconds}, '<=', $limit, "black-holed at $end: it ends by itself within $limit s") or diag($result->{text});
	$proxy->pass;
	$session->try('ROLLBACK');
	$works->($session);
}
$stack->sql('ALTER SERVER mysql OPTIONS (DROP connect_timeout)');
for my $means (@{Interrupt::MEANS()})
{
	Interrupt::strike($stack, 'black-holed in the end of a LIMIT', $means, sql => "SELECT word FROM many LIMIT 1 OFFSET 500",
		before => sub { $proxy->fault(act => 'blackhole', down => 300_000) }, ready => $stuck, after => $works);
}

# Nothing goes on in MySQL after the local statement has ended.
for my $means (@{Interrupt::MEANS()})
{
	$proxy->pass;
	Interrupt::strike($stack, 'a long remote query', $means, sql => 'SELECT count(word) FROM slow',
		ready => sub { $stack->mariadb_sessions(1) > 0 });
	ok(defined Stack::until_true(sub { $stack->mariadb_sessions(1) == 0 }, 2), "after $means the remote query is gone within 2 s");
}

# Refused, broken, killed: an ERROR of class 08, at once, and the session can go on.
my $session = $stack->session;
my $fails   = sub {
	my ($name, $sql, %fault) = @_;

	$proxy->fault(%fault);
	my $result = $session->try($sql, 20);
	like($result->{code} // 'none', qr/^08/, "$name is a connection error") or diag($result->{text});
	cmp_ok($result->{seconds}, '<=', 1.0, "$name ends at once");
	unlike($result->{text}, qr/\Q$stack->{password}\E/, "$name does not show the password");
	$session->try('ROLLBACK') if $sql =~ /^BEGIN/;
	return $works->($session);
};
$fails->('nobody listening', $all, act => 'refuse');
$works->($session);
$session = $stack->session;
$fails->('a reset in the greeting', $all, act => 'reset');
$session = $stack->session;
$fails->('a reset in a row',        $all, act => 'reset', down => 300_000);
$fails->('a cut in a row',          $all, act => 'cut', down => 299_999);
$fails->('a cut of an idle connection in a transaction', "BEGIN; SELECT count(*) FROM few; SELECT pg_sleep(0); $all",
	act => 'cut', down => 100_000);

# A connection that was idle when it broke carries nothing that could be lost: the next transaction opens another.
$proxy->fault(act => 'cut');
$works->($session);
$stack->mariadb("KILL $_") for $stack->mariadb_sessions;
$works->($session);

# One that breaks in a transaction takes the snapshot with it: no scan of this transaction may read another.
$session->sql('BEGIN; SELECT count(*) FROM few');
$proxy->fault(act => 'cut');
$proxy->pass;
$session->send('SAVEPOINT a; SELECT count(*) FROM few')->receive(10);
$session->try('ROLLBACK TO a');
my $again = $session->try('SELECT count(*) FROM few');
like($again->{code} // 'none', qr/^08/, 'after a lost connection the transaction reads no other snapshot')
  or diag($again->{text});
$session->try('ROLLBACK');
$works->($session);

# A scan killed by MySQL is no end of data.
$session->send('SELECT count(word) FROM many');
Stack::until_true(sub { $proxy->stat->{down} > 1_000_000 }, 10);
$stack->mariadb("KILL QUERY $_") for $stack->mariadb_sessions(1);
my $killed = $session->receive(20);
ok(defined $killed->{code}, 'a scan killed by MySQL is an ERROR') or diag($killed->{text});
$works->($session);

note(sprintf 'slowest %s: %.3f s', $_, $slowest{$_}) for sort keys %slowest;
done_testing();
