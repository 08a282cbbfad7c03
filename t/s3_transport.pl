# fdw_s3's transport: what COMMIT and ROLLBACK leave on a broken network and what fdw_s3_sweep() finds, listings of many
# pages, repeated requests, and both engines over the same objects.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use FaultProxy;
use S3;
use Stack;
use Test::More;

my $stack  = Stack->new('s3_transport', extensions => ['fdw_s3']);
my $proxy  = FaultProxy->start(Stack::s3_address());
my $s3     = S3->new;
my $bucket = 'test-s3-transport';
my $port   = $proxy->port;

$s3->drop($bucket);
$s3->make($bucket);

sub table
{
	my ($name, $server, $prefix, %option) = @_;
	my $options = join ', ', map { "$_ '$option{$_}'" } sort keys %option;

	return $stack->sql("CREATE FOREIGN TABLE $name (path text OPTIONS (metadata 'path'), line text) SERVER $server"
		  . " OPTIONS (bucket '$bucket', prefix '$prefix', format 'text'" . ($options ? ", $options" : '') . ')');
}

$stack->s3_server('native');
$stack->s3_server('libs3', engine => 'libs3');
$stack->s3_server('broken', endpoint => "http://127.0.0.1:$port", commit_timeout => '1s', retries => 2, part_size => '5MB');
table('broken', 'broken', 'broken/');

# Ends of transactions -------------------------------------------------------------------------------------------------

{
	my $session = $stack->session;

	$proxy->pass;
	$session->sql(q{BEGIN; INSERT INTO broken VALUES ('broken/a', 'x')});
	$proxy->fault(act => 'blackhole');
	my $result = $session->try('COMMIT', 15);
	like($result->{text}, qr/commit_timeout/, 'commit_timeout ends a COMMIT that gets no answer');
	cmp_ok($result->{seconds}, '<=', 2.5, '... and the clean-up that follows is short');
	$proxy->pass;
	is($session->try('SELECT count(*) FROM broken')->{out}, 0, '... and nothing was written');

	# An upload that nobody can clean up: the network is gone when the transaction aborts.
	$session->sql(q{BEGIN; INSERT INTO broken SELECT 'broken/left', repeat(i::text, 1000000) FROM generate_series(1, 8) i});
	$proxy->fault(act => 'blackhole');
	$result = $session->try('ROLLBACK', 15);
	cmp_ok($result->{seconds}, '<=', 1.0, 'ROLLBACK gives up on the clean-up in time');
	like($result->{text}, qr/could not clean up after 1 upload/, '... and says so');
	$proxy->pass;
	is(scalar(my @uploads = $s3->uploads($bucket)), 1, 'an unfinished upload was left');
	is($session->try("SELECT count(*) FROM fdw_s3_sweep('native', '$bucket')")->{out}, 0, 'fdw_s3_sweep leaves young uploads alone');
	is($session->try("SELECT path FROM fdw_s3_sweep('native', '$bucket', '0')")->{out}, 'broken/left', '... and aborts older ones');
	is(scalar(@uploads = $s3->uploads($bucket)), 0, '... so that none is left');

	# A backend that is terminated cleans up after itself.
	$session->sql(q{BEGIN; INSERT INTO broken SELECT 'broken/left', repeat(i::text, 1000000) FROM generate_series(1, 8) i});
	is(scalar(@uploads = $s3->uploads($bucket)), 1, 'an upload is under way');
	$stack->sql('SELECT pg_terminate_backend(' . $session->pid . ', 5000)');
	is(scalar(@uploads = $s3->uploads($bucket)), 0, '... and gone with its backend');
}

# A failed completion that was caught leaves the rest, and may be tried again.
{
	my $session = $stack->session;

	$session->sql(q{BEGIN; INSERT INTO broken SELECT 'broken/again' || i, i FROM generate_series(1, 9) i});
	$proxy->fault(answer => '403 Forbidden', body => '<Error><Code>AccessDenied</Code></Error>', times => 1);
	$session->sql('DO $$ BEGIN PERFORM fdw_s3_finish(); EXCEPTION WHEN insufficient_privilege THEN NULL; END $$');
	is($proxy->stat->{fired}, 1, 'a completion fails, and the failure is caught');
	is($session->try('SELECT count(*), bool_and(uploaded) FROM fdw_s3_finish()')->{out}, '9|t', '... the next one reports all objects');
	$session->sql('COMMIT');
	is($stack->sql(q{SELECT count(*), sum(line::int) FROM broken WHERE path LIKE 'broken/again%'}), '9|45', '... and they are whole');
}

# Repetition -----------------------------------------------------------------------------------------------------------

$proxy->fault(answer => '503 Slow Down', body => '<Error><Code>SlowDown</Code><Message>slowly</Message></Error>');
like($stack->try("SELECT * FROM fdw_s3_list('broken', '$bucket')")->{text}, qr/SlowDown: slowly \(after 3 attempts\)/,
	'an ERROR says how often the request was sent');
$proxy->fault(answer => '403 Forbidden', body => '<Error><Code>RequestTimeTooSkewed</Code></Error>');
like($stack->try("SELECT * FROM fdw_s3_list('broken', '$bucket')")->{text}, qr/RequestTimeTooSkewed\..*clocks/s,
	'clocks that differ are called that, once');
$proxy->pass;

# Many pages, both engines ---------------------------------------------------------------------------------------------

table('pages', 'native', 'pages/');
$stack->sql(q{INSERT INTO pages SELECT 'pages/' || to_char(i, 'FM0000'), i FROM generate_series(1, 2500) i});
for my $engine (qw(native libs3))
{
	is($stack->try("SELECT count(*), count(DISTINCT path), min(path), max(path), sum(size) FROM fdw_s3_list('$engine', '$bucket', 'pages/')")->{out},
		'2500|2500|pages/0001|pages/2500|11393', "$engine: a listing of three pages");
	is($stack->try("SELECT count(*) FROM fdw_s3_list('$engine', '$bucket', 'pages/1')")->{out}, 1000, "$engine: exactly one page");
	is($stack->try("SELECT count(*) FROM fdw_s3_list('$engine', '$bucket', 'none/')")->{out}, 0, "$engine: an empty listing");
	table("${engine}_pages", $engine, 'pages/2');
	is($stack->try("SELECT count(*), sum(line::int) FROM ${engine}_pages")->{out}, '501|1127250', "$engine: a scan of many objects");
}

# What one engine writes the other reads.
for my $pair (['native', 'libs3'], ['libs3', 'native'])
{
	my ($writer, $reader) = @$pair;

	table("${writer}_written", $writer, "by-$writer/", part_size => '5MB');
	table("${reader}_reads", $reader, "by-$writer/");
	$stack->sql("INSERT INTO ${writer}_written SELECT 'by-$writer/' || k, k || repeat(md5(i::text), i % 50) FROM (VALUES ('a=1/b'), ('äöü'), ('e&f')) v (k), generate_series(1, 500) i ORDER BY 1");
	$stack->sql("INSERT INTO ${writer}_written SELECT 'by-$writer/large', repeat(md5(i::text), 30000) FROM generate_series(1, 12) i");
	my $sum = 'SELECT count(*), count(DISTINCT path), md5(string_agg(path || line, chr(10) ORDER BY path, line)) FROM ';
	is($stack->sql("$sum ${reader}_reads"), $stack->sql("$sum ${writer}_written"), "what $writer wrote, $reader reads");
}

# Copies, and an answer that begins well.
$stack->s3_server('broken_libs3', engine => 'libs3', endpoint => "http://127.0.0.1:$port", retries => 0);
for my $engine (qw(native libs3))
{
	my $broken = $engine eq 'native' ? 'broken' : 'broken_libs3';

	$stack->sql("SELECT fdw_s3_copy('$engine', '$bucket', 'by-$engine/a=1/b', 'copied/$engine')");
	is($s3->get($bucket, "copied/$engine"), $s3->get($bucket, "by-$engine/a=1/b"), "$engine: a copy has the same bytes");
	like($stack->try("SELECT fdw_s3_copy('$engine', '$bucket', 'by-$engine/none', 'copied/none')")->{text},
		qr{42704|58P01.*could not copy object "by-$engine/none" in bucket "$bucket"}s, "$engine: what is not there is not copied");
	$proxy->fault(answer => '200 OK', body => '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>');
	like($stack->try("SELECT fdw_s3_copy('$broken', '$bucket', 'by-$engine/a=1/b', 'copied/lost')")->{text},
		qr/ERROR:.*could not copy/, "$engine: an error in an answer 200 is one");
	$proxy->fault(answer => '200 OK', body => '');
	like($stack->try("SELECT fdw_s3_copy('$broken', '$bucket', 'by-$engine/a=1/b', 'copied/lost')")->{text},
		qr/ERROR:.*could not copy/, "$engine: so is an answer without a body");
	$proxy->pass;
	is($s3->get($bucket, 'copied/lost'), undef, "$engine: ... and nothing was copied");
}
like($stack->try("SELECT fdw_s3_copy('libs3', '$bucket', 'by%20libs3', 'x')")->{text}, qr/cannot copy the key/,
	'libs3: a key that the service would decode is not copied');

# Guard rails of libs3.
like($stack->try(q{INSERT INTO libs3_written VALUES ('by-libs3/a b', 'x')})->{text}, qr/cannot use the key/, 'libs3: a blank in a key is refused');
like($stack->try(q{INSERT INTO libs3_written VALUES ('by-libs3/a+b', 'x')})->{text}, qr/cannot use the key/, 'libs3: so is a plus sign');
like($stack->try("SELECT fdw_s3_sweep('libs3', '$bucket')")->{text}, qr/no multipart/, 'libs3: there are no uploads to sweep');
$stack->s3_server('libs3_tls', engine => 'libs3', endpoint => "https://127.0.0.1:$port");
like($stack->try("SELECT * FROM fdw_s3_list('libs3_tls', '$bucket')")->{text}, qr/does not verify certificates/, 'libs3: https is refused');

$s3->drop($bucket);
done_testing();
