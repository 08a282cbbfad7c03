# medallion.openweather() against a stand-in: what is asked for, what each answer becomes, which servers are trusted, who may
# ask, and that the key shows nowhere, whatever the other side does with it.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use Certificate;
use Daemon;
use OpenWeather;
use POSIX qw(strftime);
use Stack;
use Test::More;
use Time::HiRes qw(time);

use constant KEY => 'canary9f86d081884c7d659a2feaa0c5';

my $stack   = Stack->new('openweather', extensions => ['medallion']);
my $weather = OpenWeather->start;
my $key     = KEY;

sub server
{
	my ($name, %option) = @_;

	$option{url} //= $weather->url;
	$stack->sql("CREATE SERVER $name FOREIGN DATA WRAPPER openweather " . Stack::_options(%option));
	$stack->sql("CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS (api_key '$key')");
	return;
}

# The one row of a city: {status, body, error, attempts, seconds}
sub ask
{
	my ($city, $server) = @_;
	my $row = $stack->sql('SELECT concat_ws(chr(1), coalesce(status_code::text, $$-$$), coalesce(body, $$-$$), coalesce(error, $$-$$), attempts,'
		  . " extract(epoch FROM elapsed)) FROM medallion.openweather(ARRAY[" . Stack::quote($city) . "], '" . ($server // 'openweather') . "')");
	my %row;

	@row{qw(status body error attempts seconds)} = split /\x01/, $row;
	return \%row;
}

server('openweather', timeout => '5s', request_timeout => '2s');

# What is asked for ----------------------------------------------------------------------------------------------------

server('metric', units => 'metric', lang => 'pt_br');
ask('São Paulo & x=1?#%/+"', 'metric');
my ($request) = $weather->requests;
is_deeply([@$request{qw(method path)}], ['GET', '/data/2.5/weather'], 'one GET');
is($request->{city}, 'São Paulo & x=1?#%/+"', 'the name of the city arrives as it is, whatever is in it');
is_deeply({%{$request->{argument}}, q => ''}, {q => '', units => 'metric', lang => 'pt_br', appid => $key}, 'units, language and key');
is(scalar(grep { /\Q$key\E/ } values %{$request->{header}}), 0, 'the key is in no header');
$weather->clear;

$weather->answer('*', delay => 0.5);
my $begun = time;
is($stack->sql("SELECT count(*) FROM medallion.openweather(array(SELECT 'city ' || i FROM generate_series(1, 20) i)) WHERE error IS NULL"), 20, 'twenty cities');
cmp_ok(time - $begun, '<', 2, '... are asked for at once');
cmp_ok($weather->most, '>', 10, '... ' . $weather->most . ' together');
$weather->clear;
is($stack->sql("SELECT count(body) FROM medallion.openweather(array(SELECT 'city ' || i FROM generate_series(1, 200) i))"), 200, 'two hundred cities');
# the stand-in counts an answer a moment longer than it takes to arrive
cmp_ok($weather->most, '<=', 64, '... are not asked for all together');
$weather->clear;
is($stack->sql("SELECT string_agg(coalesce(city, '-') || ' ' || coalesce(error, 'ok'), ',' ORDER BY ordinality)"
		  . " FROM medallion.openweather(ARRAY['b', 'a', NULL, 'b', ' ', repeat('x', 300)]) WITH ORDINALITY"),
	'b ok,a ok,- the city is null,b ok,  the city has no name,' . 'x' x 300 . ' the name of the city is longer than 256 bytes', 'a row for each, in order');
is($weather->count('b'), 1, 'a city that is named twice is asked for once');
is($stack->sql("SELECT count(*) FROM medallion.openweather('{}')"), 0, 'no cities, no rows');
is($stack->sql('SELECT count(*) FROM medallion.openweather(NULL)'), 0, 'no array, no rows');

# Answers --------------------------------------------------------------------------------------------------------------

sub becomes
{
	my ($name, $answer, $wanted) = @_;

	$weather->clear;
	$weather->answer($name, %$answer);
	my $row = ask($name);
	for my $field (sort keys %$wanted)
	{
		if (ref $wanted->{$field}) { like($row->{$field}, $wanted->{$field}, "$name: $field") }
		else { is($row->{$field}, $wanted->{$field}, "$name: $field") }
	}
	if (!defined $wanted->{body}) { is($row->{body}, '-', "$name: no body") }
	is($weather->count($name), $wanted->{attempts} // 1, "$name: requests");
	unlike(join(' ', map { $_ // '' } values %$row), qr/\Q$key\E/, "$name: no key");
	return $row;
}

my $once = {attempts => 1};
becomes('good', {}, {status => 200, body => qr/^\{"coord".*\}$/, error => '-', %$once});
becomes('numbers', {body => '{"main":{"temp":2.8550E2,"x":1.10}}'}, {status => 200, body => '{"main":{"temp":2.8550E2,"x":1.10}}', error => '-', %$once});
becomes('400', {status => 400}, {status => 400, error => 'HTTP status 400: Nothing to geocode', %$once});
becomes('401', {status => 401}, {status => 401, error => qr/^HTTP status 401: Invalid API key\. Please see/, %$once});
becomes('404', {status => 404}, {status => 404, error => 'HTTP status 404: city not found', %$once});
becomes('429', {status => 429}, {status => 429, error => qr/^HTTP status 429: Your account is temporary blocked/, %$once});
becomes('429 later', {status => 429, headers => {'Retry-After' => 1}, times => 1}, {status => 200, body => qr/coord/, error => '-', attempts => 2});
becomes('429 too late', {status => 429, headers => {'Retry-After' => 60}}, {status => 429, error => qr/^HTTP status 429/, %$once});
becomes('429 at a time', {status => 429, headers => {'Retry-After' => strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime(time + 2))}, times => 1},
	{status => 200, body => qr/coord/, attempts => 2});
becomes('429 without sense', {status => 429, headers => {'Retry-After' => 'tomorrow'}}, {status => 429, %$once});
becomes('503 once', {status => 503, times => 1}, {status => 200, body => qr/coord/, attempts => 2});
becomes('500', {status => 500}, {status => 500, error => 'HTTP status 500', attempts => 4});
becomes('HTML', {body => '<html><body>Welcome</body></html>', type => 'text/html'}, {status => 200, error => 'the answer cannot be used: it is a web page', %$once});
becomes('empty', {body => ''}, {status => 200, error => 'the answer cannot be used: it is empty', %$once});
becomes('array', {body => '[{"main":1}]'}, {status => 200, error => 'the answer cannot be used: it is no JSON object', %$once});
becomes('torn', {body => '{"main":{"temp":2'}, {status => 200, error => 'the answer cannot be used: it is cut or malformed', %$once});
becomes('two', {body => '{"a":1}{"a":2}'}, {status => 200, error => qr/malformed/, %$once});
becomes('latin', {body => "{\"name\":\"K\xf6ln\"}"}, {status => 200, error => qr/malformed/, %$once});
becomes('nul', {body => "{\"name\":\"a\0b\"}"}, {status => 200, error => qr/malformed/, %$once});
becomes('escaped nul', {body => '{"name":"a\u0000b"}'}, {status => 200, body => '{"name":"a\u0000b"}', error => '-', %$once});
becomes('404 within', {body => '{"cod":"404","message":"city not found"}'}, {status => 404, error => 'HTTP status 200 with code 404: city not found', %$once});
becomes('200 within', {body => '{"cod":"200","main":{}}'}, {status => 200, body => qr/main/, error => '-', %$once});
becomes('deep', {body => '{"a":' . '[' x 100_000 . ']' x 100_000 . '}'}, {status => 200, error => qr/malformed/, %$once});
becomes('brackets in a string', {body => '{"a":"' . '[{' x 1000 . '\\\\"}'}, {status => 200, body => qr/^\{"a":"\[/, error => '-', %$once});
becomes('cut', {cut => 100}, {status => 200, error => qr/^the answer broke off/, attempts => 4});
becomes('closed', {close => 1}, {status => '-', error => qr/^no answer: /, attempts => 4});
becomes('huge', {size => 4_000_000}, {status => 200, error => 'the answer is longer than 262144 bytes', %$once});
becomes('huge in chunks', {size => 4_000_000, chunked => 1}, {status => 200, error => 'the answer is longer than 262144 bytes', %$once});
becomes('large', {size => 200_000, chunked => 1}, {status => 200, body => qr/coord/, error => '-', %$once});
is(becomes('hanging', {hang => 1}, {status => '-', error => 'no whole answer within 5 s', attempts => 3})->{seconds} < 5.5 ? 1 : 0, 1, '... and no longer');
becomes('slow', {rate => 10}, {status => 200, error => 'no whole answer within 5 s', attempts => 3});

my $elsewhere = OpenWeather->start;
becomes('redirect', {status => 302, headers => {Location => $elsewhere->url . "?appid=$key"}, body => ''},
	{status => 302, error => 'HTTP status 302: a redirect is not followed', %$once});
is($elsewhere->count, 0, 'the other place was not asked');
becomes('echo', {status => 400, body => qq({"cod":"400","message":"bad key $key here"})}, {error => 'HTTP status 400: bad key ' . '*' x length($key) . ' here', %$once});
becomes('escaped echo', {status => 400, body => '{"message":"' . join('', map { sprintf '\u%04x', ord } split //, $key) . '"}'}, {error => 'HTTP status 400: ***', %$once});
becomes('echo in a reading', {body => qq({"request":"\U$key\E"})}, {body => '{"request":"' . '*' x length($key) . '"}', error => '-', %$once});
$weather->clear;
$weather->answer('a', status => 401);
is($stack->sql("SELECT string_agg(DISTINCT status_code::text, ',') FROM medallion.openweather(ARRAY['a'] || array(SELECT 'a' || i FROM generate_series(1, 300) i)) WHERE error IS NOT NULL"),
	401, 'a refused key');
cmp_ok($weather->count, '<', 300, '... is not tried on with every city: ' . $weather->count);
$weather->clear;
$weather->answer('*', headers => {Date => strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime(time - 3600))});
is($stack->sql("SELECT round(extract(epoch FROM server_time - received_at) / 60) FROM medallion.openweather('{London}')"), -60, 'the clock of the service');
$weather->clear;

# Addresses ------------------------------------------------------------------------------------------------------------

server('nowhere', url => 'http://127.0.0.1:1/weather', retries => 1);
like(ask('x', 'nowhere')->{error}, qr/^no answer: .*onnect/, 'nobody listens');
is(ask('x', 'nowhere')->{attempts}, 2, '... which is tried again');
server('unnamed', url => 'https://weather.invalid/', retries => 0);
like(ask('x', 'unnamed')->{error}, qr/^no answer: .*resolve/, 'no such host');

my $folder = Daemon->new;
my $tls    = Certificate->new($folder->folder);
$tls->authority($_) for qw(ca other);
$tls->issue('good',    by => 'ca');
$tls->issue('alien',   by => 'ca', names => 'DNS:elsewhere.example');
$tls->issue('expired', by => 'ca', days => -1);
$tls->issue('own');
$folder->give($folder->folder, map { $tls->file($_) } qw(ca.pem other.pem));
for my $case (['good', 'ca', undef], ['good', 'other', qr/certificate/], ['good', undef, qr/certificate/], ['alien', 'ca', qr/127\.0\.0\.1|name/], ['expired', 'ca', qr/expired/], ['own', 'ca', qr/certificate/])
{
	my ($certificate, $authority, $error) = @$case;
	my $secure = OpenWeather->start(certificate => $tls->file("$certificate.pem"), key => $tls->file("$certificate.key"));
	my $name   = "tls_${certificate}_" . ($authority // 'system');

	server($name, url => $secure->url, ca_file => defined $authority ? $tls->file("$authority.pem") : undef, retries => 0);
	my $row = ask('London', $name);
	if (defined $error) { like($row->{error}, $error, "$name: refused"); is($secure->count, 0, "$name: nothing was asked") }
	else { is($row->{status}, 200, "$name: trusted") or diag($row->{error}) }
	$secure->stop;
}
server('plain_for_tls', url => $weather->url =~ s/^http:/https:/r, retries => 0);
like(ask('x', 'plain_for_tls')->{error}, qr/^no answer/, 'a service without TLS, asked with it');

# Who may ask ----------------------------------------------------------------------------------------------------------

$stack->sql("DROP ROLE IF EXISTS openweather_user; CREATE ROLE openweather_user; GRANT USAGE ON SCHEMA medallion TO openweather_user");
my $session = $stack->session;
my $refuses = sub {
	my ($sql, $code, $message, $name) = @_;
	my $result = $session->try($sql);

	is($result->{code}, $code, $name);
	like($result->{message}, $message, "$name: message") or diag($result->{text});
	return;
};
my $call = "SELECT status_code FROM medallion.openweather('{London}')";
$session->sql('SET ROLE openweather_user');
$refuses->($call, '42501', qr/permission denied for function/, 'no EXECUTE');
$refuses->("CREATE SERVER mine FOREIGN DATA WRAPPER openweather", '42501', qr/permission denied for foreign-data wrapper/, 'no USAGE on the wrapper');
$session->sql('RESET ROLE; GRANT EXECUTE ON FUNCTION medallion.openweather(text[], name) TO openweather_user; SET ROLE openweather_user');
$refuses->($call, '42501', qr/permission denied for foreign server/, 'no USAGE on the server');
$session->sql('RESET ROLE; GRANT USAGE ON FOREIGN SERVER openweather TO openweather_user; SET ROLE openweather_user');
$refuses->($call, '28000', qr/role "openweather_user" has no key for server "openweather"/, 'no user mapping');
$session->sql("CREATE USER MAPPING FOR CURRENT_USER SERVER openweather OPTIONS (api_key 'another0123456789')");
is($session->sql($call), 200, 'with all three');
is(($weather->requests('London'))[-1]{argument}{appid}, 'another0123456789', '... and its own key');
$session->sql('RESET ROLE; GRANT USAGE ON FOREIGN DATA WRAPPER openweather TO openweather_user; GRANT CREATE ON DATABASE ' . $stack->database . ' TO openweather_user; SET ROLE openweather_user');
$session->sql('CREATE SERVER mine FOREIGN DATA WRAPPER openweather');
$refuses->("ALTER SERVER mine OPTIONS (ADD ca_file '/etc/passwd')", '42501', qr/permission denied to set option "ca_file"/, 'a file of the server');
$session->sql('RESET ROLE; DROP SERVER mine CASCADE');
$refuses->("SELECT * FROM medallion.openweather('{x}', 'absent')", '42704', qr/server "absent" does not exist/, 'no such server');
$stack->s3_server('lake');
$refuses->("SELECT * FROM medallion.openweather('{x}', 'lake')", '42809', qr/not a server of openweather/, 'a server of another wrapper');
$stack->sql('DROP OWNED BY openweather_user; DROP ROLE openweather_user');

done_testing();
