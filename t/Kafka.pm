# What the tests share about Kafka: topics and records made, lost and read back behind the back of the code under test; a
# broker of the test's own, to be killed or to speak TLS and SASL; and librdkafka's mock cluster, which fails on request.
# The work is done by kafka_tool.c. Core Perl.
#
#   my $kafka = Kafka->new;                             # the stack's: KAFKA_BROKERS
#   $kafka->create('topic', 3, 'cleanup.policy=compact'); $kafka->delete('topic'); $kafka->grow('topic', 5);
#   $kafka->truncate('topic', 0, 100);                  # partition 0 loses what lies below offset 100
#   my @at = $kafka->produce('topic', {value => '{}', key => 'k', partition => 0, timestamp => $ms, headers => ['h', 'v']});
#   my $open = $kafka->transaction('topic');            # ->send(records), then ->commit, ->abort, or ->leave it open
#   my @records = $kafka->read('topic');                # hashes as produce takes, and offset; a missing value is undef
#   my @marks = $kafka->watermarks('topic');            # [low, high] by partition
#   $kafka->flood('topic', 100_000, cities => 3, start => $unix, seconds => 3600, seed => 1);     # OpenWeather records
#
#   my $own = Kafka->start;                             # its own broker: all of the above, and
#   $own->kill; $own->restart; $own->stop; $own->signal('STOP');
#   my $own = Kafka->start(secure => 1, settings => {'message.max.bytes' => 1000});
#   $own->brokers('sasl_ssl');                          # also ssl, sasl_plaintext, mutual (wants a client's certificate),
#                                                       # alien, expired (ssl, with a bad certificate)
#   $own->file('ca.pem');                               # also client.pem and client.key, other.pem (another authority)
#                                                       # user alice, password 'wonder land', PLAIN and SCRAM
#   my $mock = Kafka->mock(3);                          # brokers; see mock_obey in kafka_tool.c
#   $mock->topic('topic', 3); $mock->do('error 1 -195 2'); $mock->do('down -1');
package Kafka;

use strict;
use warnings;

use Certificate;
use Daemon;
use Digest::SHA qw(sha1_hex);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use IO::Handle;
use IPC::Open2 qw(open2);

use constant {USER => 'alice', PASSWORD => 'wonder land'};

my $here = dirname(__FILE__);
my $tool;

# The program: KAFKA_TOOL, or compiled once a test.
sub tool
{
	return $tool if defined $tool;
	return $tool = $ENV{KAFKA_TOOL} if $ENV{KAFKA_TOOL};
	$tool = tempdir('kafka-XXXXXX', TMPDIR => 1, CLEANUP => 1) . '/kafka_tool';
	system($ENV{CC} // 'cc', '-std=gnu11', '-O2', '-o', $tool, "$here/kafka_tool.c", '-lrdkafka') == 0
	  or die "cannot compile kafka_tool.c\n";
	return $tool;
}

sub new
{
	my ($class, $brokers) = @_;

	return bless {brokers => $brokers // $ENV{KAFKA_BROKERS} // die("this test needs KAFKA_BROKERS: . .stack/env\n")}, $class;
}

sub brokers
{
	my ($self, $listener) = @_;

	return $self->{brokers} if !defined $listener || $listener eq 'plaintext';
	return '127.0.0.1:' . ($self->{port}{$listener} // die "no listener \"$listener\"");
}

sub create { my ($self, $topic, $partitions, @config) = @_; return $self->_run('create', $topic, $partitions // 1, @config) }
sub delete { my ($self, $topic) = @_; return $self->_run('delete', $topic) }
sub grow { my ($self, $topic, $partitions) = @_; return $self->_run('grow', $topic, $partitions) }
sub configure { my ($self, $topic, @config) = @_; return $self->_run('configure', $topic, @config) }
sub truncate { my ($self, $topic, $partition, $offset) = @_; return $self->_run('truncate', $topic, $partition, $offset) }

sub watermarks
{
	my ($self, $topic) = @_;

	return map { my (undef, @marks) = split /\t/; \@marks } $self->_run('watermarks', $topic);
}

# The records' places: [partition, offset] of each.
sub produce
{
	my ($self, $topic, @records) = @_;
	my $sender = Kafka::Sender->new($self->_command('produce', $topic));

	$sender->send(@records);
	return $sender->flush;
}

sub transaction
{
	my ($self, $topic, %property) = @_;
	my $id = $property{'transactional.id'} //= "test-$$-" . ++$self->{serial};

	return Kafka::Sender->new($self->_command(map({ ('-X', "$_=$property{$_}") } sort keys %property), 'produce', $topic));
}

sub read
{
	my ($self, $topic) = @_;
	my @records;

	for ($self->_run('read', $topic))
	{
		my ($offset, $partition, $timestamp, @fields) = split /\t/, $_, -1;
		my ($key, $value, @headers) = map { $_ eq '-' ? undef : pack 'H*', $_ } @fields;

		push @records, {
			offset => $offset,
			partition => $partition,
			timestamp => $timestamp,
			key => $key,
			value => $value,
			headers => \@headers
		};
	}
	@records = sort { $a->{partition} <=> $b->{partition} || $a->{offset} <=> $b->{offset} } @records;
	return @records;
}

# The last hour, if not told otherwise. A topic that keeps records for a time only loses old ones at once.
sub flood
{
	my ($self, $topic, $count, %option) = @_;
	my $seconds = $option{seconds} // 3600;

	return $self->_run('flood', $topic, $count, $option{start} // time - $seconds, $seconds, $option{cities} // 3, $option{seed} // 1);
}

sub _command { my ($self, @arguments) = @_; return (tool(), '-b', $self->{brokers}, @arguments) }

sub _run
{
	my ($self, @arguments) = @_;

	open my $out, '-|', $self->_command(@arguments) or die "kafka_tool: $!";
	my @lines = readline $out;
	close $out or die "kafka_tool @arguments failed\n";
	chomp @lines;
	return @lines;
}

# A broker of the test's own ------------------------------------------------------------------------------------------

my @secure = qw(ssl sasl_plaintext sasl_ssl mutual alien expired);

sub start
{
	my ($class, %option) = @_;
	my $ask = '. "$0/lib.sh"; . "$0/kafka.sh"; echo "$kafka_jars"; kafka_java';
	open my $said, '-|', 'bash', '-c', $ask, "$here/../stack" or die "bash: $!";
	chomp(my ($jars, $java) = readline $said);
	my $self = bless {daemon => Daemon->new(as => 'caller')}, $class;
	my @names = ('plaintext', 'controller', $option{secure} ? @secure : ());

	die "Kafka's jars or a Java for them are not here: stack/up brings them\n" if !$java || !-d $jars;
	@{$self->{java}} = ($java, '-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', "$jars/*");
	@{$self->{port}}{@names} = map { Daemon::free_port() } @names;
	$self->{brokers} = "127.0.0.1:$self->{port}{plaintext}";
	$self->_certificates if $option{secure};
	$self->_configure(\@names, %option);
	my $id = substr(sha1_hex("$$ $self->{brokers}"), 0, 21) . 'A';
	my @users = map { ('--add-scram', "$_=[name=" . USER . ',password=' . PASSWORD . ']') } 'SCRAM-SHA-256', 'SCRAM-SHA-512';
	$self->{daemon}
	  ->run(@{$self->{java}}, 'kafka.tools.StorageTool', 'format', '--cluster-id', $id, '--config', $self->file('properties'), @users);
	$self->restart;
	return $self;
}

# Start it again, with what it had.
sub restart
{
	my ($self) = @_;
	my $begun = -s $self->file('log');

	$self->{daemon}->start(
		sub {
			open my $in, '<', $self->file('log') or return 0;
			seek $in, $begun, 0;
			return scalar grep { /Kafka Server started/ } readline $in;
		},
		@{$self->{java}}, 'kafka.Kafka', $self->file('properties'));
	return;
}

sub stop { my ($self) = @_; return $self->{daemon}->stop }

sub kill { my ($self) = @_; $self->{daemon}->signal('KILL'); return $self->{daemon}->stop }

sub signal { my ($self, $name) = @_; return $self->{daemon}->signal($name) }

sub file { my ($self, $name) = @_; return $self->{daemon}->file($name) }

sub log { my ($self) = @_; return $self->{daemon}->log }

sub _certificates
{
	my ($self) = @_;
	my $tls = Certificate->new($self->{daemon}->folder);

	$tls->authority($_) for qw(ca other);
	$tls->issue('good', by => 'ca');
	$tls->issue('alien', by => 'ca', names => 'DNS:elsewhere.example');
	$tls->issue('expired', by => 'ca', days => -1);
	$tls->issue('client', by => 'ca', subject => USER);
	for my $name (qw(good alien expired))
	{
		$self->{daemon}->write_file("$name.both", join '', map { _slurp($self->file("$name.$_")) } qw(key pem));
	}
	return;
}

sub _slurp { my ($file) = @_; open my $in, '<', $file or die "$file: $!"; local $/; return readline $in }

sub _configure
{
	my ($self, $names, %option) = @_;
	my %protocol = (
		(map { $_ => 'SSL' } @secure),
		controller => 'PLAINTEXT',
		plaintext => 'PLAINTEXT',
		sasl_plaintext => 'SASL_PLAINTEXT',
		sasl_ssl => 'SASL_SSL'
	);
	my $listener = sub { join ',', map { uc($_) . "://127.0.0.1:$self->{port}{$_}" } @_ };
	my %setting = (
		'process.roles' => 'broker,controller',
		'node.id' => 1,
		'controller.quorum.voters' => "1\@127.0.0.1:$self->{port}{controller}",
		'listeners' => $listener->(@$names),
		'advertised.listeners' => $listener->(grep { $_ ne 'controller' } @$names),
		'inter.broker.listener.name' => 'PLAINTEXT',
		'controller.listener.names' => 'CONTROLLER',
		'listener.security.protocol.map' => join(',', map { uc($_) . ":$protocol{$_}" } @$names),
		'log.dirs' => $self->file('data'),
		'auto.create.topics.enable' => 'false',
		'message.max.bytes' => 20_000_000,
		(map { $_ => 1 } qw(offsets.topic.replication.factor offsets.topic.num.partitions transaction.state.log.replication.factor
		  transaction.state.log.min.isr transaction.state.log.num.partitions)),
		'group.initial.rebalance.delay.ms' => 0,
		# one that was killed comes back only when the controller no longer waits for it
		'broker.session.timeout.ms' => 1000,
		'broker.heartbeat.interval.ms' => 200,
		'log.retention.ms' => -1,
		'log.retention.check.interval.ms' => 1000,
		'log.cleaner.backoff.ms' => 500,
		'log.cleaner.dedupe.buffer.size' => 2_097_152,
		$option{secure} ? $self->_security : (),
		%{$option{settings} // {}});

	return $self->{daemon}->write_file('properties', join '', map { "$_=$setting{$_}\n" } sort keys %setting);
}

sub _security
{
	my ($self) = @_;
	my $module = 'org.apache.kafka.common.security';
	my %setting = ('sasl.enabled.mechanisms' => 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512');

	for my $name (@secure)
	{
		my $certificate = $name =~ /^(alien|expired)$/ ? $name : 'good';
		my $prefix = "listener.name.$name";

		if ($name =~ /^sasl/)
		{
			$setting{"$prefix.plain.sasl.jaas.config"} =
			  "$module.plain.PlainLoginModule required user_" . USER . '="' . PASSWORD . '";';
			$setting{"$prefix.$_.sasl.jaas.config"} = "$module.scram.ScramLoginModule required;"
			  for qw(scram-sha-256 scram-sha-512);
		}
		next if $name eq 'sasl_plaintext';
		$setting{"$prefix.ssl.keystore.type"} = $setting{"$prefix.ssl.truststore.type"} = 'PEM';
		$setting{"$prefix.ssl.keystore.location"} = $self->file("$certificate.both");
		$setting{"$prefix.ssl.truststore.location"} = $self->file('ca.pem');
		$setting{"$prefix.ssl.client.auth"} = $name eq 'mutual' ? 'required' : 'none';
	}
	return %setting;
}

# librdkafka's mock cluster -------------------------------------------------------------------------------------------

sub mock
{
	my ($class, $brokers) = @_;
	my $self = bless {}, 'Kafka::Mock';

	$self->{pid} = open2($self->{out}, $self->{in}, tool(), 'mock', $brokers // 1);
	chomp($self->{brokers} = readline($self->{out}) // die "the mock cluster does not start\n");
	return $self;
}

package Kafka::Mock;

use strict;
use warnings;

our @ISA = ('Kafka');

sub topic { my ($self, $topic, $partitions) = @_; return $self->do("topic $topic " . ($partitions // 1)) }

sub do
{
	my ($self, $command) = @_;

	print {$self->{in}} "$command\n" or die "the mock cluster is gone\n";
	my $answer = readline($self->{out}) // die "the mock cluster is gone\n";
	die "$command: $answer" if $answer ne "done\n";
	return;
}

sub stop
{
	my ($self) = @_;
	my $pid = delete $self->{pid} // return;

	close delete $self->{$_} for qw(in out);
	waitpid $pid, 0;
	return;
}

sub DESTROY { my ($self) = @_; local ($?, $@, $!); $self->stop; return }

# One producer: records go out, answers come back.
package Kafka::Sender;

use strict;
use warnings;

use Encode     qw(encode_utf8);
use IPC::Open2 qw(open2);

sub new
{
	my ($class, @command) = @_;
	my $self = bless {}, $class;

	$self->{pid} = open2($self->{out}, $self->{in}, @command);
	return $self;
}

sub send
{
	my ($self, @records) = @_;

	for my $record (@records)
	{
		my @fields = map { _field($_) } @$record{qw(key value)}, @{$record->{headers} // []};

		print {$self->{in}} join("\t", $record->{partition} // -1, $record->{timestamp} // -1, @fields), "\n"
		  or die "kafka_tool ended\n";
	}
	return $self;
}

sub _field
{
	my ($bytes) = @_;

	return '-' if !defined $bytes;
	return '=' if !length $bytes;
	return unpack 'H*', utf8::is_utf8($bytes) ? encode_utf8($bytes) : $bytes;
}

# Wait for all that was sent; its places.
sub flush { return $_[0]->_end('flush', 'flushed') }

sub commit { my ($self) = @_; my @places = $self->_end('commit', 'committed'); $self->leave; return @places }

sub abort { my ($self) = @_; my @places = $self->_end('abort', 'aborted'); $self->leave; return @places }

# The program ends; a transaction stays open until the broker gives it up.
sub leave
{
	my ($self) = @_;
	my $pid = delete $self->{pid} // return;

	close delete $self->{$_} for qw(in out);
	waitpid $pid, 0;
	return;
}

sub _end
{
	my ($self, $word, $answer) = @_;
	my @places;

	print {$self->{in}} "$word\n" or die "kafka_tool ended\n";
	while (defined(my $line = readline $self->{out}))
	{
		chomp $line;
		return @places if $line eq $answer;
		push @places, [split /\t/, $line];
	}
	die "kafka_tool could not $word\n";
}

sub DESTROY { my ($self) = @_; local ($?, $@, $!); $self->leave; return }

1;
