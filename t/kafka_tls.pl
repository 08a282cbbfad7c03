# fdw_kafka over TLS and SASL, to a broker of the test's own: which certificates are taken and refused, that nothing falls
# back to plaintext, how passwords are proven, and that a wrong one is an ERROR at once which does not show it.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use FaultProxy;
use Interrupt;
use Kafka;
use Stack;
use Test::More;

use constant ROWS => 2000;

our %slowest;
my $stack  = Stack->new('kafka_tls', extensions => ['fdw_kafka']);
my $broker = Kafka->start(secure => 1);
my %file   = map { $_ => $broker->file($_) } qw(ca.pem other.pem client.pem client.key);
my $secret = Kafka::PASSWORD();
my %login  = (username => Kafka::USER(), password => $secret);
my $mark   = $stack->sql("SELECT size FROM pg_stat_file('/proc/self/fd/2')");

$broker->create('tls', 2);
chmod 0755, $broker->file('.');
chmod 0644, $file{'client.key'};

sub server
{
	my ($name, $login, %option) = @_;

	$stack->kafka_server($name, $login, connect_timeout => '5s', read_timeout => '5s', send_timeout => '5s', %option);
	$stack->sql("CREATE FOREIGN TABLE ${name}_t (n int, word text) SERVER $name OPTIONS (topic 'tls', format 'csv')");
	$stack->sql("CREATE FOREIGN TABLE ${name}_whole (n int, word text) SERVER $name OPTIONS (topic 'tls', format 'csv', transactional 'true')");
	return;
}

my $sum = 'SELECT count(*), sum(n) FROM %s_t';

sub works
{
	my ($name, $rows) = @_;

	is($stack->try("INSERT INTO ${name}_whole VALUES (0, 'x')", 30)->{code}, undef, "$name: writes a transaction");
	my $result = $stack->try("INSERT INTO ${name}_t VALUES (0, 'x'); " . sprintf($sum, $name), 30);
	like($result->{out}, qr/^\d+\|2001000$/, "$name: writes and reads all") or diag($result->{text});
	return;
}

# The ERROR, in both directions: prompt, of the right kind, without the password.
sub refused
{
	my ($name, $code, $pattern) = @_;

	for my $sql (sprintf($sum, $name), "INSERT INTO ${name}_t VALUES (1, 'x')", "INSERT INTO ${name}_whole VALUES (1, 'x')", "ANALYZE ${name}_t")
	{
		my $result = $stack->try($sql, 30);
		my $what   = (split ' ', $sql)[0];

		like($result->{code} // 'none', $code, "$name: $what is refused") or diag($result->{text});
		like($result->{text}, $pattern, "$name: $what says why");
		unlike($result->{text}, qr/\Q$secret\E|not this one/, "$name: $what shows no password");
		cmp_ok($result->{seconds}, '<', 4, "$name: $what is told in time");
	}
	return;
}

# TLS ------------------------------------------------------------------------------------------------------------------

my %ssl = (security_protocol => 'ssl', ca_file => $file{'ca.pem'});
server('plain', {}, brokers => $broker->brokers);
$stack->sql("INSERT INTO plain_t SELECT i, 'w' FROM generate_series(1, @{[ROWS]}) i");
server('good', {}, %ssl, brokers => $broker->brokers('ssl'));
works('good');
server('other_ca', {}, %ssl, ca_file => $file{'other.pem'}, brokers => $broker->brokers('ssl'));
refused('other_ca', qr/^(08|HV00N)/, qr/certificate/i);
server('system_ca', {}, security_protocol => 'ssl', brokers => $broker->brokers('ssl'));
refused('system_ca', qr/^(08|HV00N)/, qr/certificate/i);
server('alien', {}, %ssl, brokers => $broker->brokers('alien'));
refused('alien', qr/^(08|HV00N)/, qr/certificate|hostname|ssl/i);
server('alien_unverified', {}, %ssl, verify_hostname => 'false', brokers => $broker->brokers('alien'));
works('alien_unverified');
server('expired', {}, %ssl, brokers => $broker->brokers('expired'));
refused('expired', qr/^(08|HV00N)/, qr/certificate/i);
# whoever speaks the other way is not followed
server('tls_to_plain', {}, %ssl, brokers => $broker->brokers);
refused('tls_to_plain', qr/^(08|HV00N)/, qr/SSL|TLS/);
server('plain_to_tls', {}, brokers => $broker->brokers('ssl'));
refused('plain_to_tls', qr/^(08|HV00N)/, qr/./);
server('no_client', {}, %ssl, brokers => $broker->brokers('mutual'));
refused('no_client', qr/^(08|HV00N)/, qr/./);
server('mutual', {}, %ssl, brokers => $broker->brokers('mutual'), certificate_file => $file{'client.pem'}, key_file => $file{'client.key'});
works('mutual');
like($stack->try("CREATE SERVER x FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers 'h', ca_file '/nowhere/ca.pem', security_protocol 'ssl');"
	  . " CREATE USER MAPPING FOR CURRENT_USER SERVER x; CREATE FOREIGN TABLE x_t (n int) SERVER x OPTIONS (topic 'x', format 'csv'); TABLE x_t")->{text},
	qr/ssl\.ca\.location/, 'a ca_file that is not there');

# A role that may not read the server's files may not name one.
$stack->sql('DROP ROLE IF EXISTS regress_kafka_tls; CREATE ROLE regress_kafka_tls; GRANT USAGE ON FOREIGN DATA WRAPPER fdw_kafka TO regress_kafka_tls;'
	  . ' GRANT CREATE ON DATABASE ' . $stack->database . ' TO regress_kafka_tls');
is($stack->try("SET ROLE regress_kafka_tls; CREATE SERVER y FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers 'h', ca_file '/etc/passwd')")->{code}, '42501',
	'a role without the rights on files');
$stack->sql('DROP OWNED BY regress_kafka_tls; DROP ROLE regress_kafka_tls');

# SASL -----------------------------------------------------------------------------------------------------------------

my %sasl = (%ssl, security_protocol => 'sasl_ssl', brokers => $broker->brokers('sasl_ssl'));
my %at   = (PLAIN => 'plain', 'SCRAM-SHA-256' => 'scram_256', 'SCRAM-SHA-512' => 'scram_512');
for my $mechanism (sort keys %at)
{
	my $name = $at{$mechanism};

	server($name . '_ok', \%login, %sasl, sasl_mechanism => $mechanism);
	works($name . '_ok');
	server($name . '_bad', {%login, password => 'not this one'}, %sasl, sasl_mechanism => $mechanism);
	refused($name . '_bad', qr/^28/, qr/[Aa]uthentication/);
	server($name . '_who', {%login, username => 'nobody'}, %sasl, sasl_mechanism => $mechanism);
	refused($name . '_who', qr/^28/, qr/[Aa]uthentication/);
}
server('no_password', {}, %sasl);
like($stack->try('TABLE no_password_t')->{text}, qr/needs username and password/, 'SASL without a password');
server('sasl_to_tls', \%login, %sasl, brokers => $broker->brokers('ssl'));
refused('sasl_to_tls', qr/^(08|28|HV)/, qr/./);
server('sasl_other_ca', \%login, %sasl, ca_file => $file{'other.pem'});
refused('sasl_other_ca', qr/^(08|HV00N)/, qr/certificate/i);

# Passwords over plaintext only where somebody asked for it
like($stack->try('CREATE SERVER open_password FOREIGN DATA WRAPPER fdw_kafka '
	  . Stack::_options(brokers => $broker->brokers('sasl_plaintext'), security_protocol => 'sasl_plaintext'))->{text},
	qr/without TLS/, 'SASL without TLS is refused');
server('opted_in', \%login, brokers => $broker->brokers('sasl_plaintext'), security_protocol => 'sasl_plaintext', allow_plaintext_password => 'true',
	sasl_mechanism => 'SCRAM-SHA-256');
works('opted_in');
# a man in the middle who has no certificate sees no password
{
	my ($sniffed, $listener) = ('', IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1'));
	server('sniffed', \%login, %sasl, sasl_mechanism => 'PLAIN', brokers => '127.0.0.1:' . $listener->sockport);
	my $session = $stack->session->send('TABLE sniffed_t');
	my $client  = $listener->accept;
	sysread $client, $sniffed, 4096;
	is(unpack('C', $sniffed), 22, 'the first byte is that of a TLS handshake');
	unlike($sniffed, qr/\Q$secret\E/, '... without the password');
	close $client;
	close $listener;
	$session->receive(20);
}

# A password that changes in the middle of a session
{
	my $session = $stack->session;

	$session->sql(sprintf $sum, 'scram_512_ok');
	$session->sql("ALTER USER MAPPING FOR CURRENT_USER SERVER scram_512_ok OPTIONS (SET password 'not this one')");
	like($session->try(sprintf $sum, 'scram_512_ok')->{code} // 'none', qr/^28/, 'a warm client does not outlive its password');
	$session->sql("ALTER USER MAPPING FOR CURRENT_USER SERVER scram_512_ok OPTIONS (SET password " . Stack::quote($secret) . ')');
	is($session->try(sprintf $sum, 'scram_512_ok')->{code}, undef, '... and comes back with it');
}

# Interrupts in handshakes ---------------------------------------------------------------------------------------------

my $proxy = FaultProxy->start('127.0.0.1', (split ':', $broker->brokers('sasl_ssl'))[1]);
server('behind', \%login, %sasl, brokers => '127.0.0.1:' . $proxy->port, connect_timeout => '20s', read_timeout => '20s', send_timeout => '20s');
for my $down (0, 700, 2500)
{
	for my $means (@{Interrupt::MEANS()})
	{
		for my $sql (sprintf($sum, 'behind'), "DO \$\$ BEGIN INSERT INTO behind_t VALUES (1, 'x'); PERFORM * FROM fdw_kafka_finish(); END \$\$")
		{
			$proxy->fault(act => 'blackhole', down => $down);
			Interrupt::strike($stack, (split ' ', $sql)[0] . ", black-holed after $down bytes of the handshake", $means, sql => $sql,
				ready => sub { $proxy->stat->{fired} > 0 });
		}
	}
}

# The log --------------------------------------------------------------------------------------------------------------

my $logged = $stack->sql("SELECT encode(pg_read_binary_file('/proc/self/fd/2', $mark, 500000000), 'escape')", 60);
is(scalar(() = $logged =~ /^%\d\|/mg), 0, 'the library writes nothing into the server\'s log');
is(scalar(() = $logged =~ /ERROR.*\Q$secret\E|DETAIL.*\Q$secret\E/g), 0, 'no message in the log holds the password');

note(sprintf 'slowest %s: %.3f s', $_, $slowest{$_}) for sort keys %slowest;
$broker->stop;
done_testing();
