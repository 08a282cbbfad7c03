# A small S3 client of the tests' own, in core Perl: what the wrapper under test did is checked by other means, and what
# it must survive (odd bytes, broken gzip) is put there. Signs with SigV4, path style.
#
#   my $s3 = S3->new;                                # S3_ENDPOINT, S3_ACCESS_KEY, S3_SECRET_KEY
#   $s3->make('bucket'); $s3->put('bucket', 'a/b.csv', $bytes); my $bytes = $s3->get('bucket', 'a/b.csv');
#   my @keys = $s3->list('bucket', 'a/'); my @uploads = $s3->uploads('bucket', 'a/b.csv'); $s3->drop('bucket');
package S3;

use strict;
use warnings;

use Digest::SHA qw(sha256_hex hmac_sha256 hmac_sha256_hex);
use HTTP::Tiny;
use POSIX qw(strftime);

sub new
{
	my ($class) = @_;

	return bless {http => HTTP::Tiny->new(timeout => 30, proxy => undef, http_proxy => undef, https_proxy => undef)}, $class;
}

sub make { my ($self, $bucket) = @_; return $self->_call('PUT', "/$bucket", {}, '', 200, 409) }

sub put { my ($self, $bucket, $key, $bytes) = @_; return $self->_call('PUT', _path($bucket, $key), {}, $bytes, 200) }

# The bytes, or undef when it is not there
sub get
{
	my ($self, $bucket, $key) = @_;
	my $answer = $self->_call('GET', _path($bucket, $key), {}, '', 200, 404);

	return $answer->{status} == 200 ? $answer->{content} : undef;
}

sub remove { my ($self, $bucket, $key) = @_; return $self->_call('DELETE', _path($bucket, $key), {}, '', 204, 404) }

# Keys with a prefix
sub list
{
	my ($self, $bucket, $prefix) = @_;
	my (@keys, $next);

	do
	{
		my %query = ('list-type' => 2, prefix => $prefix // '', $next ? ('continuation-token' => $next) : ());
		my $answer = $self->_call('GET', "/$bucket", \%query, '', 200, 404);

		push @keys, map { _plain($_) } $answer->{content} =~ m{<Key>(.*?)</Key>}gs;
		($next) = map { _plain($_) } $answer->{content} =~ m{<NextContinuationToken>(.*?)</NextContinuationToken>}s;
	} while (defined $next);
	return @keys;
}

# Upload ids of unfinished multipart uploads; MinIO lists them for the exact key only, or for the empty prefix.
sub uploads
{
	my ($self, $bucket, $prefix) = @_;
	my $answer = $self->_call('GET', "/$bucket", {uploads => '', prefix => $prefix // ''}, '', 200, 404);

	return $answer->{content} =~ m{<UploadId>(.*?)</UploadId>}gs;
}

sub drop
{
	my ($self, $bucket) = @_;

	$self->remove($bucket, $_) for $self->list($bucket);
	return $self->_call('DELETE', "/$bucket", {}, '', 204, 404, 409);
}

sub _plain
{
	my ($text) = @_;
	my %entity = (lt => '<', gt => '>', quot => '"', apos => "'", amp => '&');

	$text =~ s/&#(\d+);/chr $1/ge;
	$text =~ s/&(\w+);/$entity{$1}/g;
	return $text;
}

sub _escape
{
	my ($text, $keep) = @_;

	$text =~ s/([^A-Za-z0-9\-._~$keep])/sprintf '%%%02X', ord $1/ge;
	return $text;
}

sub _path { my ($bucket, $key) = @_; return "/$bucket/" . _escape($key, '/') }

sub _call
{
	my ($self, $method, $path, $query, $body, @expected) = @_;
	my $words = join '&', map { "$_=" . _escape($query->{$_}, '') } sort keys %$query;
	my $url   = $ENV{S3_ENDPOINT} . $path . (length $words ? "?$words" : '');
	my $answer =
	  $self->{http}->request($method, $url, {headers => $self->_sign($method, $path, $words, $body), content => $body});

	die "$method $path: $answer->{status} $answer->{content}" if !grep { $_ == $answer->{status} } @expected;
	return $answer;
}

sub _sign
{
	my ($self, $method, $path, $words, $body) = @_;
	my ($host) = $ENV{S3_ENDPOINT} =~ m{^\w+://([^/]+)};
	my $time   = strftime('%Y%m%dT%H%M%SZ', gmtime);
	my $day    = substr $time, 0, 8;
	my $scope  = "$day/us-east-1/s3/aws4_request";
	my $hash   = sha256_hex($body);
	my $names  = 'host;x-amz-content-sha256;x-amz-date';
	my $request =
	  join "\n", $method, $path, $words, "host:$host", "x-amz-content-sha256:$hash", "x-amz-date:$time", '', $names, $hash;
	my $key = "AWS4$ENV{S3_SECRET_KEY}";

	$key = hmac_sha256($_, $key) for $day, 'us-east-1', 's3', 'aws4_request';
	my $signature = hmac_sha256_hex(join("\n", 'AWS4-HMAC-SHA256', $time, $scope, sha256_hex($request)), $key);
	return {
		'x-amz-date'           => $time,
		'x-amz-content-sha256' => $hash,
		'authorization' =>
		  "AWS4-HMAC-SHA256 Credential=$ENV{S3_ACCESS_KEY}/$scope, SignedHeaders=$names, Signature=$signature",
	};
}

1;
