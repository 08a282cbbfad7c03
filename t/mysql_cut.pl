# A stream from MySQL that is cut, torn into pieces, late or damaged gives exactly the rows or an ERROR: never fewer.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use FaultProxy;
use Stack;
use Test::More;

my $stack = Stack->new('mysql_cut', extensions => ['fdw_mysql']);
my $proxy = FaultProxy->start($ENV{MYSQL_HOST}, $ENV{MYSQL_PORT});

$stack->mariadb_database(<<'SQL');
CREATE TABLE rows_ (id bigint PRIMARY KEY, small smallint, amount decimal(12,2), at datetime(6), note longtext, flag bit(1));
INSERT INTO rows_ SELECT seq, seq % 100, seq * 1.25, '2020-01-01' + INTERVAL seq MINUTE,
  IF(seq % 7 = 0, NULL, REPEAT(CHAR(97 + seq % 26), seq % 60)), seq % 2 FROM seq_1_to_1500;
CREATE VIEW growing AS SELECT seq AS id, REPEAT('x', IF(seq < 4, 300000, 15000000)) AS word FROM seq_1_to_10;
INSERT INTO rows_ VALUES (2000, 1, 1, '2020-01-01', REPEAT('long', 50000), 1);
SQL
$stack->mysql_server('mysql', host => '127.0.0.1', port => $proxy->port, dbname => $stack->database);
$stack->sql('CREATE FOREIGN TABLE remote (id bigint, small smallint, amount numeric(12,2), at timestamp, note text, flag bit(1))'
	  . " SERVER mysql OPTIONS (table_name 'rows_')");

$stack->sql("CREATE FOREIGN TABLE growing (id bigint OPTIONS (key 'true'), word text) SERVER mysql");

# Every row takes part in the figure, each column too.
my $query = 'SELECT count(*), md5(string_agg(r::text, chr(10) ORDER BY id)) FROM remote r';
my $whole = $stack->sql($query);
my $bytes = $proxy->stat->{down};

like($whole, qr/^1501\|/, 'the whole stream gives all rows');
note("the stream has $bytes bytes");

sub exact_or_error
{
	my ($name, %fault) = @_;

	$proxy->fault(%fault);
	my $result = $stack->try($query, 20);
	my $kind = $result->{late} ? 'late' : $result->{lost} ? 'crashed' : defined $result->{code} ? 'error' : 'rows';

	if ($kind eq 'rows') { is($result->{out}, $whole, "$name: the exact rows") }
	else { is($kind, 'error', "$name: an ERROR") or diag($result->{text}) }
	return ($kind, $result);
}

# Cuts: the handshake and the set-up byte by byte where packets begin, then all over the stream, then the last bytes.
my @at = (1, 4, 5, 40, 77, 90, 100, 110, 120, 130, 145, 160, 180, 200, 230, 260, 300, 350, 400);
push @at, map { int($bytes * $_ / 14) + $_ } 1 .. 13;
push @at, map { $bytes - $_ } 40, 12, 9, 8, 7, 5, 4, 2, 1;
for my $at (grep { $_ > 0 && $_ < $bytes } @at)
{
	my ($kind) = exact_or_error("cut after $at bytes", act => ($at % 2 ? 'cut' : 'reset'), down => $at);
}

# Cut in the request: MySQL sees half of it.
exact_or_error("cut after $_ bytes of what is sent", act => 'cut', up => $_) for 1, 30, 100, 200, 300;

# Slow and torn, but whole: the exact rows.
my %slow = (
	'one byte at a time'  => {slice => 1},
	'three at a time'     => {slice => 3},
	'late by 50 ms'       => {delay => 50},
	'late and torn'       => {delay => 20, slice => 7},
	'at 400 KB per second' => {rate => 400_000},
);
for my $name (sort keys %slow)
{
	my ($kind, $result) = exact_or_error($name, act => 'pass', %{$slow{$name}});

	is($kind, 'rows', "$name: no ERROR") or diag($result->{text});
}

# read_timeout is for silence: a row may take longer, as long as its bytes keep coming.
$stack->sql("ALTER SERVER mysql OPTIONS (ADD read_timeout '1s')");
$proxy->fault(act => 'pass', rate => 100_000);
is($stack->try('SELECT length(note) FROM remote WHERE id = 2000', 20)->{out}, 200_000, 'a row that takes two seconds of a read_timeout of one');
$proxy->fault(act => 'blackhole', down => 100_000);
my $silent = $stack->try('SELECT length(note) FROM remote WHERE id = 2000', 20);
is($silent->{code}, '08006', 'read_timeout ends a silence in a row') or diag($silent->{text});
$stack->sql('ALTER SERVER mysql OPTIONS (DROP read_timeout)');

# A changed byte may turn a value into another (there is no checksum without TLS), but must not end the backend or the
# scan: an ERROR, or as many rows as there are.
my $crashes = 0;
for my $at (5, 20, 60, 78, 81, 95, 150, 210, 250, 300, map { int($bytes * $_ / 20) } 1 .. 19)
{
	$proxy->fault(act => 'pass', flip => $at, mask => 0x10);
	my $result = $stack->try("SET statement_timeout = '5s'; $query", 20);

	$crashes++ if $result->{lost} || $result->{late};
	if (defined $result->{code} || $result->{late}) { ok(!$result->{lost} && !$result->{late}, "byte $at changed: an ERROR") or diag($result->{text}) }
	else { like($result->{out}, qr/^1501\|/, "byte $at changed: as many rows") }
}
is($crashes, 0, 'no backend crashed or hung over a changed byte');

# Broken off in a row for which the client's buffer grew: the message does not look for the row before in the old one.
for my $down (700_000, 1_200_000, 3_000_000)
{
	$proxy->fault(act => 'blackhole', down => $down);
	my $result = $stack->try("SET statement_timeout = '1500ms'; SELECT sum(length(word)) FROM growing", 20);

	is($result->{code}, '57014', "cancelled after $down bytes of rows that grow") or diag($result->{text});
	like($result->{text}, qr/foreign table "growing", after row \d+$/m, '... and the message says after which row');
}

$proxy->pass;
is($stack->sql($query), $whole, 'healthy again: the exact rows');
done_testing();
