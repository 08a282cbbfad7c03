# Certificates for tests of TLS, made with the openssl command: authorities, and certificates of servers and clients that
# are right or wrong in one way each. Core Perl. PEM files; who must read the keys is the caller's affair.
#
#   my $tls = Certificate->new($folder);
#   $tls->authority('ca');                            # ca.pem, ca.key
#   $tls->issue('good', by => 'ca');                  # good.pem, good.key: for 127.0.0.1 and localhost
#   $tls->issue('expired', by => 'ca', days => -1);
#   $tls->issue('alien', by => 'ca', names => 'DNS:elsewhere.example');
#   $tls->issue('own');                               # signed by itself
#   my $file = $tls->file('good.pem');
package Certificate;

use strict;
use warnings;

use POSIX ();

sub new
{
	my ($class, $folder) = @_;

	return bless {folder => $folder}, $class;
}

sub file { my ($self, $name) = @_; return "$self->{folder}/$name" }

sub authority
{
	my ($self, $name) = @_;

	return $self->_openssl('req', '-x509', $self->_key($name), '-days', 2, '-subj', "/CN=authority $name", '-out',
		$self->file("$name.pem"), '-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign');
}

sub issue
{
	my ($self, $name, %option) = @_;
	my $subject = $option{subject} // 'server';
	my $names = 'subjectAltName=' . ($option{names} // 'IP:127.0.0.1,DNS:localhost');
	my $days = $option{days} // 2;

	return $self->_openssl('req', '-x509', $self->_key($name), '-days', $days, '-subj', "/CN=$subject", '-addext', $names, '-out',
		$self->file("$name.pem"))
	  if !$option{by};
	open my $extensions, '>', $self->file("$name.ext") or die "$name.ext: $!";
	print {$extensions} "$names\n";
	close $extensions;
	$self->_openssl('req', '-new', $self->_key($name), '-subj', "/CN=$subject", '-out', $self->file("$name.csr"));
	return $self->_openssl('x509', '-req', '-in', $self->file("$name.csr"), '-CA', $self->file("$option{by}.pem"), '-CAkey',
		$self->file("$option{by}.key"), '-CAcreateserial', '-days', $days, '-extfile', $self->file("$name.ext"), '-out',
		$self->file("$name.pem"));
}

# A pair of RSA keys without a certificate: name.key, name.pub
sub rsa
{
	my ($self, $name) = @_;

	$self->_openssl('genpkey', '-algorithm', 'RSA', '-out', $self->file("$name.key"));
	return $self->_openssl('pkey', '-in', $self->file("$name.key"), '-pubout', '-out', $self->file("$name.pub"));
}

# A folder of authorities, as OpenSSL looks them up: by hash.
sub hashed
{
	my ($self, $name, $authority) = @_;
	my $hash = $self->_openssl('x509', '-noout', '-hash', '-in', $self->file("$authority.pem"));

	mkdir $self->file($name) or die "$name: $!";
	symlink $self->file("$authority.pem"), $self->file("$name/$hash.0") or die "$name: $!";
	return $self->file($name);
}

sub _key
{
	my ($self, $name) = @_;

	return ('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', $self->file("$name.key"));
}

# What it printed; its chatter only when it fails.
sub _openssl
{
	my ($self, @arguments) = @_;
	my $log = $self->file('openssl.log');
	my $pid = open(my $out, '-|') // die "fork: $!";

	if ($pid == 0)
	{
		open STDERR, '>', $log;
		{ exec 'openssl', @arguments };
		POSIX::_exit(127);
	}
	my $text = do { local $/; readline $out } // '';
	if (!close $out) { open my $in, '<', $log; local $/; die "openssl @arguments: " . readline $in }
	chomp $text;
	return $text;
}

1;
