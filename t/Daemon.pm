# A server of the test's own that stays in the foreground: MariaDB, MinIO. It runs as the user whose servers the stack's
# are (root's run as postgres), in a folder of its own, and ends with the test, however that ends. Core Perl.
#
#   my $daemon = Daemon->new;                                # Daemon->new(as => 'caller'): as whoever runs the test
#   $daemon->run('mariadb-install-db', ...);                 # something before it, as that user
#   $daemon->start(sub { connects() }, 'mariadbd', ...);     # returns when the sub says yes
#   $daemon->signal('HUP'); $daemon->stop; $daemon->start(...);
package Daemon;

use strict;
use warnings;

use File::Path qw(rmtree);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(time sleep);

use constant PATIENCE => 30;    # seconds for a server to start or end

sub new
{
	my ($class, %option) = @_;
	my $self = bless {folder => tempdir('medallion-XXXXXX', TMPDIR => 1), owner => $$, as => []}, $class;

	if ($> == 0 && ($option{as} // '') ne 'caller')
	{
		my ($uid, $gid) = (getpwnam 'postgres')[2, 3] or die "there is no user postgres\n";
		$self->{as} = ["--reuid=$uid", "--regid=$gid", '--init-groups'];
	}
	$self->give($self->{folder});
	return $self;
}

# Make files the servers' own.
sub give
{
	my ($self, @files) = @_;

	return if !@{$self->{as}};
	chown +(getpwnam 'postgres')[2, 3], @files or die "chown: $!";
	return;
}

sub folder { return $_[0]->{folder} }

sub file { my ($self, $name) = @_; return "$self->{folder}/$name" }

sub free_port
{
	my $listener = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die "socket: $!";

	return $listener->sockport;
}

sub write_file
{
	my ($self, $name, $text) = @_;

	open my $out, '>', $self->file($name) or die "$name: $!";
	print {$out} $text;
	close $out or die "$name: $!";
	return $self->give($self->file($name));
}

sub run
{
	my ($self, @command) = @_;
	my $pid = $self->_spawn(@command);

	waitpid $pid, 0;
	die "$command[0]: " . $self->log if $? != 0;
	return;
}

sub start
{
	my ($self, $answers, @command) = @_;
	my $end = time + PATIENCE;

	$self->{pid} = $self->_spawn(@command);
	while (!$answers->())
	{
		if (waitpid($self->{pid}, POSIX::WNOHANG()) != 0) { delete $self->{pid}; die "$command[0] ended: " . $self->log }
		die "$command[0] does not answer: " . $self->log if time > $end;
		sleep 0.05;
	}
	return;
}

sub signal
{
	my ($self, $name) = @_;

	kill $name, $self->{pid};
	return;
}

sub stop
{
	my ($self) = @_;
	my $pid = delete $self->{pid} // return;
	my $end = time + PATIENCE;

	kill 'TERM', $pid;
	while (waitpid($pid, POSIX::WNOHANG()) == 0)
	{
		kill 'KILL', $pid if time > $end;
		sleep 0.02;
	}
	return;
}

# The end of what it said
sub log
{
	my ($self) = @_;

	open my $in, '<', $self->file('log') or return '';
	my @lines = readline $in;
	splice @lines, 0, -20 if @lines > 20;
	return join '', @lines;
}

sub _spawn
{
	my ($self, @command) = @_;
	my $pid = fork() // die "fork: $!";

	return $pid if $pid;
	chdir $self->{folder};
	open STDIN, '<', '/dev/null';
	open STDOUT, '>>', $self->file('log');
	open STDERR, '>&', \*STDOUT;
	{ exec 'setpriv', '--pdeathsig', 'TERM', @{$self->{as}}, '--', @command };
	POSIX::_exit(127);
}

sub DESTROY
{
	my ($self) = @_;
	local ($?, $@, $!);

	return if $$ != $self->{owner};
	$self->stop;
	chdir '/';
	rmtree $self->{folder};
	return;
}

1;
