# An HTTP listener on loopback that keeps what is posted to it. Core Perl.
#
#   my $listener = Listener->start(status => 500, times => 1);   # the first post gets 500, later ones 204
#   $listener->url;                                              # http://127.0.0.1:PORT/hook
#   my @posts = $listener->posts;                                # {header (a hash, lower case), body}
#
# The server is a child process that ends with the test, however that ends.
package Listener;

use strict;
use warnings;

use File::Temp qw(tempfile);
use IO::Handle;
use IO::Socket::INET;
use POSIX ();

sub start
{
	my ($class, %answer) = @_;
	my $listener = IO::Socket::INET->new(Listen => 16, LocalAddr => '127.0.0.1', ReuseAddr => 1) // die "cannot listen: $!";
	my ($file, $name) = tempfile('posts-XXXXXX', TMPDIR => 1, UNLINK => 1);
	my $self = bless {port => $listener->sockport, owner => $$, posts => $name}, $class;

	$self->{pid} = fork() // die "fork: $!";
	if ($self->{pid} == 0)
	{
		my $parent = getppid;
		local $SIG{ALRM} = sub { POSIX::_exit(0) if getppid != $parent; alarm 1 };
		alarm 1;
		while (1)
		{
			my $client = $listener->accept // next;
			my $status = ($answer{times} // 0) > 0 ? $answer{status} : 204;
			$answer{times}-- if ($answer{times} // 0) > 0;
			_serve($client, $file, $status);
			close $client;
		}
	}
	close $listener;
	return $self;
}

sub _serve
{
	my ($client, $file, $status) = @_;
	my $head = '';

	while ($head !~ /\r\n\r\n\z/) { sysread($client, $head, 1, length $head) or return }
	my ($length) = $head =~ /^Content-Length: (\d+)/mi;
	my $body = '';
	while (length $body < ($length // 0)) { sysread($client, $body, $length - length $body, length $body) or return }
	print {$file} join('', map { sprintf "%08x%s", length, $_ } $head, $body);
	$file->flush;
	print {$client} "HTTP/1.1 $status Told\r\nContent-Length: 5\r\nConnection: close\r\n\r\ntaken";
	return;
}

sub url { return "http://127.0.0.1:$_[0]{port}/hook" }

sub posts
{
	my ($self) = @_;
	my (@parts, @posts);

	open my $in, '<', $self->{posts} or die "posts: $!";
	my $text = do { local $/; readline $in } // '';
	while ($text =~ s/^([0-9a-f]{8})//) { push @parts, substr $text, 0, hex $1, '' }
	while (my ($head, $body) = splice @parts, 0, 2)
	{
		push @posts, {body => $body, header => {map { /^([^:]+): (.*)/ ? (lc $1, $2) : () } split /\r\n/, $head}};
	}
	return @posts;
}

sub DESTROY
{
	my ($self) = @_;
	local ($?, $@, $!);

	return if $$ != $self->{owner};
	kill 'KILL', $self->{pid};
	waitpid $self->{pid}, 0;
	return;
}

1;
