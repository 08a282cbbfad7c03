# A thousand caught errors in one session leave no connection, descriptor, thread, upload or memory behind.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use FaultProxy;
use S3;
use Stack;
use Test::More;

my $times  = 1000;    # of the native engine; the other shares all but the transport
my $stack  = Stack->new('leak_s3', extensions => ['fdw_s3']);
my $proxy  = FaultProxy->start(Stack::s3_address());
my $s3     = S3->new;
my $bucket = 'test-leak-s3';

$s3->drop($bucket);
$s3->make($bucket);
$s3->put($bucket, 'good/a.csv', join '', map { "$_,word $_\n" } 1 .. 1000);
$s3->put($bucket, 'bad/a.csv', join '', map { $_ == 900 ? "no number,x\n" : "$_,word $_\n" } 1 .. 1000);
$s3->put($bucket, 'torn/a.csv.gz', "\x1f\x8b\x08\0\0\0\0\0\0\x03" . 'garbage' x 100);
for my $engine (qw(native libs3))
{
	my $options = sub { my ($prefix) = @_; "OPTIONS (bucket '$bucket', prefix '$prefix/', format 'csv')" };

	$stack->s3_server($engine, engine => $engine);
	$stack->s3_server("${engine}_proxied", engine => $engine, endpoint => 'http://127.0.0.1:' . $proxy->port, retries => 0);
	$stack->sql("CREATE SERVER ${engine}_denied FOREIGN DATA WRAPPER fdw_s3 " . $stack->s3(engine => $engine));
	$stack->sql("CREATE USER MAPPING FOR CURRENT_USER SERVER ${engine}_denied OPTIONS (access_key 'nobody', secret_key 'wrongwrong')");
	$stack->sql("CREATE FOREIGN TABLE ${engine}_$_ (id bigint, word text) SERVER $engine " . $options->($_)) for qw(good bad torn);
	$stack->sql("CREATE FOREIGN TABLE ${engine}_proxied_t (id bigint, word text) SERVER ${engine}_proxied " . $options->('good'));
	$stack->sql("CREATE FOREIGN TABLE ${engine}_denied_t (id bigint, word text) SERVER ${engine}_denied " . $options->('good'));
	$stack->sql("CREATE FOREIGN TABLE ${engine}_out (id bigint, word text) SERVER $engine " . $options->("$engine-out"));
	$stack->sql("CREATE FOREIGN TABLE ${engine}_zst (id bigint, word text) SERVER $engine"
		  . " OPTIONS (bucket '$bucket', prefix '$engine-zst/', format 'csv', compression 'zstd')");
	$stack->sql("CREATE FOREIGN TABLE ${engine}_nowhere (id bigint, word text) SERVER $engine"
		  . " OPTIONS (bucket 'test-leak-s3-absent', prefix 'x/', format 'csv')");
}
$stack->sql(<<'SQL');
CREATE FUNCTION fail(query text, times int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE failed int := 0;
BEGIN
  FOR i IN 1 .. times LOOP
    BEGIN EXECUTE query; EXCEPTION WHEN OTHERS THEN failed := failed + 1; END;
  END LOOP;
  RETURN failed;
END $$
SQL

sub leaks_nothing
{
	my ($name, $query, %option) = @_;
	my $session = $stack->session;
	my $count   = $option{times} // ($name =~ /^native/ ? $times : 300);
	my $fail    = sub { $session->sql('SELECT fail(' . Stack::quote($query) . ", $_[0])", 120) };

	$proxy->fault(%{$option{fault} // {act => 'pass'}});
	is($fail->(20), 20, "$name: it fails") or diag($session->try($query)->{text});
	my %before = map { $_ => $session->$_ } qw(threads descriptors sockets memory);
	is($fail->($count), $count, "$name: it fails $count times");
	my %after = map { $_ => $session->$_ } qw(threads descriptors sockets memory);

	cmp_ok($after{$_}, '<=', $before{$_}, "$name: no more $_") for qw(threads sockets);
	cmp_ok($after{descriptors}, '<=', $before{descriptors} + 3, "$name: no more descriptors");
	cmp_ok($after{memory}, '<=', $before{memory} + 2048, "$name: memory within 2 MiB");
	note("$name: memory +" . ($after{memory} - $before{memory}) . " KiB, sockets $after{sockets}, threads $after{threads}");
	$proxy->pass;
	is($session->try('SELECT count(*) FROM native_good')->{out}, 1000, "$name: the session still works");
	return;
}

for my $engine (qw(native libs3))
{
	leaks_nothing("$engine: refused connections", "SELECT * FROM ${engine}_proxied_t", fault => {act => 'refuse'});
	leaks_nothing("$engine: resets in the listing", "SELECT * FROM ${engine}_proxied_t", fault => {act => 'reset', down => 200}, times => 200);
	leaks_nothing("$engine: denied access", "SELECT * FROM ${engine}_denied_t");
	leaks_nothing("$engine: an absent bucket", "SELECT * FROM ${engine}_nowhere");
	leaks_nothing("$engine: a line that is no row", "SELECT sum(id) FROM ${engine}_bad");
	leaks_nothing("$engine: torn gzip", "SELECT sum(id) FROM ${engine}_torn");
	leaks_nothing("$engine: an error of our own in the middle", "SELECT sum(1 / (id - 500)) FROM ${engine}_good");
	leaks_nothing("$engine: an INSERT that fails", "INSERT INTO ${engine}_out SELECT 1 / (500 - i), 'x' FROM generate_series(1, 1000) i");
	leaks_nothing("$engine: an INSERT that fails while a thread compresses",
		"INSERT INTO ${engine}_zst SELECT 1 / (3000 - i), repeat('x', 1000) FROM generate_series(1, 3000) i", times => 100);
	leaks_nothing("$engine: an upload that is left", "INSERT INTO ${engine}_out SELECT 1 / (7000 - i), repeat('x', 1000) FROM generate_series(1, 7000) i",
		times => 20);
	is(scalar($s3->list($bucket, "$engine-out/")), 0, "$engine: no object was written");
}
is(scalar(my @left = $s3->uploads($bucket)), 0, 'no upload is left unfinished');

$s3->drop($bucket);
done_testing();
