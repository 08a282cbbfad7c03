# A server that is not what it says: it asks for the password in the clear, for a file, for a login without TLS, or talks
# nonsense. It gets nothing, and the backend lives.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use File::Temp qw(tempfile);
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Stack;
use Test::More;

use constant {PROTOCOL_41 => 0x200, LOCAL_FILES => 0x80, SECURE => 0x8000, TRANSACTIONS => 0x2000, WITH_DB => 8, PLUGIN_AUTH => 0x80000};

my $password = 'Canary-for-the-evil-one';
my $stack    = Stack->new('evil_mysql', extensions => ['fdw_mysql']);

# The packets ------------------------------------------------------------------------------------------------------------

sub packet { my ($number, $bytes) = @_; return substr(pack('V', length $bytes), 0, 3) . chr($number & 255) . $bytes }

sub greeting
{
	my $can = PROTOCOL_41 | LOCAL_FILES | SECURE | TRANSACTIONS | WITH_DB | PLUGIN_AUTH | 1;

	return packet(0, "\x0a10.11.0-evil\0" . pack('V', 7) . '12345678' . "\0" . pack('v', $can & 0xffff) . "\x2d" . pack('v', 2)
		  . pack('v', $can >> 16) . chr(21) . "\0" x 10 . '123456789012' . "\0" . "mysql_native_password\0");
}

my $ok = "\0\0\0\2\0\0\0";

# What each kind of server answers to the n-th packet it reads (0: the login); undef closes.
my %kind = (
	'asks for the password in the clear' => sub { my ($n) = @_; return $n == 0 ? packet(2, "\xfemysql_clear_password\0") : packet(4, $ok) },
	'asks for it through PAM' => sub { my ($n) = @_; return $n == 0 ? packet(2, "\xfedialog\0\2Password: \0") : packet(4, $ok) },
	'asks for a file' => sub { my ($n) = @_; return $n == 0 ? packet(2, $ok) : packet(1, "\xfb/etc/passwd") },
	'talks nonsense' => sub { my ($n) = @_; return $n == 0 ? packet(2, $ok) : packet(1, join '', map { chr int rand 256 } 1 .. 200) },
	'says there are too many columns' => sub { my ($n) = @_; return $n == 0 ? packet(2, $ok) : packet(1, "\xfe" . "\xff" x 8) },
	'announces a packet that never ends' => sub { my ($n) = @_; return $n == 0 ? packet(2, $ok) : "\xff\xff\xff\1" . 'x' x 1000 },
	'counts its packets wrongly' => sub { my ($n) = @_; return packet($n == 0 ? 9 : 200, $ok) },
	'sends an empty packet' => sub { my ($n) = @_; return $n == 0 ? packet(2, $ok) : packet(1, '') },
	'sends an ERROR without an end' => sub { my ($n) = @_; return packet($n == 0 ? 2 : 1, $n == 0 ? $ok : "\xff\x48\x04#HY000" . 'no ' x 100_000) },
	'sends OK to everything' => sub { my ($n) = @_; return packet($n == 0 ? 2 : 1, $ok) },
	'sends a login ERROR that is cut' => sub { return packet(2, "\xff") },
);

# A child that serves until it is killed and writes all it reads to a file.
sub serve
{
	my ($answer) = @_;
	my $listener = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', LocalPort => 0) or die $!;
	my ($file, $name) = tempfile(UNLINK => 1);
	my $pid = fork() // die $!;

	return ($pid, $listener->sockport, $name) if $pid;
	$SIG{PIPE} = 'IGNORE';
	open STDOUT, '>', '/dev/null';
	while (my $client = $listener->accept)
	{
		my $number = 0;

		$client->syswrite(greeting());
		while (IO::Select->new($client)->can_read(5) && sysread $client, my $bytes, 65536)
		{
			syswrite $file, $bytes;
			my $reply = $answer->($number++, $bytes) // last;
			$client->syswrite($reply);
		}
		close $client;
	}
	POSIX::_exit(0);
}

sub slurp { open my $file, '<:raw', $_[0] or die $!; local $/; return scalar <$file> // '' }

my $number = 0;
my $serving;
# a test that dies must not leave a server behind, which keeps the output open
END { kill 'TERM', $serving if $serving }
sub meet
{
	my ($name, $answer, %option) = @_;
	my ($pid, $port, $heard) = serve($answer);
	$serving = $pid;
	my $server = 'evil' . ++$number;
	my $option_sql = delete $option{sql};

	$stack->sql("CREATE SERVER $server FOREIGN DATA WRAPPER fdw_mysql "
		  . $stack->mysql(host => '127.0.0.1', port => $port, dbname => 'x', read_timeout => '2s', %option));
	$stack->sql("CREATE USER MAPPING FOR CURRENT_USER SERVER $server OPTIONS (username 'canary', password '$password')");
	$stack->sql("CREATE FOREIGN TABLE ${server}_t (id bigint, word text) SERVER $server OPTIONS (table_name 't')");
	my $result = $stack->try(($option_sql // 'SELECT * FROM EVIL_t') =~ s/EVIL/$server/gr, 20);
	kill 'TERM', $pid;
	waitpid $pid, 0;
	undef $serving;
	note($result->{text} =~ s{\n.*}{}sr);
	ok(defined $result->{code} && !$result->{lost} && !$result->{late}, "a server that $name: an ERROR") or diag($result->{text});
	unlike(slurp($heard), qr/\Q$password\E/, "a server that $name does not get the password");
	unlike(slurp($heard), qr/root:/, "a server that $name does not get a file");
	unlike($result->{text}, qr/\Q$password\E/, "a server that $name: the message does not show the password");
	cmp_ok(length $result->{text}, '<', 5000, "a server that $name: the message has a bound");
	return wantarray ? (slurp($heard), $result) : slurp($heard);
}

# A server that answers prepared statements with what a table says: {statement => [columns, rows...]}, where a column is
# 's' (text) or 'l' (BIGINT), a row is a list of texts and undef, or a string: the packet itself.
sub lenenc { my ($text) = @_; return length $text < 251 ? chr(length $text) . $text : "\xfc" . pack('v', length $text) . $text }

sub eof_packet { my ($number) = @_; return packet($number, "\xfe\0\0\2\0") }

sub definitions
{
	my ($number, $columns) = @_;

	return join('', map {
		packet($number++, "\3def\0\0\0\1c\1c\x0c" . ($_ eq 's' ? pack('vVC', 45, 1000, 253) : pack('vVC', 63, 20, 8)) . "\0\0\0\0\0") }
		  split //, $columns) . eof_packet($number);
}

sub row
{
	my ($columns, $values) = @_;
	my $i    = 2;
	my $null = join '', map { defined ? 0 : 1 } @$values;
	my $map  = pack('b*', "00$null" . '0' x (-(2 + length $null) % 8));

	return "\0$map" . join '', map { lenenc($_) } grep { defined } @$values;
}

sub speak
{
	my (@table) = @_;
	my ($columns, @rows) = ('s');

	return sub {
		my ($n, $bytes) = @_;
		my $reply = '';

		return packet(2, $ok) if $n == 0;
		while (length $bytes >= 5)
		{
			my $length  = unpack('V', $bytes) & 0xffffff;
			my ($command, $sql) = (ord substr($bytes, 4, 1), substr($bytes, 5, $length - 1));

			substr($bytes, 0, 4 + $length) = '';
			if ($command == 3) { $reply .= packet(1, $ok) }
			elsif ($command == 0x16)
			{
				my $i = 0;

				$i += 2 while $i < $#table - 1 && $sql !~ $table[$i];
				($columns, @rows) = @{$table[$i + 1]};
				$reply .= packet(1, "\0\1\0\0\0" . pack('vv', length $columns, 0) . "\0\0\0") . definitions(2, $columns);
			}
			elsif ($command == 0x17)
			{
				my $number = 3 + length $columns;

				$reply .= packet(1, chr length $columns) . definitions(2, $columns);
				$reply .= packet($number++, ref $_ ? row($columns, $_) : $_) for @rows;
				$reply .= eof_packet($number);
			}
		}
		return $reply;
	};
}

srand 3;
meet($_, $kind{$_}) for sort keys %kind;
for my $mode (qw(require verify_ca verify_identity))
{
	my $heard = meet("has no TLS where ssl_mode is $mode", sub { packet(2, $ok) }, ssl_mode => $mode);

	unlike($heard, qr/SELECT/i, "ssl_mode $mode: no statement is sent without TLS");
}

# A server that knows the protocol, but whose answers are not what was asked for.
my %about   = (table => qr/COLUMNS c JOIN/, version => qr/version\(\)/, schema => qr/SCHEMATA/, checks => qr/CHECK_CLAUSE/);
my $import  = 'CREATE SCHEMA EVIL_s; IMPORT FOREIGN SCHEMA x FROM SERVER EVIL INTO EVIL_s';
my @column  = ('t', 'c', 'decimal', 'decimal(10,2)', 'NO', '', '', undef);
my @version = ($about{version} => ['s', ['10.11.0-MariaDB']]);
my %answer  = (
	'has one column for everything' => [qr// => ['s', ['x']]],
	'has no columns'   => [qr// => ['']],
	'has only NULL'    => [$about{table} => ['s' x 10, [(undef) x 10]], @version, qr// => ['s', ['x']]],
	'has no version'   => [$about{version} => ['s'], $about{table} => ['s' x 10, [@column, 'ten', '2']], qr// => ['s', ['x']]],
	'has no precision' => [$about{table} => ['s' x 10, [@column, undef, undef]], @version, $about{checks} => ['ss'], qr// => ['s', ['x']]],
	'has half checks'  => [$about{checks} => ['ss', ['t', undef]], $about{table} => ['s' x 10, [@column, '10', '2']], @version, qr// => ['s', ['x']]],
	'injects SQL'      => [$about{table} => ['s' x 10, [@column, '10,2)) SERVER EVIL OPTIONS (table_name $$evil$$); --', '2']], @version,
		$about{checks} => ['ss'], qr// => ['s', ['x']]],
	'injects a scale'  => [$about{table} => ['s' x 10, [@column, '10', '2), evil int']], @version, $about{checks} => ['ss'], qr// => ['s', ['x']]],
	'cuts its rows'    => [$about{table} => ['s' x 10, "\0"], qr// => ['s', ['x']]],
	'cuts its numbers' => [$about{table} => ['l' x 10, "\0\0\0\1"], qr// => ['s', ['x']]],
);
for my $name (sort keys %answer)
{
	my (undef, $result) = meet($name, speak(@{$answer{$name}}), sql => $import);

	next if $name =~ /no columns/;
	# An older Connector/C does not say where a row ends: what was in the buffer before is then read as its values.
	my $message = $name =~ /^cuts/ ? qr/ERROR/ : qr/08P01: (?:unexpected answer from the MySQL server|could not fetch)/;
	like($result->{text}, $message, "a server that $name: the message says so");
}
my %rows = (
	'sends a length beyond its row'     => ['ls', "\0\0" . "\1" . "\0" x 7 . "\xfe" . "\xff" x 8],
	'sends a far length in mid-row'     => ['sl', "\0\0\xfe\0\0\0\0\0\1\0\0"],
	'sends a length before another'     => ['ss', "\0\0\xfe\0\0\0\0\0\1\0\0" . 'x' x 20],
	'sends a row of one byte'           => ['ls', "\0"],
	'sends three columns for two'       => ['lss', ['1', 'x', 'y']],
);
meet($_, speak(qr// => $rows{$_})) for sort keys %rows;
done_testing();
