# What the TAP tests share: the running stack's addresses, a database of the test's own, psql sessions whose statements
# can be timed and broken off, and a look at a backend from outside (threads, descriptors, memory). Core Perl.
#
#   my $stack = Stack->new('fault_mysql', extensions => ['fdw_mysql']);
#   $stack->sql('SELECT 1');                      # dies on an error
#   my $result = $stack->try('SELECT 1/0');       # {out, code (SQLSTATE), message, seconds}
#   my $session = $stack->session;                # one backend: ->try, ->send/->receive, ->pid, ->threads ...
#   $stack->mariadb_database('CREATE TABLE t (id int)');   # its own in MariaDB, too, and $stack->mysql_server('name')
#
# Databases are dropped at the end. The test needs a stack's environment (stack/up, .stack/env), and to be root or the
# user whose servers they are: /proc shows the descriptors of a process to nobody else.
package Stack;

use strict;
use warnings;

use IPC::Open3  qw(open3);
use Symbol      qw(gensym);
use Time::HiRes qw(time sleep);

sub new
{
	my ($class, $name, %option) = @_;
	my @missing = grep { !defined $ENV{$_} } qw(PGHOST PGPORT PGUSER MYSQL_HOST MYSQL_PORT S3_ENDPOINT);

	die "this test needs a running stack: . .stack/env (missing: @missing)\n" if @missing;
	$ENV{PGOPTIONS} = $ENV{PGAPPNAME} = '';
	# whoever closes a pipe to psql must not end the test
	$SIG{PIPE} = 'IGNORE';
	my $self = bless {database => "test_$name", owner => $$, sessions => []}, $class;
	$self->_postgres("DROP DATABASE IF EXISTS $self->{database} WITH (FORCE)");
	$self->_postgres("CREATE DATABASE $self->{database}");
	$self->sql("CREATE EXTENSION $_ CASCADE") for @{$option{extensions} // []};
	return $self;
}

sub database { return $_[0]->{database} }

# Addresses, as options of a server
sub mysql { my ($self, %at) = @_; return _options(host => $ENV{MYSQL_HOST}, port => $ENV{MYSQL_PORT}, %at) }
sub s3 { my ($self, %at) = @_; return _options(endpoint => $ENV{S3_ENDPOINT}, url_style => 'path', %at) }
sub kafka { my ($self, %at) = @_; return _options(brokers => $ENV{KAFKA_BROKERS}, %at) }
sub mysql_login { my ($self) = @_; return _options(username => $self->{user}, password => $self->{password}) }
sub s3_login { return _options(access_key => $ENV{S3_ACCESS_KEY}, secret_key => $ENV{S3_SECRET_KEY}) }

# The OPTIONS clause of a server: 'host' => 'x' ...; undefined values are left out.
sub _options
{
	my %option = @_;

	return 'OPTIONS (' . join(', ', map { "$_ " . quote($option{$_}) } grep { defined $option{$_} } sort keys %option) . ')';
}

sub quote
{
	my ($text) = @_;

	$text =~ s/'/''/g;
	return "'$text'";
}

sub s3_address
{
	my ($host, $port) = $ENV{S3_ENDPOINT} =~ m{^\w+://([^:/]+):(\d+)} or die "S3_ENDPOINT: $ENV{S3_ENDPOINT}";
	return ($host, $port);
}

# A server with a mapping for the test's role.
sub mysql_server
{
	my ($self, $name, %option) = @_;

	$self->sql("CREATE SERVER $name FOREIGN DATA WRAPPER fdw_mysql " . $self->mysql(%option));
	return $self->sql("CREATE USER MAPPING FOR CURRENT_USER SERVER $name " . $self->mysql_login);
}

sub s3_server
{
	my ($self, $name, %option) = @_;

	$self->sql("CREATE SERVER $name FOREIGN DATA WRAPPER fdw_s3 " . $self->s3(%option));
	return $self->sql("CREATE USER MAPPING FOR CURRENT_USER SERVER $name " . s3_login());
}

# Options of the mapping (username, password) come as a hash.
sub kafka_server
{
	my ($self, $name, $login, %option) = @_;

	$self->sql("CREATE SERVER $name FOREIGN DATA WRAPPER fdw_kafka " . $self->kafka(%option));
	return $self->sql("CREATE USER MAPPING FOR CURRENT_USER SERVER $name " . (%{$login // {}} ? _options(%$login) : ''));
}

# Run SQL in a session of its own.
sub try
{
	my ($self, $sql, $seconds) = @_;
	my $session = $self->session;
	my $result  = $session->try($sql, $seconds // 60);

	$session->quit;
	return $result;
}

sub sql
{
	my ($self, $sql, $seconds) = @_;
	my $result = $self->try($sql, $seconds);

	die "$sql\n$result->{text}" if defined $result->{code} || $result->{lost} || $result->{late};
	return $result->{out};
}

sub session
{
	my ($self, %option) = @_;

	return Stack::Session->new($self->{database}, %option);
}

sub _postgres
{
	my ($self, $sql) = @_;
	my $session = Stack::Session->new('postgres');
	my $result  = $session->try($sql, 60);

	$session->quit;
	die $result->{text} if defined $result->{code};
	return $result->{out};
}

# A statement to MariaDB as its administrator; the rows as text.
sub mariadb
{
	my ($self, $sql) = @_;
	my $pid = open3(my $in, my $out, undef, 'mariadb', '--no-defaults', "--host=$ENV{MYSQL_HOST}", "--port=$ENV{MYSQL_PORT}",
		"--user=$ENV{MYSQL_USER}", '--batch', '--skip-column-names', '--default-character-set=utf8mb4');

	print $in $sql;
	close $in;
	my $text = do { local $/; readline $out };
	waitpid $pid, 0;
	die "mariadb: $sql\n$text" if $? != 0;
	chomp $text;
	return $text;
}

# A database of the test's own in MariaDB, and a user who may read it: the one of mysql_login.
sub mariadb_database
{
	my ($self, $sql) = @_;
	my $name = $self->{database};

	$self->{user}     = $name;
	$self->{password} = "of the test $name";
	$self->{mariadb}  = 1;
	$self->mariadb_kill;
	return $self->mariadb("DROP DATABASE IF EXISTS $name; CREATE DATABASE $name; USE $name;"
		  . " CREATE OR REPLACE USER $name\@'%' IDENTIFIED BY '$self->{password}'; GRANT SELECT ON $name.* TO $name\@'%'; $sql");
}

# Ends that user's sessions: a statement that goes on would keep its tables locked.
sub mariadb_kill
{
	my ($self) = @_;

	# one that has just ended by itself is an error, but the one wanted
	for my $id ($self->mariadb_sessions) { eval { $self->mariadb("KILL $id") } }
	return;
}

# The ids of that user's sessions in MariaDB: all, or those that are busy with a statement.
sub mariadb_sessions
{
	my ($self, $busy) = @_;

	return split /\n/, $self->mariadb("SELECT id FROM information_schema.processlist WHERE user = '$self->{user}'"
		  . ($busy ? " AND command <> 'Sleep'" : ''));
}

# Wait until a condition holds; seconds it took, or undef when it did not come in time.
sub until_true
{
	my ($condition, $seconds) = @_;
	my $begun = time;

	while (time - $begun < $seconds)
	{
		return time - $begun if $condition->();
		sleep 0.01;
	}
	return undef;
}

sub DESTROY
{
	my ($self) = @_;

	return if $$ != $self->{owner} || !defined $self->{database};
	local ($?, $@, $!);
	eval { $self->_postgres("DROP DATABASE IF EXISTS $self->{database} WITH (FORCE)"); 1 } or warn $@;
	return if !$self->{mariadb};
	eval { $self->mariadb_kill; $self->mariadb("DROP DATABASE $self->{database}; DROP USER $self->{user}\@'%'"); 1 } or warn $@;
	return;
}

# One psql, so one backend.
package Stack::Session;

use strict;
use warnings;

use IO::Handle;
use IO::Select;
use POSIX ();
use Time::HiRes qw(time sleep);

my $serial = 0;

sub new
{
	my ($class, $database, %option) = @_;

	pipe(my $psql_in, my $in)   or die "pipe: $!";
	pipe(my $out, my $psql_out) or die "pipe: $!";
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		open STDIN,  '<&', $psql_in;
		open STDOUT, '>&', $psql_out;
		open STDERR, '>&', $psql_out;
		{ exec 'psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $database, @{$option{arguments} // []} };
		POSIX::_exit(127);
	}
	close $psql_in;
	close $psql_out;
	$in->autoflush(1);
	my $self = bless {client => $pid, in => $in, out => $out, text => '', owner => $$}, $class;
	my $result = $self->try('SET client_min_messages = notice; SELECT pg_backend_pid()', 20);
	($self->{pid}) = $result->{out} =~ /^(\d+)$/m or die "cannot connect: $result->{text}";
	return $self;
}

# The backend, as seen from outside -----------------------------------------------------------------------------------

sub pid { return $_[0]->{pid} }

sub alive { return -e "/proc/$_[0]->{pid}" }

sub threads { return scalar(() = glob "/proc/$_[0]->{pid}/task/*") }

sub descriptors { return scalar(my @links = $_[0]->_links) }

sub sockets { return scalar(grep { /^socket:/ } $_[0]->_links) }

sub _links
{
	my ($self) = @_;

	opendir my $folder, "/proc/$self->{pid}/fd" or die "/proc/$self->{pid}/fd: $!";
	return map { readlink("/proc/$self->{pid}/fd/$_") // () } grep { /^\d+$/ } readdir $folder;
}

# Memory of the process alone, in KiB: without shared buffers and the program's text.
sub memory
{
	my ($self) = @_;

	open my $status, '<', "/proc/$self->{pid}/status" or return 0;
	my ($kib) = join('', <$status>) =~ /^RssAnon:\s+(\d+) kB/m;
	return $kib // 0;
}

# Statements ----------------------------------------------------------------------------------------------------------

# Send SQL and do not wait.
sub send
{
	my ($self, $sql) = @_;

	$self->{marker} = 'end-of-statement-' . ++$serial;
	$self->{begun}  = time;
	$self->{text}   = '';
	print {$self->{in}} "$sql\n;\n\\warn $self->{marker}\n";
	return $self;
}

# Wait for the end of what was sent. {out: rows, text: all that psql said, code: SQLSTATE of the first ERROR or FATAL,
# message: its text, seconds: since send, lost: the connection is gone, late: it did not come in time}. "watch" is
# called every 20 ms.
sub receive
{
	my ($self, $seconds, $watch) = @_;
	my $select = IO::Select->new($self->{out});
	my $end    = time + $seconds;
	my %result = (out => '');

	while ($self->{text} !~ /^\Q$self->{marker}\E\n/m)
	{
		if (time > $end) { $result{late} = 1; last }
		$watch->() if $watch;
		next if !$select->can_read($watch ? 0.02 : 0.5);
		if (!sysread $self->{out}, my $more, 65536) { $result{lost} = 1; last }
		else { $self->{text} .= $more }
	}
	$result{seconds} = time - $self->{begun};
	($result{text} = $self->{text}) =~ s/^\Q$self->{marker}\E\n.*//ms;
	@result{qw(code message)} = ($1, $2) if $result{text} =~ /^(?:psql:[^\n]*?)?(?:ERROR|FATAL):  (\w{5}): (.*)$/m;
	$result{lost} = 1 if $result{text} =~ /connection to server was lost|server closed the connection|no connection to the server/;
	($result{out} = $result{text}) =~ s/\n\z//;
	return \%result;
}

sub try
{
	my ($self, $sql, $seconds, $watch) = @_;

	return $self->send($sql)->receive($seconds // 60, $watch);
}

# try, and die on an error
sub sql
{
	my ($self, $sql, $seconds) = @_;
	my $result = $self->try($sql, $seconds);

	die "$sql\n$result->{text}" if defined $result->{code} || $result->{lost} || $result->{late};
	return $result->{out};
}

# Run it and return the largest growth of the backend's memory while it ran, in KiB, with the result.
sub growth
{
	my ($self, $sql, $seconds) = @_;
	my $before = $self->memory;
	my $most   = $before;
	my $result = $self->try($sql, $seconds, sub { my $now = $self->memory; $most = $now if $now > $most });

	return ($most - $before, $result);
}

# The client vanishes without a word, as when its machine dies.
sub vanish
{
	my ($self) = @_;

	kill 'KILL', $self->{client};
	return $self->_reap;
}

sub quit
{
	my ($self) = @_;

	return if !$self->{client} || $$ != $self->{owner};
	close $self->{in};
	my $select = IO::Select->new($self->{out});
	my $end    = time + 5;
	while (time < $end && $select->can_read($end - time)) { last if !sysread $self->{out}, my $rest, 65536 }
	kill 'KILL', $self->{client} if time >= $end;
	return $self->_reap;
}

sub _reap
{
	my ($self) = @_;

	waitpid delete $self->{client}, 0;
	close $self->{$_} for qw(in out);
	return;
}

sub DESTROY
{
	my ($self) = @_;
	local ($?, $@, $!);

	$self->quit;
	return;
}

1;
