# The fault proxy does what its faults say: the other tests rest on it. PostgreSQL is the server here.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use FaultProxy;
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(time);

my $proxy = FaultProxy->start($ENV{PGHOST}, $ENV{PGPORT});
my $port  = $proxy->port;
# An SSLRequest that a server without TLS answers with "N", then something it refuses with an ErrorResponse.
my $ssl = pack 'NN', 8, 80877103;
my $bad = pack 'NN', 8, 12345 << 16;

sub dial { return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => $_[0] // 2) }

# All that comes after the two requests, how it ended, and how long it took.
sub talk
{
	my $begun  = time;
	my $socket = dial() or return {end => 'no connection', bytes => '', seconds => time - $begun};
	my %result = (bytes => '', end => 'silence');

	$socket->syswrite($ssl);
	while (IO::Select->new($socket)->can_read(0.7))
	{
		my $got = $socket->sysread(my $bytes, 4096);
		if (!$got) { $result{end} = defined $got ? 'end' : 'reset'; last }
		my $first = !length $result{bytes};
		$result{bytes} .= $bytes;
		# a write takes the socket's error away from the next read
		if ($first && !$socket->syswrite($bad)) { $result{end} = 'reset'; last }
	}
	return {%result, seconds => time - $begun};
}

my $whole = talk();
is($whole->{end}, 'end', 'pass: the server ends it');
cmp_ok(length $whole->{bytes}, '>', 50, 'pass: all bytes');
is($proxy->stat->{down}, length $whole->{bytes}, 'pass: bytes are counted');

# Where the first bytes reach a socket before it is closed, the kernel makes a reset of its end.
for (
	[{act => 'cut'}, 'end|reset', 0], [{act => 'reset'}, 'reset|no connection'], [{act => 'blackhole'}, 'silence', 0], [{act => 'refuse'}, 'no connection'],
	[{act => 'unreachable'}, 'no connection'], [{act => 'cut', down => 20}, 'end', 20], [{act => 'reset', down => 1}, 'reset', 1],
	[{act => 'blackhole', down => 20}, 'silence', 20], [{act => 'cut', up => 8}, 'end'], [{act => 'blackhole', up => 9}, 'silence', 1])
{
	my ($fault, $end, $length) = @$_;
	my $name = join ' ', map { "$_ $fault->{$_}" } sort keys %$fault;

	$proxy->fault(%$fault);
	my $got = talk();
	like($got->{end}, qr/^(?:$end)$/, "$name: $end");
	is(length $got->{bytes}, $length, "$name: bytes") if defined $length;
	$proxy->pass;
	is(talk()->{bytes}, $whole->{bytes}, "$name: then healthy again");
}

$proxy->fault(act => 'cut', times => 1);
is(talk()->{bytes}, '', 'times 1: the first connection is cut');
is(talk()->{bytes}, $whole->{bytes}, 'times 1: the second is not');
for my $slow ({slice => 1}, {rate => 200}, {delay => 200})
{
	my ($name) = keys %$slow;

	$proxy->fault(%$slow);
	my $got = talk();
	is($got->{bytes}, $whole->{bytes}, "$name: all bytes");
	cmp_ok($got->{seconds}, '>', 0.2, "$name: slow") if $name ne 'slice';
}
$proxy->fault(flip => 30, mask => 1);
is(talk()->{bytes} ^ $whole->{bytes}, "\0" x 30 . "\1" . "\0" x (length($whole->{bytes}) - 31), 'flip: one bit of one byte');

$proxy->fault(answer => '503 Slow Down', body => 'body', times => 1);
my $socket = dial();
$socket->syswrite("PUT / HTTP/1.1\r\nContent-Length: 3\r\n\r\n");
ok(!IO::Select->new($socket)->can_read(0.2), 'answer: not before the whole request');
$socket->syswrite('abc');
is(join('', <$socket>) =~ /^HTTP.1\.1 503 Slow Down\r\n.*\r\n\r\nbody\z/s, 1, 'answer: the answer');

my $pid = $proxy->{pid};
$proxy->stop;
ok(!kill(0, $pid), 'stop: no process is left');
ok(!dial(0.5), 'stop: nobody listens');
done_testing();
