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
			my $reply = $answer->($number++) // last;
			$client->syswrite($reply);
		}
		close $client;
	}
	POSIX::_exit(0);
}

sub slurp { open my $file, '<:raw', $_[0] or die $!; local $/; return scalar <$file> // '' }

my $number = 0;
sub meet
{
	my ($name, $answer, %option) = @_;
	my ($pid, $port, $heard) = serve($answer);
	my $server = 'evil' . ++$number;

	$stack->sql("CREATE SERVER $server FOREIGN DATA WRAPPER fdw_mysql "
		  . $stack->mysql(host => '127.0.0.1', port => $port, dbname => 'x', read_timeout => '2s', %option));
	$stack->sql("CREATE USER MAPPING FOR CURRENT_USER SERVER $server OPTIONS (username 'canary', password '$password')");
	$stack->sql("CREATE FOREIGN TABLE ${server}_t (id bigint, word text) SERVER $server OPTIONS (table_name 't')");
	my $result = $stack->try("SELECT * FROM ${server}_t", 20);
	kill 'TERM', $pid;
	waitpid $pid, 0;
	ok(defined $result->{code} && !$result->{lost} && !$result->{late}, "a server that $name: an ERROR") or diag($result->{text});
	unlike(slurp($heard), qr/\Q$password\E/, "a server that $name does not get the password");
	unlike(slurp($heard), qr/root:/, "a server that $name does not get a file");
	unlike($result->{text}, qr/\Q$password\E/, "a server that $name: the message does not show the password");
	cmp_ok(length $result->{text}, '<', 5000, "a server that $name: the message has a bound");
	return slurp($heard);
}

srand 3;
meet($_, $kind{$_}) for sort keys %kind;
for my $mode (qw(require verify_ca verify_identity))
{
	my $heard = meet("has no TLS where ssl_mode is $mode", sub { packet(2, $ok) }, ssl_mode => $mode);

	unlike($heard, qr/SELECT/i, "ssl_mode $mode: no statement is sent without TLS");
}
done_testing();
