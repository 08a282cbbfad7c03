# fdw_s3 over TLS, to a MinIO of the test's own: which certificates are taken and refused, that objects go both ways whole,
# and that cuts, interrupts and errors are what they are without TLS.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use Certificate;
use Daemon;
use FaultProxy;
use File::Copy qw(copy);
use Interrupt;
use IO::Socket::INET;
use Stack;
use Test::More;
use Time::HiRes qw(sleep);

use constant {ROWS => 60_000, FEW => 1500};

our %slowest;
my $stack  = Stack->new('s3_tls', extensions => ['fdw_s3']);
my $daemon = Daemon->new;
my $tls    = Certificate->new($daemon->folder);
my $port   = Daemon::free_port();
my $bucket = 'test-s3-tls';

# The server -----------------------------------------------------------------------------------------------------------

$tls->authority($_) for qw(ca other);
$tls->issue('good',    by => 'ca');
$tls->issue('alien',   by => 'ca', names => 'DNS:elsewhere.example');
$tls->issue('expired', by => 'ca', days => -1);
$tls->issue('own');
$daemon->write_file('broken.pem', "-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n");

# The one that the stack runs. It must be where the servers' user can execute it.
sub minio_binary
{
	my $found = `bash -c '. "$Bin/../stack/lib.sh"; . "$Bin/../stack/minio.sh"; minio_binary'`;

	chomp $found;
	die "there is no MinIO\n" if $found eq '';
	link $found, $daemon->file('minio') or copy($found, $daemon->file('minio')) or die "copy: $!";
	chmod 0755, $daemon->file('minio');
	return $daemon->file('minio');
}

# The server answers to TLS, with the certificate of that name.
sub shows
{
	my ($name) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or return 0;

	close $socket;
	my $shown = `openssl s_client -connect 127.0.0.1:$port </dev/null 2>/dev/null`;
	open my $in, '<', $tls->file("$name.pem") or die $!;
	my $pem = do { local $/; <$in> };
	return index($shown, $pem) >= 0;
}

my $binary = minio_binary();
mkdir $daemon->file($_) or die $! for qw(certificates data);
$daemon->give($daemon->file('certificates'), $daemon->file('data'));
@ENV{qw(MINIO_ROOT_USER MINIO_ROOT_PASSWORD MINIO_BROWSER MINIO_UPDATE)} = (@ENV{qw(S3_ACCESS_KEY S3_SECRET_KEY)}, 'off', 'off');

# MinIO reads a new certificate when it starts.
sub start_minio
{
	my ($name) = @_;

	$daemon->stop;
	for (['pem', 'public.crt'], ['key', 'private.key'])
	{
		my $file = $daemon->file("certificates/$_->[1]");

		copy($tls->file("$name.$_->[0]"), $file) or die "copy: $!";
		$daemon->give($file);
	}
	return $daemon->start(sub { shows($name) }, $binary, 'server', '--quiet', '--address', "127.0.0.1:$port", '--certs-dir',
		$daemon->file('certificates'), $daemon->file('data'));
}

start_minio('good');
my $proxy = FaultProxy->start('127.0.0.1', $port);
my $proxy_port = $proxy->port;

# The tables -----------------------------------------------------------------------------------------------------------

my $columns = 'id int, large bigint, amount numeric(20,4), at timestamp, word text, note text';

sub server
{
	my ($name, %option) = @_;

	$stack->s3_server($name, endpoint => "https://127.0.0.1:$port", ca_file => $tls->file('ca.pem'), %option);
	return $stack->sql("CREATE FOREIGN TABLE $name (path text OPTIONS (metadata 'path'), $columns) SERVER $name"
		  . " OPTIONS (bucket '$bucket', prefix 'rows/')");
}

server('good');
server('by_name',     endpoint => "https://localhost:$port");
server('other_ca',    ca_file  => $tls->file('other.pem'));
server('system',      ca_file  => undef);
server('own_ca',      ca_file  => $tls->file('own.pem'));
server('no_file',     ca_file  => $tls->file('none.pem'));
server('broken_file', ca_file  => $tls->file('broken.pem'));
server('plain',       endpoint => "http://127.0.0.1:$port", ca_file => undef);
server('no_tls', endpoint => $ENV{S3_ENDPOINT} =~ s/^http:/https:/r);
server('by_proxy', endpoint => "https://127.0.0.1:$proxy_port", read_timeout => '5s', retries => 0);
server('libs3',           engine => 'libs3', ca_file => undef);
server('libs3_unverified', engine => 'libs3', ca_file => undef, allow_unverified_tls => 'true');
server('libs3_with_ca', engine => 'libs3', allow_unverified_tls => 'true');
$stack->sql(<<SQL);
CREATE TABLE rows_ AS SELECT i AS id, i * 1000003::bigint AS large, (i * 1.25)::numeric(20,4) AS amount,
 timestamp '2020-01-01' + i * interval '1 minute' AS at, 'wörd ' || i AS word,
 CASE WHEN i % 7 = 0 THEN NULL ELSE repeat(md5(i::text), i % 12) END AS note FROM generate_series(1, @{[ROWS]}) i
SQL

my $session = $stack->session;

# Objects both ways ----------------------------------------------------------------------------------------------------

is($session->sql("SELECT fdw_s3_create_bucket('good', '$bucket')"), 't', 'a bucket is made');
$session->sql('ALTER SERVER good OPTIONS (ADD part_size $$5MB$$)');
$session->sql('BEGIN; INSERT INTO good SELECT $$rows/all.csv$$, * FROM rows_');
is($session->sql('SELECT path, rows, bytes > 10000000, length(sha256), uploaded FROM fdw_s3_finish()'), 'rows/all.csv|' . ROWS . '|t|64|t',
	'an object is written');
$session->sql('COMMIT');
like($session->sql("SELECT etag FROM fdw_s3_stat('good', '$bucket', 'rows/all.csv')"), qr/-[2-9]\b/, '... in several parts');
my $differ = 'SELECT count(*) FROM ((SELECT id, large, amount, at, word, note FROM %1$s EXCEPT ALL TABLE rows_)'
  . ' UNION ALL (TABLE rows_ EXCEPT ALL SELECT id, large, amount, at, word, note FROM %1$s)) d';
is($session->sql(sprintf $differ, $_), 0, "$_: all rows are the local ones") for qw(good by_name);
is($session->sql("SELECT path FROM fdw_s3_list('good', '$bucket', 'rows/')"), 'rows/all.csv', 'they are listed');
$session->sql("BEGIN; INSERT INTO good SELECT 'rows/dropped.csv', * FROM rows_; ROLLBACK");
is($session->sql("SELECT count(*) FROM fdw_s3_list('good', '$bucket', 'rows/')"), 1, 'what is rolled back is not there');
is($session->sql("SELECT count(*) FROM fdw_s3_sweep('good', '$bucket', '0')"), 0, '... nor parts of it');

# Certificates ---------------------------------------------------------------------------------------------------------

sub look { my ($server) = @_; return $stack->try("SELECT count(*) FROM $server", 20) }

# An ERROR that says why and shows no key, at once: what is not trusted now is not in a second.
sub is_refused
{
	my ($name, $server, $code, $why) = @_;
	my $result = look($server);

	is($result->{code}, $code, "$name: refused") or diag($result->{text});
	like($result->{text}, $why, "$name: ... and it is said why");
	unlike($result->{text}, qr/\Q$ENV{S3_SECRET_KEY}\E/, "$name: ... without the key");
	cmp_ok($result->{seconds}, '<', 2, "$name: ... at once");
	return;
}

my $untrusted = qr/self.signed certificate|unable to get (?:local )?issuer certificate/;

is_refused('another authority',        'other_ca',    '08001', $untrusted);
is_refused("the system's authorities", 'system',      '08001', $untrusted);
is_refused('a ca_file that is not there', 'no_file',  '08001', qr/none\.pem|CAfile/);
is_refused('a ca_file that is broken', 'broken_file', '08001', qr/broken\.pem|CAfile/);
like(look('other_ca')->{text}, qr/HINT:  .*ca_file/, 'what is not trusted names the option');
is_refused('http to a server of https', 'plain', 'HV000', qr/HTTP status 400.*HINT:.*https:/s);
is_refused('https to a server of http', 'no_tls', '08001', qr/SSL.*HINT:.*http:/s);
{
	my $result = $stack->try("INSERT INTO other_ca SELECT 'rows/untrusted.csv', * FROM rows_ LIMIT 5", 20);

	is($result->{code}, '08001', 'nothing is written to a server that is not trusted') or diag($result->{text});
	is($session->sql("SELECT count(*) FROM fdw_s3_list('good', '$bucket', 'rows/untrusted')"), 0, '... really');
}

# Engine libs3 cannot verify: it must be told that this is known.
is_refused('libs3',              'libs3',         '0A000', qr/the library does not verify certificates/);
is_refused('libs3 with ca_file', 'libs3_with_ca', '0A000', qr/cannot be given a ca_file/);
is($session->sql(sprintf $differ, 'libs3_unverified'), 0, 'libs3 with allow_unverified_tls: all rows are the local ones');

# An ERROR of one connection is none of another: OpenSSL's list of errors is one for the whole backend.
for my $server (qw(other_ca broken_file no_tls by_proxy))
{
	my $clean = $stack->session;

	$clean->sql('BEGIN; DECLARE c CURSOR FOR SELECT * FROM good; FETCH 10 FROM c; SAVEPOINT s');
	$proxy->fault(act => 'cut', down => 900) if $server eq 'by_proxy';
	ok(defined $clean->try("SELECT * FROM $server; SELECT 1", 20)->{code}, "$server fails in the middle of another scan");
	is($clean->try('ROLLBACK TO s; MOVE ALL FROM c; CLOSE c', 20)->{code}, undef, '... which goes on');
	is($clean->try('COMMIT; SELECT count(*) FROM good', 20)->{out}, ROWS, '... and a new one works');
}

# A broken stream ------------------------------------------------------------------------------------------------------

$session->sql("CREATE FOREIGN TABLE cut (path text OPTIONS (metadata 'path'), $columns) SERVER by_proxy OPTIONS (bucket '$bucket', prefix 'cut/', part_size '5MB')");
$session->sql("CREATE FOREIGN TABLE few ($columns) SERVER by_proxy OPTIONS (bucket '$bucket', path 'few/all.csv')");
$session->sql("CREATE FOREIGN TABLE few_direct (path text OPTIONS (metadata 'path'), $columns) SERVER good OPTIONS (bucket '$bucket', prefix 'few/')");
$session->sql("INSERT INTO few_direct SELECT 'few/all.csv', * FROM rows_ WHERE id <= @{[FEW]}");
my $query = 'SELECT count(*), md5(string_agg(r::text, chr(10) ORDER BY id)) FROM %s r';
my $whole = $session->sql(sprintf "$query WHERE id <= @{[FEW]}", 'rows_');
$query = sprintf $query, 'few';
$proxy->pass;
is($stack->sql($query), $whole, 'the whole stream gives the exact rows');
my $bytes = $proxy->stat->{down};
note("the stream has $bytes bytes");

sub exact_or_error
{
	my ($name, %fault) = @_;

	$proxy->fault(%fault);
	my $result = $stack->try($query, 20);
	my $kind = $result->{late} ? 'late' : $result->{lost} ? 'crashed' : defined $result->{code} ? 'error' : 'rows';

	if ($kind eq 'rows') { is($result->{out}, $whole, "$name: the exact rows") }
	else { is($kind, 'error', "$name: an ERROR") or diag($result->{text}) }
	return $kind;
}

my @at = (1, 5, 200, 700, 1000, 1500, 2000, 2500, map({ int($bytes * $_ / 7) + $_ } 1 .. 6), map { $bytes - $_ } 60, 31, 25, 23, 2, 1);
exact_or_error("cut after $_ bytes", act => ($_ % 2 ? 'cut' : 'reset'), down => $_) for @at;
exact_or_error("cut after $_ bytes of what is sent", act => 'cut', up => $_) for 100, 400, 700, 1200;
is(exact_or_error("torn: $_", act => 'pass', slice => $_), 'rows', "torn into pieces of $_ is no ERROR") for 7, 1000;
is(exact_or_error('late by 60 ms', act => 'pass', delay => 60), 'rows', 'late by 60 ms is no ERROR');
# TLS proves that what arrived is what was sent
exact_or_error("byte $_ changed", act => 'pass', flip => $_, mask => 0x10) for 100, 800, 1200, map({ int($bytes * $_ / 7) } 1 .. 6), $bytes - 30;

# An upload that is cut leaves no object.
for my $at (300_000, 2_000_000, 4_900_000)
{
	$proxy->fault(act => 'cut', up => $at);
	my $result = $stack->try("INSERT INTO cut SELECT 'cut/$at.csv', * FROM rows_", 30);

	ok(defined $result->{code} && !$result->{lost}, "an upload cut after $at bytes is an ERROR") or diag($result->{text});
	is($session->sql("SELECT count(*) FROM fdw_s3_list('good', '$bucket', 'cut/')"), 0, '... and leaves no object');
} continue { $proxy->pass }

# Interrupts -----------------------------------------------------------------------------------------------------------

my $works = sub {
	my ($session) = @_;

	$proxy->pass;
	is($session->try('SELECT count(*) FROM few')->{out}, FEW, '... and the next scan is complete');
};
my $stuck = sub { $proxy->stat->{fired} > 0 };

for my $means (@{Interrupt::MEANS()})
{
	$proxy->fault(act => 'blackhole', down => 300_001);
	Interrupt::strike($stack, 'black-holed in the middle of a row', $means, sql => 'SELECT max(word) FROM by_proxy', ready => $stuck,
		after => $works);
	$proxy->fault(act => 'blackhole', down => 700);
	Interrupt::strike($stack, 'black-holed in the handshake', $means, sql => 'SELECT max(word) FROM by_proxy', ready => $stuck,
		after => $works);
	$proxy->fault(act => 'blackhole', up => 2_000_000);
	Interrupt::strike($stack, 'black-holed in an upload', $means, sql => "INSERT INTO cut SELECT 'cut/hole.csv', * FROM rows_",
		ready => $stuck, after => $works);
}
$proxy->pass;

# Other certificates ---------------------------------------------------------------------------------------------------

start_minio('alien');
is_refused('a certificate for another host', 'good', '08001', qr/subject name|does not match|hostname/);
start_minio('expired');
is_refused('a certificate that expired', 'good', '08001', qr/certificate has expired/);
start_minio('own');
is_refused('a certificate signed by itself', 'good', '08001', $untrusted);
is(look('own_ca')->{out}, ROWS, '... which is trusted where ca_file is that certificate');

note(sprintf 'slowest %s: %.3f s', $_, $slowest{$_}) for sort keys %slowest;
done_testing();
