# A thousand caught errors in one session leave no connection, descriptor, thread or memory behind.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use FaultProxy;
use Stack;
use Test::More;

my $times = 1000;
my $stack = Stack->new('leak_mysql', extensions => ['fdw_mysql']);
my $proxy = FaultProxy->start($ENV{MYSQL_HOST}, $ENV{MYSQL_PORT});

$stack->mariadb_database(<<'SQL');
CREATE TABLE t (id bigint PRIMARY KEY, word varchar(100));
INSERT INTO t SELECT seq, IF(seq = 900, 'no number', seq) FROM seq_1_to_1000;
SQL
$stack->mysql_server('direct', dbname => $stack->database);
$stack->mysql_server('proxied', host => '127.0.0.1', port => $proxy->port, dbname => $stack->database);
$stack->sql('CREATE SERVER denied FOREIGN DATA WRAPPER fdw_mysql ' . $stack->mysql(dbname => $stack->database));
$stack->sql("CREATE USER MAPPING FOR CURRENT_USER SERVER denied OPTIONS (username 'nobody', password 'wrong')");
$stack->sql("CREATE FOREIGN TABLE ${_}_t (id bigint, word text) SERVER $_ OPTIONS (table_name 't')")
  for qw(direct proxied denied);
$stack->sql("CREATE FOREIGN TABLE number_t (id bigint, word int) SERVER direct OPTIONS (table_name 't')");
$stack->sql("CREATE FOREIGN TABLE absent_t (id bigint) SERVER direct OPTIONS (table_name 'absent')");
$stack->sql(<<'SQL');
CREATE FUNCTION fail(query text, times int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE failed int := 0;
BEGIN
  FOR i IN 1 .. times LOOP
    BEGIN
      EXECUTE query;
    EXCEPTION WHEN OTHERS THEN
      -- a refusal to try again leaks nothing, but proves nothing either
      IF SQLERRM NOT LIKE '%lost in this transaction%' THEN failed := failed + 1; END IF;
    END;
  END LOOP;
  RETURN failed;
END $$
SQL

# One kind of error: warm up, measure, a thousand more, measure again. "apart": each in a transaction of its own.
sub leaks_nothing
{
	my ($name, $query, %option) = @_;
	my $session = $stack->session;
	my $count   = $option{times} // $times;
	my $fail    = sub {
		my ($n) = @_;

		return $session->sql("SELECT fail(" . Stack::quote($query) . ", $n)", 120) if !$option{apart};
		my $text = $session->try("$query;\n" x $n, 120)->{text};
		return scalar(() = $text =~ /ERROR:  /g);
	};

	$proxy->fault(%{$option{fault} // {act => 'pass'}});
	is($fail->(20), 20, "$name: it fails") or diag($session->try($query)->{text});
	my %before = map { $_ => $session->$_ } qw(threads descriptors sockets memory);
	my $remote = $stack->mariadb_sessions;
	my $tries  = $option{tries} ? $option{tries}->() : 0;
	is($fail->($count), $count, "$name: it fails $count times");
	my %after = map { $_ => $session->$_ } qw(threads descriptors sockets memory);

	is($after{$_}, $before{$_}, "$name: no more $_") for qw(threads sockets);
	cmp_ok($after{descriptors}, '<=', $before{descriptors} + 3, "$name: no more descriptors");
	cmp_ok($after{memory}, '<=', $before{memory} + 2048, "$name: memory within 2 MiB");
	note("$name: memory +" . ($after{memory} - $before{memory}) . " KiB, sockets $after{sockets}");
	ok(defined Stack::until_true(sub { $stack->mariadb_sessions <= $remote }, 3),
		"$name: no more sessions in MySQL");
	cmp_ok($option{tries}->() - $tries, '>=', $count, "$name: each time it connects") if $option{tries};
	$proxy->pass;
	is($session->try('SELECT count(*) FROM direct_t')->{out}, 1000, "$name: the session still works");
	return;
}

# How often somebody came as far as the proxy, and as far as MariaDB's refusal.
my $arrived = sub { return $proxy->stat->{accepted} };
my $denied  = sub { return $stack->mariadb("SELECT variable_value FROM information_schema.global_status"
		  . " WHERE variable_name = 'Access_denied_errors'") };

leaks_nothing('refused connections', 'SELECT * FROM proxied_t', fault => {act => 'refuse'});
leaks_nothing('resets in the greeting', 'SELECT * FROM proxied_t', fault => {act => 'reset', down => 10}, times => 300, tries => $arrived);
leaks_nothing('cuts in a row', 'SELECT count(word) FROM proxied_t', fault => {act => 'cut', down => 5000}, apart => 1, times => 150);
leaks_nothing('denied logins', 'SELECT * FROM denied_t', tries => $denied);
leaks_nothing('an unknown table', 'SELECT * FROM absent_t');
leaks_nothing('a value that is no number', 'SELECT sum(word) FROM number_t');
leaks_nothing('a value that is no number, in transactions of their own', 'SELECT sum(word) FROM number_t', apart => 1, times => 300);
leaks_nothing('an error of our own in the middle', 'SELECT sum(1 / (id - 500)) FROM direct_t');
leaks_nothing('two scans at once', 'SELECT 1 / (a.id - b.id) FROM direct_t a, direct_t b WHERE a.id < 50', times => 300);

done_testing();
