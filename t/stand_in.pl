# The tests' own tools do what they say: the stand-in for OpenWeather, brokers to kill, the mock cluster.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use Certificate;
use File::Temp qw(tempdir);
use HTTP::Tiny;
use Kafka;
use OpenWeather;
use Test::More;
use Time::HiRes qw(time);

# OpenWeather ----------------------------------------------------------------------------------------------------------

my $weather = OpenWeather->start;
my $http = HTTP::Tiny->new(timeout => 2, keep_alive => 0, max_size => 2_000_000);

sub get { my ($city) = @_; return $http->get($weather->url . "?q=$city&appid=key&units=metric") }

my $answer = get('New%20Delhi');
is($answer->{status}, 200, 'a city answers');
like($answer->{content}, qr/"temp":12\.35.*"name":"New Delhi"/, '... with a plausible reading');
my ($request) = $weather->requests('New Delhi');
is_deeply([@$request{qw(method path)}, @{$request->{argument}}{qw(q appid units)}],
	['GET', '/data/2.5/weather', 'New Delhi', 'key', 'metric'], '... and what it was asked is known');

$weather->answer('Oslo', status => 429, headers => {'Retry-After' => 7}, times => 2);
$answer = get('Oslo');
is("$answer->{status} $answer->{headers}{'retry-after'}", '429 7', 'too many requests');
like($answer->{content}, qr/"cod":429/, "... with OpenWeather's body");
get('Oslo');
is(get('Oslo')->{status}, 200, '... as often as it was told');
$weather->answer('*', status => 502);
is(get('Rome')->{headers}{'content-type'}, 'text/html', 'other errors come as a page');
is(get('Oslo')->{status}, 502, '... for all cities');
$weather->answer('Oslo', body => '{}');
is(get('Oslo')->{content}, '{}', 'but one that has an answer of its own');
$weather->answer('Rome', cut => 20);
is(get('Rome')->{status}, 599, 'an answer that is cut');
$weather->answer('Rome', close => 1);
is(get('Rome')->{status}, 599, 'none');
$weather->answer('Rome', size => 1_500_000, chunked => 1);
is(length get('Rome')->{content}, 1_500_000, 'a large one');
$weather->answer('Rome', hang => 1);
my $begun = time;
is(get('Rome')->{status}, 599, 'one that never comes');
cmp_ok(time - $begun, '>', 1.5, '... lasts');
is($weather->count('Oslo'), 5, 'requests were counted');
$weather->clear;
is($weather->count, 0, '... until cleared');

my $tls = Certificate->new(tempdir(CLEANUP => 1));
$tls->authority($_) for qw(ca other);
$tls->issue('good', by => 'ca');
my $secure = OpenWeather->start(certificate => $tls->file('good.pem'), key => $tls->file('good.key'));
my $url = $secure->url . '?q=Oslo';
for my $case ([$tls->file('ca.pem'), 200], [$tls->file('other.pem'), 599])
{
	my $client = HTTP::Tiny->new(verify_SSL => 1, SSL_options => {SSL_ca_file => $case->[0]});
	is($client->get($url)->{status}, $case->[1], "over TLS: $case->[1]");
}

# Kafka ----------------------------------------------------------------------------------------------------------------

my $kafka = Kafka->new;
my $topic = 'test_stand_in';
eval { $kafka->delete($topic) };
$kafka->create($topic, 2);
my %record = (partition => 1, timestamp => 1_700_000_000_123, key => "\0\xff", value => '', headers => ['a', undef, 'a', "\t\n"]);
is_deeply([$kafka->produce($topic, \%record, {partition => 1})], [[1, 0], [1, 1]], 'records are sent');
is_deeply([$kafka->read($topic)]->[0], {%record, offset => 0}, '... and read back byte by byte');
my $lost = $kafka->transaction($topic)->send({partition => 0, value => 'lost'});
$lost->abort;
my $kept = $kafka->transaction($topic)->send({partition => 0, value => 'kept'});
$kept->flush;
is(scalar($kafka->read($topic)), 2, 'a transaction that is open shows nothing');
$kept->commit;
is_deeply([map { [@$_{qw(offset value)}] } grep { !$_->{partition} } $kafka->read($topic)], [[2, 'kept']],
	'... that has ended shows what was committed');
$kafka->truncate($topic, 1, 1);
$kafka->grow($topic, 3);
is_deeply([$kafka->watermarks($topic)], [[0, 4], [1, 2], [0, 0]], 'records are lost, partitions are added');
$kafka->flood($topic, 999, cities => 20);
my @flood = grep { ($_->{value} // '') =~ /"_city"/ } $kafka->read($topic);
is(scalar(@flood), 999, 'a flood of weather');
$kafka->delete($topic);

my $own = Kafka->start;
$own->create('kept');
$own->produce('kept', {value => 'here'});
$own->kill;
$own->restart;
is(($own->read('kept'))[0]{value}, 'here', 'a broker that was killed comes back');

my $mock = Kafka->mock;
$mock->topic('t', 2);
$mock->do('error 0 -195 2');
is_deeply([$mock->produce('t', {partition => 1, value => 'x'})], [[1, 0]], 'the mock cluster hangs up twice, then takes a record');
ok(!eval { $mock->do('nonsense') }, '... and says what it does not understand');

done_testing();
