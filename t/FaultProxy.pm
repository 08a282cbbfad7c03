# A TCP proxy that breaks connections on purpose, in core Perl, driven from a test.
#
#   my $proxy = FaultProxy->start('127.0.0.1', 3306);   # listens on 127.0.0.1, on a free port: $proxy->port
#   $proxy->fault(act => 'blackhole');                  # from now on nothing passes, nothing ends
#   $proxy->fault(act => 'cut', down => 1000);          # close after 1,000 bytes from server to client
#   $proxy->pass;                                       # healthy again; what was broken stays closed
#   $proxy->stop;
#
# What can be set, in one call; every call starts anew and counts bytes from zero, of open connections too:
#   act      pass, blackhole, cut (orderly close), reset, refuse (nobody listens), unreachable (connect gets no answer)
#   down, up act only after this many bytes from the server, from the client; without them: at once
#   times    act on this many connections, or answer this many requests; then pass
#   slice    largest piece, in bytes, that is written to the client at once
#   rate     bytes per second to the client
#   delay    milliseconds that every piece from the server is late
#   flip     offset of a byte from the server that is changed, by exclusive or with "mask" (default 255)
#   answer   reply to HTTP requests with this status line and "body" ourselves; the server does not see them
#
# The proxy is a child process that ends when its control socket closes: however the test ends, none is left over. This
# file knows no protocol but the little of HTTP that "answer" needs.
package FaultProxy;

use strict;
use warnings;

use IO::Socket::INET;
use POSIX ();
use Scalar::Util qw(weaken);
use Socket       qw(AF_UNIX SOCK_STREAM PF_UNSPEC);
use Storable     qw(nfreeze thaw);

# The control sockets of all proxies: a new child must not keep another's open.
my @controls;

sub start
{
	my ($class, $host, $port) = @_;
	my $listener = FaultProxy::Relay::listener(0);

	socketpair(my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die "socketpair: $!";
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		close $_ for grep { defined } @controls, $ours;
		open STDIN,  '<', '/dev/null';
		open STDOUT, '>', '/dev/null';
		eval { FaultProxy::Relay->new($listener, $theirs, $host, $port)->run; 1 } or print STDERR "proxy: $@";
		POSIX::_exit(0);
	}
	close $theirs;
	push @controls, $ours;
	weaken $controls[-1];
	return bless {pid => $pid, control => $ours, port => $listener->sockport}, $class;
}

sub port { return $_[0]->{port} }

sub fault
{
	my ($self, %fault) = @_;

	$self->{fault} = {%fault};
	return $self->_ask({%fault, command => 'fault'});
}

sub pass { return $_[0]->fault(act => 'pass') }

# A hash: connections "accepted" since the last fault and "open" now; "down" and "up" bytes since the last fault, of the
# connection that had most; "fired", how often the fault struck.
sub stat { return $_[0]->_ask({command => 'stat'}) }

# Wait until a condition over stat holds; true if it came in time.
sub await
{
	my ($self, $condition, $seconds) = @_;
	my $end = Time::HiRes::time() + ($seconds // 5);

	while (Time::HiRes::time() < $end)
	{
		local $_ = $self->stat;
		return 1 if $condition->($_);
		Time::HiRes::sleep(0.01);
	}
	return 0;
}

sub _ask
{
	my ($self, $request) = @_;

	syswrite($self->{control}, unpack('H*', nfreeze($request)) . "\n") or die "the proxy is gone";
	my $answer = readline($self->{control}) // die "the proxy is gone";
	chomp $answer;
	return thaw(pack 'H*', $answer);
}

sub stop
{
	my ($self) = @_;

	return unless $self->{control};
	close delete $self->{control};
	waitpid $self->{pid}, 0;
	return;
}

sub DESTROY
{
	local ($?, $@, $!);
	$_[0]->stop;
	return;
}

# The child: one loop over all sockets.
package FaultProxy::Relay;

use strict;
use warnings;

use Errno       qw(EAGAIN EWOULDBLOCK EINTR);
use IO::Select;
use IO::Socket::INET;
use List::Util  qw(min max sum0);
use Socket      qw(SOL_SOCKET SO_LINGER IPPROTO_TCP TCP_NODELAY);
use Storable    qw(nfreeze thaw);
use Time::HiRes qw(time);

use constant CHUNK   => 16 * 1024;
use constant BACKLOG => 64;
# Stop reading from one side while so much is queued for the other.
use constant QUEUE_LIMIT => 256 * 1024;

sub listener
{
	my ($port) = @_;

	return IO::Socket::INET->new(Listen => BACKLOG, LocalAddr => '127.0.0.1', LocalPort => $port, ReuseAddr => 1)
	  // die "cannot listen on port $port: $!";
}

sub new
{
	my ($class, $listener, $control, $host, $port) = @_;
	my $self = {
		listener => $listener,
		control  => $control,
		own_port => $listener->sockport,
		server   => [$host, $port],
		flows    => {},                    # connections by number
		plugs    => [],                    # our own connections that fill the queue of an unreachable listener
		serial   => 0,
	};
	$SIG{PIPE} = 'IGNORE';
	return bless($self, $class)->_reset_fault({act => 'pass'});
}

sub run
{
	my ($self) = @_;

	while (!$self->{ended})
	{
		# one clock for both, or a piece that falls due between them would be forgotten
		my $now = time;
		my ($read, $write) = $self->_interests($now);
		my ($readable, $writable) = IO::Select::select($read, $write, undef, $self->_patience($now));

		$self->_serve($_) for @{$readable // []};
		$self->_flush_all;
	}
	return;
}

# Which sockets to watch: ours, and those of every flow that is neither black-holed nor too far ahead.
sub _interests
{
	my ($self, $now) = @_;
	my $read  = IO::Select->new($self->{control});
	my $write = IO::Select->new;

	$read->add($self->{listener}) if $self->{listener} && !@{$self->{plugs}};
	$self->{owner} = {};
	for my $flow (values %{$self->{flows}})
	{
		next if $flow->{hole};
		for my $from (qw(client server))
		{
			my $to = $from eq 'client' ? 'server' : 'client';
			my $queue = $flow->{queue}{$to};

			$write->add($flow->{$to}) if $flow->{$to} && @$queue && $queue->[0][0] <= $now;
			next if !$flow->{$from} || $flow->{ending} || _queued($queue) > QUEUE_LIMIT;
			$read->add($flow->{$from});
			$self->{owner}{fileno $flow->{$from}} = [$flow, $from];
		}
	}
	return ($read, $write);
}

# How long select may sleep: until the next late piece is due.
sub _patience
{
	my ($self, $now) = @_;
	my @due = map { $_->[0][0] } grep { @$_ } map { values %{$_->{queue}} } grep { !$_->{hole} } values %{$self->{flows}};
	my $next = min grep { $_ > $now } @due;

	return defined $next ? max(0.001, $next - $now) : undef;
}

sub _queued { return sum0 map { length $_->[1] } @{$_[0]} }

sub _serve
{
	my ($self, $socket) = @_;

	return $self->_obey if $socket == $self->{control};
	return $self->_accept if $self->{listener} && $socket == $self->{listener};
	my $owner = $self->{owner}{fileno($socket) // -1} or return;
	my ($flow, $from) = @$owner;
	return if !$flow->{$from} || $flow->{$from} != $socket;
	return $self->_receive($flow, $from);
}

# Commands ---------------------------------------------------------------------------------------------------------

sub _obey
{
	my ($self) = @_;

	if (!sysread $self->{control}, my $text, 65536)
	{
		$self->{ended} = 1;
		return;
	}
	else
	{
		$self->{command} = ($self->{command} // '') . $text;
	}
	while ($self->{command} =~ s/^(.*)\n//)
	{
		my $request = thaw(pack 'H*', $1);
		my $answer = delete $request->{command} eq 'stat' ? $self->_stat : $self->_set_fault($request);

		syswrite $self->{control}, unpack('H*', nfreeze($answer)) . "\n";
	}
	return;
}

sub _stat
{
	my ($self) = @_;
	my @flows = values %{$self->{flows}};

	return {
		accepted => $self->{accepted},
		fired    => $self->{fired},
		open     => scalar(@flows),
		map { my $way = $_; ($way => max($self->{most}{$way}, map { $_->{bytes}{$way} } @flows)) } qw(down up)
	};
}

sub _reset_fault
{
	my ($self, $fault) = @_;

	$self->{fault} = {act => 'pass', %$fault};
	$self->{left}  = $fault->{times};
	$self->{most}  = {down => 0, up => 0};
	$self->{accepted} = $self->{fired} = 0;
	return $self;
}

sub _set_fault
{
	my ($self, $fault) = @_;

	$self->_restore_listener;
	$self->_reset_fault($fault);
	my $act = $self->{fault}{act};
	for my $flow (values %{$self->{flows}})
	{
		if ($flow->{hole}) { $self->_close($flow); next }
		$flow->{bytes} = {down => 0, up => 0};
		$flow->{struck} = 0;
		$self->_strike($flow) if $self->_due_at_once;
	}
	$self->_stop_listening if $act eq 'refuse';
	$self->_plug_listener  if $act eq 'unreachable';
	return {};
}

sub _due_at_once
{
	my ($self) = @_;
	my $fault = $self->{fault};

	return 0 if $fault->{act} eq 'pass';
	return 1 if !defined $fault->{down} && !defined $fault->{up};
	return ($fault->{down} // 1) == 0 || ($fault->{up} // 1) == 0;
}

sub _restore_listener
{
	my ($self) = @_;

	$self->{listener} //= listener($self->{own_port});
	listen $self->{listener}, BACKLOG;
	while (my $plug = shift @{$self->{plugs}})
	{
		my $other = $self->{listener}->accept;
		close $other if $other;
		close $plug;
	}
	return;
}

sub _stop_listening
{
	my ($self) = @_;

	close delete $self->{listener};
	return;
}

# Fill the queue of connections that wait to be accepted: the kernel then drops the next SYN, as a dead host would.
sub _plug_listener
{
	my ($self) = @_;

	listen $self->{listener}, 0;
	push @{$self->{plugs}},
	  IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{own_port}, Timeout => 0.2) // ();
	return;
}

# Connections ------------------------------------------------------------------------------------------------------

sub _accept
{
	my ($self) = @_;
	my $client = $self->{listener}->accept or return;
	my $flow = {
		number => ++$self->{serial},
		client => $client,
		queue  => {client => [], server => []},
		bytes  => {down => 0, up => 0},
		fresh  => 1,                              # the next bytes from the client begin a request
	};

	$self->{accepted}++;
	$self->{flows}{$flow->{number}} = $flow;
	_prepare($client);
	return $self->_strike($flow) if $self->_due_at_once && ($self->{left} // 1) > 0;
	$flow->{server} = IO::Socket::INET->new(PeerAddr => $self->{server}[0], PeerPort => $self->{server}[1], Timeout => 5)
	  or return $self->_close($flow);
	_prepare($flow->{server});
	return;
}

sub _prepare
{
	my ($socket) = @_;

	$socket->blocking(0);
	setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;
	return;
}

sub _receive
{
	my ($self, $flow, $from) = @_;
	my $got = sysread $flow->{$from}, my $bytes, CHUNK;

	if (!defined $got)
	{
		return if $!{EAGAIN} || $!{EWOULDBLOCK} || $!{EINTR};
		return $self->_finish($flow);
	}
	return $self->_finish($flow) if $got == 0;
	return $from eq 'client' ? $self->_upward($flow, $bytes) : $self->_downward($flow, $bytes);
}

sub _upward
{
	my ($self, $flow, $bytes) = @_;

	if ($self->{fault}{answer} && ($flow->{request} || ($flow->{fresh} && ($self->{left} // 1) > 0)))
	{
		return $self->_answer($flow, $bytes);
	}
	$flow->{fresh} = 0;
	($bytes, my $strike) = $self->_limit($flow, 'up', $bytes);
	push @{$flow->{queue}{server}}, [0, $bytes] if length $bytes;
	$self->_strike($flow) if $strike;
	return;
}

sub _downward
{
	my ($self, $flow, $bytes) = @_;
	my $fault = $self->{fault};
	my $at    = $flow->{bytes}{down};

	$flow->{fresh} = 1;
	if (defined $fault->{flip} && $fault->{flip} >= $at && $fault->{flip} < $at + length $bytes)
	{
		substr($bytes, $fault->{flip} - $at, 1) ^= chr($fault->{mask} // 255);
		$self->{fired}++;
	}
	($bytes, my $strike) = $self->_limit($flow, 'down', $bytes);
	$self->_queue_slowly($flow, $bytes);
	$self->_strike($flow) if $strike;
	return;
}

# Count bytes and cut them off where the fault strikes.
sub _limit
{
	my ($self, $flow, $way, $bytes) = @_;
	my $fault = $self->{fault};
	my $strike = 0;

	if ($fault->{act} ne 'pass' && defined $fault->{$way} && !$flow->{struck} && ($self->{left} // 1) > 0)
	{
		my $room = $fault->{$way} - $flow->{bytes}{$way};

		if (length($bytes) >= $room)
		{
			$bytes  = substr $bytes, 0, $room;
			$strike = 1;
		}
	}
	$flow->{bytes}{$way} += length $bytes;
	return ($bytes, $strike);
}

sub _queue_slowly
{
	my ($self, $flow, $bytes) = @_;
	my $fault = $self->{fault};
	my $queue = $flow->{queue}{client};
	my $piece = $fault->{slice} // ($fault->{rate} ? max(1, int($fault->{rate} / 50)) : length $bytes);
	my $due   = $fault->{delay} ? time + $fault->{delay} / 1000 : 0;

	for (my $at = 0; $at < length $bytes; $at += $piece)
	{
		my $part = substr $bytes, $at, $piece;

		if ($fault->{rate})
		{
			$due = max(time, $flow->{due} // 0);
			$flow->{due} = $due + length($part) / $fault->{rate};
		}
		push @$queue, [$due, $part];
	}
	return;
}

# The fault happens to this flow now.
sub _strike
{
	my ($self, $flow) = @_;
	my $act = $self->{fault}{act};

	$self->{fired}++;
	$self->{left}-- if defined $self->{left};
	$flow->{struck} = 1;
	if ($act eq 'blackhole' || $act eq 'unreachable')
	{
		# what was let through is still written, then silence; the client's bytes are left in its socket
		$self->_flush($flow, 'client', 1);
		$flow->{hole} = 1;
		return;
	}
	$flow->{ending} = $act;
	$self->_flush($flow, $_) for qw(client server);
	$self->_end_if_flushed($flow);
	return;
}

# One side has ended: so does the other, when it has got all.
sub _finish
{
	my ($self, $flow) = @_;

	$flow->{ending} //= 'cut';
	return $self->_end_if_flushed($flow);
}

sub _end_if_flushed
{
	my ($self, $flow) = @_;

	return if $flow->{client} && @{$flow->{queue}{client}};
	setsockopt $flow->{client}, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0) if $flow->{ending} eq 'reset' && $flow->{client};
	return $self->_close($flow);
}

sub _close
{
	my ($self, $flow) = @_;

	for my $side (qw(client server))
	{
		close delete $flow->{$side} if $flow->{$side};
	}
	$self->{most}{$_} = max($self->{most}{$_}, $flow->{bytes}{$_}) for qw(down up);
	delete $self->{flows}{$flow->{number}};
	return;
}

sub _flush_all
{
	my ($self) = @_;

	for my $flow (values %{$self->{flows}})
	{
		next if $flow->{hole};
		$self->_flush($flow, $_) for qw(client server);
		$self->_end_if_flushed($flow) if $flow->{ending};
	}
	return;
}

# Write what is due; a short write or an error leaves the rest to the next round.
sub _flush
{
	my ($self, $flow, $to, $all) = @_;
	my $queue = $flow->{queue}{$to};

	while ($flow->{$to} && @$queue && ($all || $queue->[0][0] <= time))
	{
		my $wrote = syswrite $flow->{$to}, $queue->[0][1];

		if (!defined $wrote)
		{
			return if $!{EAGAIN} || $!{EWOULDBLOCK} || $!{EINTR};
			@$queue = ();
			return $self->_finish($flow);
		}
		substr($queue->[0][1], 0, $wrote) = '';
		shift @$queue if !length $queue->[0][1];
	}
	return;
}

# HTTP -------------------------------------------------------------------------------------------------------------

# Swallow a whole request, then reply in the server's place and close.
sub _answer
{
	my ($self, $flow, $bytes) = @_;
	my $fault = $self->{fault};

	$flow->{request} = ($flow->{request} // '') . $bytes;
	my ($head, $rest) = split /\r\n\r\n/, $flow->{request}, 2;
	return if !defined $rest;
	if ($head =~ /^Expect:\s*100-continue/im && !$flow->{continued}++)
	{
		push @{$flow->{queue}{client}}, [0, "HTTP/1.1 100 Continue\r\n\r\n"];
	}
	my ($length) = $head =~ /^Content-Length:\s*(\d+)/im;
	return if length($rest) < ($length // 0);

	my $body = $head =~ /^HEAD / ? '' : $fault->{body} // '';
	my $type = $fault->{type} // 'application/xml';
	push @{$flow->{queue}{client}},
	  [0, "HTTP/1.1 $fault->{answer}\r\nContent-Type: $type\r\nContent-Length: " . length($body)
		  . "\r\nConnection: close\r\n" . ($fault->{headers} // '') . "\r\n$body"];
	$self->{fired}++;
	$self->{left}-- if defined $self->{left};
	return $self->_finish($flow);
}

1;
