# fdw_mysql over TLS, to a MariaDB of the test's own: what each ssl_mode takes and refuses, that the session is encrypted
# or not, and that rows, cuts, interrupts and errors are what they are without TLS.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use Certificate;
use Daemon;
use FaultProxy;
use File::Copy qw(copy);
use Interrupt;
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Stack;
use Test::More;

use constant {ROWS => 20_000, FEW => 1500, LONG => 17_000_000};

our %slowest;
my $stack    = Stack->new('mysql_tls', extensions => ['fdw_mysql']);
my $daemon   = Daemon->new;
my $tls      = Certificate->new($daemon->folder);
my $port     = Daemon::free_port();
my $socket   = $daemon->file('socket');
my $password = 'Canary of TLS';

# The server -----------------------------------------------------------------------------------------------------------

$tls->authority($_) for qw(ca other);
$tls->issue('good',    by => 'ca');
$tls->issue('alien',   by => 'ca', names => 'DNS:elsewhere.example');
$tls->issue('expired', by => 'ca', days => -1);
$tls->issue('client',  by => 'ca', subject => 'client');
$tls->issue('own');
$daemon->write_file('broken.pem', "-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n");
# what the backend must read
$daemon->give(map { $tls->file($_) } qw(client.pem client.key));

# A statement as MariaDB's administrator: whoever runs the server, through its Unix socket.
sub admin
{
	my ($sql) = @_;

	return eval { $daemon->run('mariadb', '--no-defaults', '--skip-ssl', '--host=localhost', '--protocol=socket', "--socket=$socket",
		'--user=root', '--skip-password', '--default-character-set=utf8mb4', '-e', $sql); 1 };
}

sub start_mariadb
{
	my (@options) = @_;

	return $daemon->start(sub { -e $socket && admin('SELECT 1') }, 'mariadbd', '--no-defaults',
		'--datadir=' . $daemon->file('data'), "--socket=$socket", '--bind-address=127.0.0.1', "--port=$port", '--skip-name-resolve',
		'--pid-file=' . $daemon->file('pid'), '--character-set-server=utf8mb4', '--default-time-zone=+00:00',
		'--innodb-buffer-pool-size=64M', '--innodb-flush-log-at-trx-commit=0', '--max-allowed-packet=64M', @options);
}

# Another certificate for the connections to come
sub show_certificate
{
	my ($name) = @_;

	for my $kind (qw(pem key))
	{
		copy($tls->file("$name.$kind"), $daemon->file("shown.$kind")) or die "copy: $!";
		$daemon->give($daemon->file("shown.$kind"));
	}
	admin('FLUSH SSL') or die 'FLUSH SSL: ' . $daemon->log if $daemon->{pid};
	return;
}

$daemon->run('mariadb-install-db', '--no-defaults', '--datadir=' . $daemon->file('data'), '--skip-test-db',
	'--auth-root-authentication-method=normal', '--innodb-flush-log-at-trx-commit=0', '--innodb-log-file-size=8M');
show_certificate('good');
my @with_tls = ('--ssl-cert=' . $daemon->file('shown.pem'), '--ssl-key=' . $daemon->file('shown.key'), '--ssl-ca=' . $tls->file('ca.pem'));
start_mariadb(@with_tls);
admin(<<SQL) or die 'cannot make the tables: ' . $daemon->log;
CREATE USER canary IDENTIFIED BY '$password';
CREATE USER holder IDENTIFIED BY '$password' REQUIRE SUBJECT '/CN=client';
CREATE DATABASE d;
USE d;
GRANT SELECT ON d.* TO canary;
GRANT SELECT ON d.* TO holder;
CREATE TABLE rows_ (id int PRIMARY KEY, large bigint, amount decimal(20,4), ratio double, at datetime(6), word varchar(40),
 note longtext, bytes varbinary(16));
INSERT INTO rows_ SELECT seq, seq * 1000003, seq * 1.25, seq / 8, '2020-01-01' + INTERVAL seq MINUTE, CONCAT('wörd ', seq),
 IF(seq % 7 = 0, NULL, REPEAT(MD5(seq), seq % 12)), UNHEX(MD5(seq)) FROM seq_1_to_@{[ROWS]};
CREATE VIEW few AS SELECT * FROM rows_ WHERE id <= @{[FEW]};
CREATE VIEW many AS SELECT seq AS id, REPEAT('x', 200) AS word FROM seq_1_to_3000000;
CREATE VIEW slow AS SELECT seq AS id, CONCAT('', SLEEP(5)) AS word FROM seq_1_to_100;
CREATE VIEW long_ AS SELECT 1 AS id, REPEAT('y', @{[LONG]}) AS word;
SQL
my $proxy = FaultProxy->start('127.0.0.1', $port);

# The tables -----------------------------------------------------------------------------------------------------------

my $columns = 'id int, large bigint, amount numeric(20,4), ratio double precision, at timestamp, word text, note text, bytes bytea';

# A server's tables, in a schema of its name.
sub server
{
	my ($name, %option) = @_;
	my $user = delete $option{user} // 'canary';

	return <<SQL;
CREATE SERVER $name FOREIGN DATA WRAPPER fdw_mysql @{[$stack->mysql(host => '127.0.0.1', port => $port, dbname => 'd', %option)]};
CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS (username '$user', password '$password');
CREATE SCHEMA $name;
CREATE FOREIGN TABLE $name.rows_ ($columns) SERVER $name;
CREATE FOREIGN TABLE $name.few ($columns) SERVER $name;
CREATE FOREIGN TABLE $name.many (id bigint, word text) SERVER $name;
CREATE FOREIGN TABLE $name.slow (id bigint, word text) SERVER $name;
CREATE FOREIGN TABLE $name.long_ (id bigint, word text) SERVER $name;
CREATE FOREIGN TABLE $name.status (name text OPTIONS (column_name 'VARIABLE_NAME'), value text OPTIONS (column_name 'VARIABLE_VALUE'))
 SERVER $name OPTIONS (dbname 'information_schema', table_name 'SESSION_STATUS');
SQL
}

my @modes = qw(disable prefer require verify_ca verify_identity);
my $ca    = $tls->file('ca.pem');
my %trust = map { $_ => /verify/ ? {ssl_ca => $ca} : {} } @modes;
my @by_proxy = (port => $proxy->port);

$stack->sql(join '', map({ server($_, ssl_mode => $_, %{$trust{$_}}) } @modes),
	map({ server("proxy_$_", ssl_mode => $_, %{$trust{$_}}, @by_proxy) } @modes),
	server('by_name', host => 'localhost', ssl_mode => 'verify_identity', ssl_ca => $ca),
	server('other_ca', ssl_mode => 'verify_ca', ssl_ca => $tls->file('other.pem')),
	server('other_identity', ssl_mode => 'verify_identity', ssl_ca => $tls->file('other.pem')),
	server('other_require', ssl_mode => 'require', ssl_ca => $tls->file('other.pem')),
	server('own_ca', ssl_mode => 'verify_ca', ssl_ca => $tls->file('own.pem')),
	server('system', ssl_mode => 'verify_identity'),
	server('nothing', ssl_mode => 'verify_ca'),
	server('folder', ssl_mode => 'verify_ca', ssl_capath => $tls->hashed('folder', 'ca')),
	server('other_folder', ssl_mode => 'verify_ca', ssl_capath => $tls->hashed('other_folder', 'other')),
	server('no_file', ssl_mode => 'verify_ca', ssl_ca => $tls->file('none.pem')),
	server('broken_file', ssl_mode => 'verify_ca', ssl_ca => $tls->file('broken.pem')),
	server('broken_key', ssl_mode => 'require', ssl_cert => $tls->file('client.pem'), ssl_key => $tls->file('broken.pem')),
	server('no_cipher', ssl_mode => 'require', ssl_cipher => 'NO-SUCH-CIPHER'),
	server('holder', ssl_mode => 'verify_ca', ssl_ca => $ca, ssl_cert => $tls->file('client.pem'), ssl_key => $tls->file('client.key'),
		user => 'holder'),
	server('no_holder', ssl_mode => 'verify_ca', ssl_ca => $ca, user => 'holder'));
$stack->sql(<<SQL);
CREATE TABLE rows_ AS SELECT i AS id, i * 1000003::bigint AS large, (i * 1.25)::numeric(20,4) AS amount, i / 8::float8 AS ratio,
 timestamp '2020-01-01' + i * interval '1 minute' AS at, 'wörd ' || i AS word,
 CASE WHEN i % 7 = 0 THEN NULL ELSE repeat(md5(i::text), i % 12) END AS note, decode(md5(i::text), 'hex') AS bytes
 FROM generate_series(1, @{[ROWS]}) i
SQL

# What a server's session is: the word for its cipher, or the ERROR.
my $session = $stack->session;
sub look
{
	my ($server) = @_;

	$session->sql('SELECT fdw_mysql_disconnect()');
	return $session->try("SELECT CASE value WHEN '' THEN 'plain' ELSE 'TLS' END FROM $server.status WHERE upper(name) = 'SSL_CIPHER'", 20);
}

sub is_encrypted { my ($name, $server, $how) = @_; my $result = look($server); return is($result->{out}, $how // 'TLS', $name) }

# An ERROR that says why and shows no password, at once.
sub is_refused
{
	my ($name, $server, $why) = @_;
	my $result = look($server);

	is($result->{code}, '08001', "$name: refused") or diag($result->{text});
	like($result->{text}, $why, "$name: ... and it is said why");
	unlike($result->{text}, qr/\Q$password\E/, "$name: ... without the password");
	cmp_ok($result->{seconds}, '<', 2, "$name: ... at once");
	return;
}

# Modes and certificates -----------------------------------------------------------------------------------------------

my $untrusted = qr/self.signed certificate|unable to get (?:local )?issuer certificate|unable to verify/;
my $wrong     = qr/[Vv]alidation of SSL server certificate failed|[Hh]ost ?name|hostname/;
my $expired   = qr/certificate has expired/;
my $no_tls    = qr/does not (?:offer|support) (?:TLS|it|SSL)|SSL connection (?:is required|error)|doesn't support/;
my %expected  = (
	good    => {},
	alien   => {verify_identity => $wrong},
	expired => {verify_ca => $expired, verify_identity => $expired},
	own     => {verify_ca => $untrusted, verify_identity => $untrusted},
);

for my $certificate (sort keys %expected)
{
	show_certificate($certificate);
	for my $mode (@modes)
	{
		my $why  = $expected{$certificate}{$mode};
		my $name = "ssl_mode $mode, certificate $certificate";

		if ($why) { is_refused($name, $mode, $why) }
		else { is_encrypted($name, $mode, $mode eq 'disable' ? 'plain' : 'TLS') }
	}
	# still there: the server that signs for itself can be named as its own authority
	is_encrypted('ssl_ca is the certificate itself', 'own_ca') if $certificate eq 'own';
}

show_certificate('good');
is_encrypted('verify_identity by name', 'by_name');
is_refused('verify_ca, another authority',           'other_ca',       $untrusted);
is_refused('verify_identity, another authority',     'other_identity', $untrusted);
is_refused('require with ssl_ca, another authority', 'other_require',  $untrusted);
is_refused("verify_identity, the system's authorities", 'system',      $untrusted);
is_encrypted('verify_ca, ssl_capath', 'folder');
is_refused('verify_ca, ssl_capath of another authority', 'other_folder', $untrusted);
is_refused('ssl_ca that is not there', 'no_file',     qr/No such file/);
is_refused('ssl_ca that is broken',    'broken_file', qr/header too long|bad end line|no start line|bad base64|wrong tag|asn1/i);
is_refused('ssl_key that is broken',   'broken_key',  qr/TLS\/SSL error: (?:unsupported|no start line)/);
is_refused('ssl_cipher that does not exist', 'no_cipher', qr/no cipher match/);
like(look('nothing')->{text}, qr/ssl_mode verify_ca needs option "ssl_ca" or "ssl_capath"/, 'verify_ca has nothing to check with');
is_encrypted("a client's certificate", 'holder');
is(look('no_holder')->{code}, '28000', "a user who needs a certificate is refused without");

# Rows -----------------------------------------------------------------------------------------------------------------

# Both ways, so that each row of each side counts.
my $differ = 'SELECT count(*) FROM (TABLE %1$s EXCEPT ALL TABLE %2$s) a FULL JOIN (TABLE %2$s EXCEPT ALL TABLE %1$s) b ON false';

for my $server (qw(disable verify_identity))
{
	is($session->sql(sprintf $differ, "$server.rows_", 'rows_'), 0, "$server: all rows are the local ones");
	is($session->sql("SELECT length(word), md5(word) FROM $server.long_"), LONG . '|' . $session->sql("SELECT md5(repeat('y', @{[LONG]}))"),
		"$server: a row of several packets");
}
# The first scan is put aside when the second begins; both sit on one connection.
is($session->sql('SELECT count(*) FROM verify_ca.rows_ a JOIN verify_ca.rows_ b USING (id) WHERE a.word = b.word'), ROWS,
	'two scans of one connection');
# More than fits into the sockets at once: the library must be able to wait while it sends.
$session->sql("PREPARE find(text) AS SELECT count(*) FROM proxy_verify_ca.few WHERE note = \$1; SET plan_cache_mode = force_generic_plan");
$proxy->fault(act => 'pass', rate => 2_000_000);
is($session->try("EXECUTE find(repeat('z', 9000000))", 20)->{out}, 0, 'a statement of 9 MB');
is($session->try("EXECUTE find(repeat(md5('11'), 11))", 20)->{out}, 1, '... and a small one after it');

# An ERROR of one connection is none of another: OpenSSL's list of errors is one for the whole backend.
$proxy->pass;
for my $server (qw(other_ca no_file broken_file broken_key no_cipher proxy_require))
{
	my $clean = $stack->session;

	$clean->sql('BEGIN; DECLARE c CURSOR FOR SELECT * FROM verify_ca.rows_; FETCH 10 FROM c; SAVEPOINT s');
	$proxy->fault(act => 'cut', down => 2000) if $server eq 'proxy_require';
	ok(defined $clean->try("SELECT * FROM $server.rows_; SELECT 1", 20)->{code}, "$server fails in the middle of another scan");
	is($clean->try('ROLLBACK TO s; MOVE ALL FROM c; CLOSE c', 20)->{code}, undef, '... which goes on');
	is($clean->try('COMMIT; SELECT count(*), count(note) FROM verify_identity.rows_', 20)->{out},
		$session->sql('SELECT count(*), count(note) FROM rows_'), '... and a new connection works');
}

# A broken stream ------------------------------------------------------------------------------------------------------

my $query = 'SELECT count(*), md5(string_agg(r::text, chr(10) ORDER BY id)) FROM %s r';
my $whole = $stack->sql(sprintf "$query WHERE id <= @{[FEW]}", 'rows_');
$query = sprintf $query, 'proxy_verify_identity.few';
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

my @at = (3, 60, 100, 200, 500, 900, 1100, 1300, 1500, 1800, 2200, map({ int($bytes * $_ / 8) + $_ } 1 .. 7), map { $bytes - $_ } 60, 31, 30, 24, 9, 1);
exact_or_error("cut after $_ bytes", act => ($_ % 2 ? 'cut' : 'reset'), down => $_) for @at;
exact_or_error("cut after $_ bytes of what is sent", act => 'cut', up => $_) for 30, 200, 500, 800;
is(exact_or_error("late by $_ ms", act => 'pass', delay => $_), 'rows', "late by $_ ms is no ERROR") for 60;
is(exact_or_error("torn: $_", act => 'pass', slice => $_), 'rows', "torn into pieces of $_ is no ERROR") for 7, 1000;
# TLS proves that what arrived is what was sent
exact_or_error("byte $_ changed", act => 'pass', flip => $_, mask => 0x10) for 120, 400, 1000, map({ int($bytes * $_ / 7) } 1 .. 6), $bytes - 5;

# Interrupts -----------------------------------------------------------------------------------------------------------

my $works = sub {
	my ($session) = @_;

	$proxy->pass;
	is($session->try('SELECT count(*) FROM proxy_verify_ca.few')->{out}, FEW, '... and the next scan is complete');
};
my $stuck = sub { $proxy->stat->{fired} > 0 };

for my $means (@{Interrupt::MEANS()})
{
	$proxy->fault(act => 'blackhole', down => 300_001);
	Interrupt::strike($stack, 'black-holed in the middle of a row', $means, sql => 'SELECT max(word) FROM proxy_verify_ca.many',
		ready => $stuck, after => $works);
	$proxy->pass;
	Interrupt::strike($stack, 'while MariaDB computes', $means, sql => 'SELECT count(word) FROM proxy_verify_ca.slow', after => $works);
}
for my $at (110, 900)
{
	$proxy->fault(act => 'blackhole', down => $at);
	Interrupt::strike($stack, "black-holed after $at bytes, in the handshake", 'cancel', sql => 'SELECT max(word) FROM proxy_verify_ca.many',
		ready => $stuck, after => $works);
}
$proxy->pass;
$stack->sql("CREATE FOREIGN TABLE running (info text OPTIONS (column_name 'INFO')) SERVER disable"
	  . " OPTIONS (dbname 'information_schema', table_name 'PROCESSLIST')");
ok(defined Stack::until_true(sub { $session->sql("SELECT count(*) FROM running WHERE info LIKE '%slow%'") == 0 }, 3),
	'no cancelled statement goes on in MariaDB');
$session->sql("SELECT id FROM verify_ca.many LIMIT 1") for 1 .. 10;
cmp_ok($session->descriptors, '<', 60, 'scans that end early leave no descriptor behind');

# Somebody in between who takes TLS away -------------------------------------------------------------------------------

# Where the greeting's flag for TLS is
sub tls_flag
{
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or die $!;

	sysread $socket, my $bytes, 4096;
	return index($bytes, "\0", 5) + 1 + 4 + 8 + 1 + 1;
}

sub strip { return $proxy->fault(act => 'pass', flip => tls_flag(), mask => 0x08) }

strip();
is_encrypted('prefer is content without', 'proxy_prefer', 'plain');
for my $mode (qw(require verify_ca verify_identity))
{
	strip();
	is_refused("stripped, $mode", "proxy_$mode", $no_tls);
}
strip();
look('proxy_verify_identity');
is($proxy->stat->{up}, 0, 'stripped, verify_identity: nothing was sent');

# A server in between that asks for the password as the sha2 plugins would send it without TLS: under a key of its own.
sub packet { my ($number, $bytes) = @_; return substr(pack('V', length $bytes), 0, 3) . chr($number & 255) . $bytes }

my $scramble = 'abcdefghijklmnopqrst';
sub catch_password
{
	my ($mode, $plugin, $hasty) = @_;
	my $listener = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die $!;
	my $pid = fork() // die $!;

	if ($pid == 0) { eval { serve($listener, $plugin, $hasty) }; POSIX::_exit(0) }
	my $server = "catch_${mode}_${plugin}_$hasty";
	$stack->sql(server($server, ssl_mode => $mode, %{$trust{$mode}}, port => $listener->sockport, read_timeout => '2s'));
	my $result = $stack->try("SELECT * FROM $server.few", 20);
	kill 'TERM', $pid;
	waitpid $pid, 0;
	ok(defined $result->{code} && !$result->{lost} && !$result->{late}, "$plugin, $mode: an ERROR") or diag($result->{text});
	return caught();
}

# Talks the login with one client, writes what came after the login to "caught". In haste it does not wait to be asked.
sub serve
{
	my ($listener, $plugin, $hasty) = @_;
	my $client = $listener->accept;
	my $can    = 0x000f_f7df;      # all that a MySQL 8 can, without TLS (0x800) and compression
	my $key    = do { open my $in, '<', $tls->file('catcher.pub') or die $!; local $/; <$in> };
	my $ask    = $plugin =~ /caching/ ? "\1\4" : "\xfe$plugin\0$scramble\0";

	open my $file, '>:raw', $tls->file('caught') or die $!;
	$client->syswrite(packet(0, "\x0a8.0.36\0" . pack('V', 7) . substr($scramble, 0, 8) . "\0" . pack('v', $can & 0xffff) . "\x2d"
		  . pack('v', 2) . pack('v', $can >> 16) . chr(21) . "\0" x 10 . substr($scramble, 8) . "\0$plugin\0") . ($hasty ? packet(2, $ask) . packet(4, "\1$key") : ''));
	my ($number, $heard) = (0, '');
	while (IO::Select->new($client)->can_read(3) && sysread $client, $heard, 65536, length $heard)
	{
		while (length $heard >= 4 && length $heard >= 4 + (my $length = unpack 'V', substr($heard, 0, 3) . "\0"))
		{
			my ($next, $body) = (ord(substr $heard, 3, 1) + 1, substr $heard, 4, $length);

			substr($heard, 0, 4 + $length) = '';
			if ($number++ == 0) { $client->syswrite(packet($next, $ask)) if !$hasty }
			elsif ($body =~ /\A[\1\2]\z/) { $client->syswrite(packet($next, "\1$key")) if !$hasty }
			else { $file->syswrite($body); return }
		}
	}
	return;
}

# What was caught, and whether it was under the key
sub caught
{
	open my $file, '<:raw', $tls->file('caught') or return ('', 0);
	my $bytes = do { local $/; readline $file } // '';
	my $text = '';

	close $file;
	return ($bytes, 0) if length $bytes != 256;
	open my $plain, '-|', 'openssl', 'pkeyutl', '-decrypt', '-inkey', $tls->file('catcher.key'), '-in', $tls->file('caught'),
		'-pkeyopt', 'rsa_padding_mode:oaep' or die $!;
	$text = do { local $/; readline $plain } // '';
	return ($text ^ substr($scramble x 9, 0, length $text), 1);
}

$tls->rsa('catcher');
for my $plugin (qw(caching_sha2_password sha256_password))
{
	for my $hasty ($plugin =~ /caching/ ? (0, 1) : 0)
	{
		my $name = $plugin . ($hasty ? ', in haste' : '');

		# the trap works, and prefer at least does not send it in the clear
		my ($text, $sealed) = catch_password('prefer', $plugin, $hasty);
		is($text, "$password\0", "$name, prefer: the password under the key given");
		ok($sealed, "$name, prefer: not in the clear");
		for my $mode (qw(require verify_ca verify_identity))
		{
			is((catch_password($mode, $plugin, $hasty))[0], '', "$name, $mode: nothing was caught");
		}
	}
}

# A server without TLS -------------------------------------------------------------------------------------------------

$session->quit;
$daemon->stop;
start_mariadb('--skip-ssl');
$session = $stack->session;
is_encrypted("no TLS, $_", $_, 'plain') for qw(disable prefer);
is_refused("no TLS, $_", $_, $no_tls) for qw(require verify_ca verify_identity);

note(sprintf 'slowest %s: %.3f s', $_, $slowest{$_}) for sort keys %slowest;
done_testing();
