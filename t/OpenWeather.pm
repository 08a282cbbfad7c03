# A stand-in for OpenWeather's current weather endpoint, on loopback, plain or TLS: answers each city as the test says,
# also badly, and records what it was asked. Core Perl, and IO::Socket::SSL for TLS.
#
#   my $weather = OpenWeather->start;                     # or ->start(certificate => 'good.pem', key => 'good.key')
#   $weather->url;                                        # http://127.0.0.1:PORT/data/2.5/weather
#   $weather->answer('London');                           # 200 and a plausible reading, as for every city at first
#   $weather->answer('London', temp => 280.5, dt => 1700000000);        # ... with these values
#   $weather->answer('London', status => 429, headers => {'Retry-After' => 2}, times => 1);
#   $weather->answer('*', status => 500);                 # every city that has no answer of its own
#   my @all = $weather->requests; my @some = $weather->requests('London');
#   $weather->clear;                                      # forgets answers and requests
#
# What an answer takes:
#   status   200; others come with the bodies that OpenWeather sends (400, 401, 404, 429) or an HTML page
#   body     the bytes instead;  type  Content-Type;  headers  a hash of more headers
#   temp, humidity, dt, name, id, pressure, weather   values of the plausible reading (temp in the units asked for)
#   times    answer so this many requests, then as before that call
#   delay    seconds before the first byte;  rate  bytes per second of the body
#   cut      close after this many bytes of the body;  hang  never answer;  close  close without an answer
#   size     blanks are added to the body up to this many bytes;  chunked  no Content-Length
#
# A request is a hash: method, path, query (as sent), argument (a hash of the decoded query), city (its q), header (a hash,
# lower case), time. $weather->most says how many were open at once.
#
# The server is a child process that ends with the test, however that ends; it forks for each connection.
package OpenWeather;

use strict;
use warnings;

use Fcntl      qw(LOCK_EX);
use File::Path qw(rmtree);
use File::Temp qw(tempdir);
use IO::Handle;
use IO::Socket::INET;
use POSIX ();
use Storable qw(retrieve store);

sub start
{
	my ($class, %tls) = @_;
	my $listener = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1', ReuseAddr => 1) // die "cannot listen: $!";
	my $self = bless {folder => tempdir('weather-XXXXXX', TMPDIR => 1), owner => $$, port => $listener->sockport, tls => \%tls},
	  $class;

	require IO::Socket::SSL if %tls;
	$self->clear;
	pipe(my $theirs, $self->{control}) or die "pipe: $!";
	$self->{pid} = fork() // die "fork: $!";
	if ($self->{pid} == 0)
	{
		close $self->{control};
		POSIX::setpgid(0, 0);
		eval { $self->_serve($listener, $theirs); 1 } or print STDERR "OpenWeather: $@";
		POSIX::_exit(0);
	}
	return $self;
}

sub port { return $_[0]->{port} }

sub url { my ($self) = @_; return (%{$self->{tls}} ? 'https' : 'http') . "://127.0.0.1:$self->{port}/data/2.5/weather" }

sub answer
{
	my ($self, $city, %answer) = @_;

	return $self->_state(sub { unshift @{$_->{answers}{$city}}, \%answer });
}

sub requests
{
	my ($self, $city) = @_;

	return grep { !defined $city || ($_->{city} // '') eq $city } @{$self->_state(sub { $_->{requests} })};
}

sub count { return scalar(my @requests = requests(@_)) }

sub most { return $_[0]->_state(sub { $_->{most} }) }

sub clear { return $_[0]->_state(sub { $_ = {answers => {'*' => [{}]}, requests => [], open => 0, most => 0} }) }

sub stop
{
	my ($self) = @_;

	close(delete $self->{control} // return);
	waitpid $self->{pid}, 0;
	rmtree $self->{folder};
	return;
}

sub DESTROY
{
	my ($self) = @_;
	local ($?, $@, $!);

	$self->stop if $$ == $self->{owner};
	return;
}

# What the test and every connection share lies in a file: change $_ under a lock, return what the sub returns.
sub _state
{
	my ($self, $change) = @_;
	my $file = "$self->{folder}/state";

	open my $lock, '>>', "$file.lock" or die "$file.lock: $!";
	flock $lock, LOCK_EX or die "flock: $!";
	local $_ = -e $file ? retrieve($file) : undef;
	my $result = $change->();
	store($_, "$file.new");
	rename "$file.new", $file or die "rename: $!";
	return $result;
}

# The server ----------------------------------------------------------------------------------------------------------

sub _serve
{
	my ($self, $listener, $control) = @_;

	local $SIG{CHLD} = 'IGNORE';
	while (1)
	{
		my $wanted = '';
		vec($wanted, fileno $_, 1) = 1 for $listener, $control;
		next if select($wanted, undef, undef, undef) <= 0;
		if (vec $wanted, fileno $control, 1)
		{
			local $SIG{TERM} = 'IGNORE';
			kill 'TERM', -$$;
			return;
		}
		my $client = $listener->accept // next;
		my $pid = fork() // die "fork: $!";
		next if $pid;
		close $_ for $listener, $control;
		eval { $self->_converse($client); 1 } or print STDERR "OpenWeather: $@";
		POSIX::_exit(0);
	}
}

sub _converse
{
	my ($self, $client) = @_;
	my %tls = %{$self->{tls}};

	local $SIG{PIPE} = 'IGNORE';
	if (%tls)
	{
		IO::Socket::SSL->start_SSL($client, SSL_server => 1, SSL_cert_file => $tls{certificate}, SSL_key_file => $tls{key})
		  or return;
	}
	while (my $request = _request($client))
	{
		my $answer = $self->_state(sub { _begin($request) });
		my $more = _reply($client, $request, $answer);

		$self->_state(sub { $_->{open}-- });
		last if !$more;
	}
	close $client;
	return;
}

sub _request
{
	my ($client) = @_;
	my $first = readline($client) // return;
	my ($method, $path, $query) = $first =~ m{^(\w+) ([^ ?]*)\??([^ ]*) HTTP/1} or return;
	my %request = (method => $method, path => $path, query => $query, time => time);

	while (defined(my $line = readline $client))
	{
		last if $line =~ /^\r?\n/;
		$request{header}{lc $1} = $2 if $line =~ /^([^:]+):\s*(.*?)\r?\n/;
	}
	for (split /&/, $query)
	{
		my ($name, $value) = map { tr/+/ /; s/%([0-9A-Fa-f]{2})/chr hex $1/ger } split /=/, $_, 2;
		$request{argument}{$name} = $value // '';
	}
	$request{city} = $request{argument}{q};
	return \%request;
}

# Record the request in the state $_, and choose its answer.
sub _begin
{
	my ($request) = @_;
	my ($answers) = grep { $_ && @$_ } @{$_->{answers}}{$request->{city} // '', '*'};
	my $answer = {%{$answers->[0] // {}}};

	push @{$_->{requests}}, $request;
	$_->{open}++;
	$_->{most} = $_->{open} if $_->{open} > $_->{most};
	if (defined $answer->{times} && --$answers->[0]{times} <= 0) { shift @$answers }
	return $answer;
}

# Answers; false if the connection ends here.
sub _reply
{
	my ($client, $request, $answer) = @_;
	my $status = $answer->{status} // 200;
	my ($body, $type) = _body($request, $answer, $status);

	select undef, undef, undef, $answer->{delay} if $answer->{delay};
	sleep 3600 while $answer->{hang};
	return if $answer->{close};
	$body .= ' ' x ($answer->{size} - length $body) if ($answer->{size} // 0) > length $body;
	my %header = ('Content-Type' => $answer->{type} // $type, %{$answer->{headers} // {}});
	$header{$answer->{chunked} ? 'Transfer-Encoding' : 'Content-Length'} = $answer->{chunked} ? 'chunked' : length $body;
	_write($client, "HTTP/1.1 $status Answer\r\n" . join('', map { "$_: $header{$_}\r\n" } sort keys %header) . "\r\n") or return;
	my $end = $answer->{cut} // length $body;
	my $step = $answer->{rate} ? $answer->{rate} / 20 + 1 : 65536;
	for (my $at = 0; $at < $end; $at += $step)
	{
		my $piece = substr $body, $at, $at + $step < $end ? $step : $end - $at;

		_write($client, $answer->{chunked} ? sprintf("%x\r\n%s\r\n", length $piece, $piece) : $piece) or return;
		select undef, undef, undef, 0.05 if $answer->{rate};
	}
	return if defined $answer->{cut};
	return $answer->{chunked} ? _write($client, "0\r\n\r\n") : 1;
}

sub _write
{
	my ($client, $bytes) = @_;

	while (length $bytes)
	{
		my $done = syswrite($client, $bytes) // return;
		substr $bytes, 0, $done, '';
	}
	return 1;
}

# The error bodies are those that the real one was seen to send: "cod" is a number or a string, as there.
my %failure = (
	400 => '{"cod":"400","message":"Nothing to geocode"}',
	401 => '{"cod":401, "message": "Invalid API key. Please see https://openweathermap.org/faq#error401 for more info."}',
	404 => '{"cod":"404","message":"city not found"}',
	429 => '{"cod":429,"message":"Your account is temporary blocked due to exceeding of requests limitation of your subscription'
	  . ' type. Please choose the proper subscription https://openweathermap.org/price"}',
);

sub _body
{
	my ($request, $answer, $status) = @_;

	return ($answer->{body}, 'application/json; charset=utf-8') if defined $answer->{body};
	return (_reading($request, $answer), 'application/json; charset=utf-8') if $status == 200;
	return ($failure{$status}, 'application/json; charset=utf-8') if $failure{$status};
	return ("<html><head><title>$status</title></head><body><h1>$status</h1><hr>openresty</body></html>\n", 'text/html');
}

sub _reading
{
	my ($request, $answer) = @_;
	my %value = (
		name => $request->{city} // '',
		dt => time - 200,
		humidity => 71,
		pressure => 1014,
		id => 2643743,
		weather => '[{"id":803,"main":"Clouds","description":"broken clouds","icon":"04d"}]',
		%$answer
	);
	my $units = $request->{argument}{units} // 'standard';
	my $temp = $value{temp} // ($units eq 'metric' ? 12.35 : $units eq 'imperial' ? 54.23 : 285.5);

	$value{name} =~ s/(["\\])/\\$1/g;
	return qq({"coord":{"lon":-0.1257,"lat":51.5085},"weather":$value{weather},"base":"stations","main":{"temp":$temp,)
	  . qq("feels_like":$temp,"temp_min":$temp,"temp_max":$temp,"pressure":$value{pressure},"humidity":$value{humidity}},)
	  . qq("visibility":10000,"wind":{"speed":4.63,"deg":80},"clouds":{"all":75},"dt":$value{dt},"sys":{"type":2,"id":268730,)
	  . qq("country":"GB","sunrise":1752292646,"sunset":1752351265},"timezone":3600,"id":$value{id},"name":"$value{name}","cod":200});
}

1;
