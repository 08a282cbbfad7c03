# Bad input is an ERROR that names table, column and place; nothing is lost, and nothing half-written.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use Compress::Zlib qw(memGzip);
use FaultProxy;
use S3;
use Stack;
use Test::More;

my $stack  = Stack->new('bad_input', extensions => ['fdw_mysql', 'fdw_s3']);
my $s3     = S3->new;
my $bucket = 'test-bad-input';

sub fails
{
	my ($name, $sql, $code, @patterns) = @_;
	my $result = $stack->try($sql, 20);

	like($result->{code} // 'none', $code, "$name: an ERROR") or diag($result->{text});
	ok(!$result->{lost}, "$name: the backend lives");
	like($result->{text}, $_, "$name: says $_") for @patterns;
	return $result;
}

# MySQL ----------------------------------------------------------------------------------------------------------------

$stack->mariadb_database(<<'SQL');
SET sql_mode = '';
CREATE TABLE b (id int PRIMARY KEY, big bigint, unsigned_big bigint unsigned, day date, at datetime, clock time, bytes varbinary(20),
  word varchar(20), price decimal(30,10), bits bit(64));
INSERT INTO b VALUES (1, 1, 1, '2020-01-01', '2020-01-01', '10:00:00', 'abc', '1', 1, 1);
INSERT INTO b VALUES (77, 9223372036854775807, 18446744073709551615, '0000-00-00', '2024-00-10 00:00:00', '838:59:59', x'61ff62',
  'no number', 12345678901234567890.5, x'8000000000000000');
CREATE TABLE nul (id int PRIMARY KEY, word varchar(20));
INSERT INTO nul VALUES (5, CONCAT('a', CHAR(0), 'b'));
CREATE OR REPLACE USER nobody_here@'%' IDENTIFIED BY 'nobody-password';
SQL
$stack->mysql_server('mysql', dbname => $stack->database);
for (
	['big', 'int'], ['big', 'smallint'], ['unsigned_big', 'bigint'], ['day', 'date'], ['at', 'timestamp'], ['clock', 'time'],
	['bytes', 'text'], ['word', 'int'], ['word', 'boolean'], ['word', 'numeric'], ['word', 'uuid'], ['word', 'date'], ['word', 'float8'],
	['word', 'jsonb'], ['word', 'varchar(3)'], ['price', 'numeric(10,2)'], ['price', 'bigint'], ['bits', 'bit(3)'])
{
	my ($column, $type) = @$_;
	my $table = 'bad_' . ($type =~ s/\W.*//r) . "_$column";

	$stack->sql("CREATE FOREIGN TABLE $table (id int OPTIONS (key 'true'), value $type OPTIONS (column_name '$column'))"
		  . " SERVER mysql OPTIONS (table_name 'b')");
	$stack->sql("CREATE TABLE local_$table (id int, value $type)");
	fails("$column as $type", "INSERT INTO local_$table SELECT * FROM $table", qr/^22/, qr/$table/, qr/value/);
	is($stack->sql("SELECT count(*) FROM local_$table"), 0, "$column as $type: nothing half-loaded");
}
$stack->sql("CREATE FOREIGN TABLE bad_nul (id int, word text) SERVER mysql OPTIONS (table_name 'nul')");
fails('a NUL byte in text', 'SELECT * FROM bad_nul', qr/^22/, qr/bad_nul/, qr/word/);
$stack->sql("CREATE FOREIGN TABLE bad_table (id int) SERVER mysql OPTIONS (table_name 'absent')");
fails('an unknown table', 'SELECT * FROM bad_table', qr/^(42|HV)/, qr/absent/);
$stack->sql("CREATE FOREIGN TABLE bad_column (id int, nowhere int) SERVER mysql OPTIONS (table_name 'b')");
fails('an unknown column', 'SELECT * FROM bad_column', qr/^(42|HV)/, qr/nowhere/);
$stack->sql("CREATE FOREIGN TABLE bad_database (id int) SERVER mysql OPTIONS (table_name 'b', dbname 'absent_database')");
fails('an unknown database', 'SELECT * FROM bad_database', qr/^(3D|42|HV)/, qr/absent_database/);
fails('importing an unknown database', 'IMPORT FOREIGN SCHEMA absent_database FROM SERVER mysql INTO public', qr/^(3D|3F|42|HV)/, qr/absent_database/);

my $login = sub {
	my ($name, $user, $password) = @_;

	$stack->sql("CREATE SERVER $name FOREIGN DATA WRAPPER fdw_mysql " . $stack->mysql(dbname => $stack->database));
	$stack->sql("CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS (username '$user', password '$password')");
	$stack->sql("CREATE FOREIGN TABLE ${name}_t (id int) SERVER $name OPTIONS (table_name 'b')");
};
$login->('wrong_password', $stack->{user}, 'not the password');
fails('a wrong password', 'SELECT * FROM wrong_password_t', qr/^(28|08)/, qr/wrong_password/);
$login->('no_rights', 'nobody_here', 'nobody-password');
fails('no rights in MySQL', 'SELECT * FROM no_rights_t', qr/^(42501|28|42)/, qr/denied/i);
$stack->sql("CREATE SERVER unmapped FOREIGN DATA WRAPPER fdw_mysql " . $stack->mysql(dbname => $stack->database));
$stack->sql("CREATE FOREIGN TABLE unmapped_t (id int) SERVER unmapped OPTIONS (table_name 'b')");
fails('no user mapping', 'SELECT * FROM unmapped_t', qr/^(42704|28)/, qr/mapping/);
fails('an unknown option', "ALTER SERVER mysql OPTIONS (ADD hots 'x')", qr/^HV00D/, qr/"hots"/, qr/HINT:.*"host"/);
fails('a misplaced option', "ALTER SERVER mysql OPTIONS (ADD password 'x')", qr/^HV00D/, qr/"password"/);
fails('a port that is none', "ALTER SERVER mysql OPTIONS (SET port '99999')", qr/^(22|HV)/, qr/"port"/);

# S3 -------------------------------------------------------------------------------------------------------------------

$s3->drop($bucket);
$s3->make($bucket);
$stack->s3_server('s3');

my $objects = 0;
sub object
{
	my ($format, $bytes, %option) = @_;
	my $name = 'o' . ++$objects;
	my $file = $option{file} // "x.$format";
	my $options = join ', ', map { "$_ '$option{$_}'" } grep { $_ ne 'file' } sort keys %option;

	$s3->put($bucket, "$name/$file", $bytes);
	$stack->sql("CREATE FOREIGN TABLE $name (id int, amount numeric(8,2), word text) SERVER s3"
		  . " OPTIONS (bucket '$bucket', prefix '$name/', format '$format'" . ($options && ", $options") . ')');
	$stack->sql("CREATE TABLE local_$name (id int, amount numeric, word text)");
	return $name;
}

my $good = join '', map { "$_,1.50,word\n" } 1 .. 5000;
my $json = join '', map { qq({"id": $_, "amount": 1.5, "word": "w"}\n) } 1 .. 5000;
for (
	['a missing column', 'csv', "${good}5001,1\n", qr/line 5001/],
	['a column too many', 'csv', "${good}5001,1,a,b\n", qr/line 5001/],
	['no number', 'csv', "${good}x,1,a\n", qr/line 5001/, qr/column "?id/],
	['a number out of range', 'csv', "${good}99999999999,1,a\n", qr/line 5001/, qr/column "?id/],
	['a numeric out of range', 'csv', "${good}1,1234567890.12,a\n", qr/line 5001/, qr/column "?amount/],
	['an open quote', 'csv', "$good\"5001,1,a\n", qr/line/],
	['invalid UTF-8', 'csv', "${good}5001,1,a\xffb\n", qr/line 5001/],
	['a NUL byte', 'csv', "${good}5001,1,a\0b\n", qr/line 5001/],
	['a torn character at the end', 'csv', "${good}5001,1,a\xc3", qr/line 5001/],
	['no JSON', 'jsonl', "${json}{\"id\": }\n", qr/line 5001/],
	['half a JSON object', 'jsonl', "${json}{\"id\": 5", qr/line 5001/],
	['JSON of the wrong type', 'jsonl', qq(${json}{"id": "x"}\n), qr/line 5001/, qr/column "?id/],
	['a JSON array', 'jsonl', "${json}\[1,2]\n", qr/line 5001/],
	['a JSON NUL', 'jsonl', qq(${json}{"id": 1, "word": "a\\u0000b"}\n), qr/line 5001/],
	['JSON that nests deeply', 'jsonl', $json . '{"word": ' . '[' x 1_000_000 . "\n", qr/line 5001/])
{
	my ($name, $format, $bytes, @patterns) = @$_;
	my $table = object($format, $bytes);

	fails("$format: $name", "INSERT INTO local_$table SELECT * FROM $table", qr/^(22|54)/, qr/$table/, qr{$table/x\.$format}, @patterns);
	is($stack->sql("SELECT count(*) FROM local_$table"), 0, "$format: $name: nothing half-loaded");
}

# Compressed: torn, damaged, lying about what it is.
my $gzip = memGzip($good);
for (
	['half of it', substr $gzip, 0, length($gzip) / 2],
	['without its last byte', substr $gzip, 0, -1],
	['a wrong check sum', substr($gzip, 0, -8) . "\0" x 4 . substr $gzip, -4],
	['garbage behind it', $gzip . 'garbage'],
	['not gzip', $good])
{
	my ($name, $bytes) = @$_;
	my $table = object('csv', $bytes, file => 'x.csv.gz');

	fails("gzip: $name", "INSERT INTO local_$table SELECT * FROM $table", qr/^(22|XX001|08|58|HV)/, qr{$table/x\.csv\.gz});
	is($stack->sql("SELECT count(*) FROM local_$table"), 0, "gzip: $name: nothing half-loaded");
}

# Places and rights
$stack->sql("CREATE FOREIGN TABLE nowhere (id int) SERVER s3 OPTIONS (bucket 'test-bad-input-absent', prefix 'x/', format 'csv')");
fails('a missing bucket, reading', 'SELECT * FROM nowhere', qr/./, qr/test-bad-input-absent/);
fails('a missing bucket, writing', 'INSERT INTO nowhere VALUES (1)', qr/./, qr/test-bad-input-absent/);
$stack->sql("CREATE FOREIGN TABLE no_object (id int) SERVER s3 OPTIONS (bucket '$bucket', path 'absent.csv', format 'csv')");
fails('a missing object', 'SELECT * FROM no_object', qr/./, qr/absent\.csv/);
for (['wrong_secret', $ENV{S3_ACCESS_KEY}, 'not-the-secret'], ['wrong_key', 'nobody-here', 'whatever-it-is'])
{
	my ($name, $key, $secret) = @$_;

	$stack->sql("CREATE SERVER $name FOREIGN DATA WRAPPER fdw_s3 " . $stack->s3);
	$stack->sql("CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS (access_key '$key', secret_key '$secret')");
	$stack->sql("CREATE FOREIGN TABLE ${name}_t (id int) SERVER $name OPTIONS (bucket '$bucket', prefix 'out/', format 'csv')");
	fails("$name, reading", "SELECT * FROM ${name}_t", qr/^(28|42501)/, qr/$bucket/);
	fails("$name, writing", "INSERT INTO ${name}_t VALUES (1)", qr/^(28|42501)/, qr/$bucket/);
}
fails('an unknown option', "ALTER SERVER s3 OPTIONS (ADD endpont 'x')", qr/^HV00D/, qr/HINT:.*"endpoint"/);
fails('a secret on the server', "ALTER SERVER s3 OPTIONS (ADD secret_key 'x')", qr/^HV00D/, qr/"secret_key"/);

# Clocks that differ: as a real server says it, by a request that is too old on its way.
{
	my $proxy = FaultProxy->start(Stack::s3_address());

	$stack->s3_server('skewed', endpoint => 'http://127.0.0.1:' . $proxy->port);
	$stack->sql("CREATE FOREIGN TABLE skewed_t (id int) SERVER skewed OPTIONS (bucket '$bucket', prefix 'out/', format 'csv')");
	$proxy->fault(answer => '403 Forbidden', body => '<Error><Code>RequestTimeTooSkewed</Code><Message>The difference between'
		  . ' the request time and the server\'s time is too large.</Message></Error>');
	fails('clocks that differ', 'SELECT * FROM skewed_t', qr/./, qr/time/i, qr/HINT:.*clock/i);
}

# Nothing half-written: an ERROR anywhere in the statement or the transaction leaves no object.
$stack->sql("CREATE FOREIGN TABLE out (key text OPTIONS (metadata 'path'), id int, word text) SERVER s3 OPTIONS (bucket '$bucket', prefix 'out/', format 'csv')");
my $twelve = "repeat('w', 1000) FROM generate_series(1, 12000) i";
fails('an INSERT that fails at its end', "INSERT INTO out SELECT NULL, 1 / (12000 - i), $twelve", qr/^22012/);
fails('rows not grouped by path', "INSERT INTO out SELECT 'out/' || i % 2, i, $twelve", qr/./);
fails('an ERROR after it', "BEGIN; INSERT INTO out SELECT NULL, i, $twelve; SELECT 1 / 0", qr/^22012/);
fails('a path of another folder', "INSERT INTO out VALUES ('elsewhere/x.csv', 1, 'x')", qr/./);
fails('COPY of a bad line', q{COPY out (id, word) FROM PROGRAM $$printf '1,a\\nx,b\\n'$$ (FORMAT csv)}, qr/^22P02/, qr/COPY out, line 2/);
is(join(',', $s3->list($bucket, 'out/')), '', 'nothing half-written');
is(scalar(my @left = $s3->uploads($bucket)), 0, 'no upload left unfinished');

$s3->drop($bucket);
$stack->mariadb("DROP USER nobody_here\@'%'");
done_testing();
