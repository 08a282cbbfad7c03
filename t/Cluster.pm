# A PostgreSQL server of the test's own, which it may kill. Core Perl.
#
#   my $cluster = Cluster->new;      # made and started; PGHOST, PGPORT, PGUSER now name it
#   $cluster->crash;                 # kill -9 of the postmaster and all that it started
#   $cluster->start;
#
#   $cluster->stop;                  # and remove it; the end of the test does that too
package Cluster;

use strict;
use warnings;

use File::Path qw(rmtree);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(sleep);

sub new
{
	my ($class) = @_;
	my $folder = tempdir('medallion-XXXXXX', TMPDIR => 1);
	my $config = $ENV{PG_CONFIG} // 'pg_config';
	my $bin = `$config --bindir`;
	chomp $bin;
	my $self = bless {folder => $folder, bin => $bin, owner => $$, user => $> == 0 ? 'postgres' : undef}, $class;

	if ($self->{user}) { chown +(getpwnam $self->{user})[2, 3], $folder or die "chown: $!" }
	$self->_tool('initdb', '-D', "$folder/data", '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8');
	my $listener = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die "socket: $!";
	$self->{port} = $listener->sockport;
	close $listener;
	open my $conf, '>>', "$folder/data/postgresql.conf" or die "postgresql.conf: $!";
	print {$conf} "listen_addresses = '127.0.0.1'\nport = $self->{port}\nunix_socket_directories = ''\ntimezone = 'UTC'\n";
	close $conf;
	$self->start;
	@ENV{qw(PGHOST PGPORT PGUSER)} = ('127.0.0.1', $self->{port}, 'postgres');
	return $self;
}

# Children of a killed postmaster keep its memory attached until they have noticed; then the server starts.
sub start
{
	my ($self) = @_;

	for (1 .. 50)
	{
		return if eval { $self->_tool('pg_ctl', 'start', '-s', '-w', '-D', "$self->{folder}/data", '-l', "$self->{folder}/data/log"); 1 };
		sleep 0.2;
	}
	die "the server does not start: $@";
}

sub crash
{
	my ($self) = @_;
	my $postmaster = $self->postmaster;
	my @children = split ' ', join ' ', map { _slurp($_) } glob "/proc/$postmaster/task/*/children";

	kill 'KILL', $postmaster, @children;
	return;
}

sub postmaster
{
	my ($self) = @_;
	my ($pid) = split /\n/, _slurp("$self->{folder}/data/postmaster.pid");

	return $pid;
}

sub _slurp
{
	my ($file) = @_;

	open my $in, '<', $file or return '';
	local $/;
	return readline($in) // '';
}

sub _tool
{
	my ($self, @command) = @_;

	return $self->_command($self->{folder}, @command);
}

sub _command
{
	my ($self, $folder, $name, @arguments) = @_;
	my @command = (($self->{user} ? ('runuser', '-u', $self->{user}, '--') : ()), "$self->{bin}/$name", @arguments);
	my $pid = fork() // die "fork: $!";

	if ($pid == 0)
	{
		chdir $folder;
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', "$folder/$name.out";
		open STDERR, '>&', \*STDOUT;
		{ exec @command };
		POSIX::_exit(127);
	}
	waitpid $pid, 0;
	die "$name: " . _slurp("$folder/$name.out") if $? != 0;
	return;
}

sub stop
{
	my ($self) = @_;
	my $folder = delete $self->{folder} // return;

	chdir '/';
	eval { _command($self, $folder, 'pg_ctl', 'stop', '-s', '-m', 'immediate', '-D', "$folder/data") };
	rmtree $folder;
	return;
}

sub DESTROY
{
	my ($self) = @_;
	local ($?, $@, $!);

	$self->stop if $$ == $self->{owner};
	return;
}

1;
