# dashboards/provision against a stand-in for Metabase: sets everything up, changes nothing the second time, updates what has
# changed, leaves alone what people have made, and tells no password.
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin qw($Bin);
use lib $Bin;

use Dashboards;
use Metabase;
use Test::More;

my @names = qw(retail weather operations);
my $dashboards = Dashboards->new('metabase', orders => 2000);
my $metabase = Metabase->start;
my %environment = (METABASE_URL => $metabase->url, METABASE_EMAIL => 'admin@medallion.example', METABASE_PASSWORD => 'not-told-1',
	METABASE_DB_USER => $dashboards->reader, METABASE_DB_PASSWORD => 'not-told-2');

# Runs it; in a copy of the checkout's files, so that questions can be changed.
my $copy = tempdir('dashboards-XXXXXX', TMPDIR => 1, CLEANUP => 1);
system('cp', '-R', "$Bin/../dashboards/.", $copy) == 0 or die 'cp';
sub provision
{
	my (%other) = @_;
	my ($status, $output) = $dashboards->command({%environment, %other}, "$copy/provision", @names);
	unlike($output, qr/not-told/, 'no password is told');
	return ($status, $output);
}

# What a second run might double
sub all_of { my ($kind) = @_; my $all = $metabase->call('GET', $kind); return grep { $_->{id} ne 'root' } @{ref $all eq 'HASH' ? $all->{data} : $all} }
sub writes { return grep { !m{/query$|/session$} } $metabase->requests(qr/^(?:POST|PUT)/) }

my %questions = map { $_ => scalar(my @files = glob "$copy/$_/*.sql") } @names;
my $count = 0;
$count += $_ for values %questions;

my ($status, $output) = provision();
is($status, 0, 'provisioned') or diag $output;
like($output, qr/^\d+ changes\.$/m, 'says what it made');
like($output, qr{Retail: $questions{retail} questions have answers: \Q$environment{METABASE_URL}\E/dashboard/\d+}, 'and where the dashboards are');
is(scalar(all_of('card')), $count, "$count questions");
is(scalar(all_of('dashboard')), scalar @names, 'each dashboard');
is(join(', ', map { $_->{name} } all_of('collection')), 'pg_medallion, Retail, Weather, Operations', 'in collections');
my ($database) = all_of('database');
is($database->{details}{user}, $dashboards->reader, 'the connection is of the role that reads');
for my $dashboard (map { $metabase->call('GET', "dashboard/$_->{id}") } all_of('dashboard'))
{
	is(scalar @{$dashboard->{dashcards}}, $questions{lc $dashboard->{name}}, "$dashboard->{name}: all questions are laid out");
}

# Each filter, set to a value that it offers, or to a day: every question that is tied to it has answers, of that value alone.
sub answers
{
	my ($card, $mapping, $type, @values) = @_;
	my $answer = $metabase->call('POST', "card/$card/query", {parameters => [{type => $type, target => $mapping->{target}, value => \@values}]});
	die "$answer->{error}" if $answer->{status} ne 'completed';
	return map { my $row = $_; +{map { $answer->{data}{cols}[$_]{name} => $row->[$_] } 0 .. $#$row} } @{$answer->{data}{rows}};
}
my %tied;
for my $dashboard (map { $metabase->call('GET', "dashboard/$_->{id}") } all_of('dashboard'))
{
	my %card = map { $_->{card_id} => $metabase->call('GET', "card/$_->{card_id}")->{name} } @{$dashboard->{dashcards}};
	for my $filter (@{$dashboard->{parameters}})
	{
		my ($name, $config) = @{$filter}{qw(name values_source_config)};
		my @mappings = grep { $_->{parameter_id} eq $filter->{id} } map { @{$_->{parameter_mappings}} } @{$dashboard->{dashcards}};
		my $value = $config
		  ? (map { $_->{$config->{value_field}[1]} } answers($config->{card_id}, {target => ['variable', ['template-tag', 'none']]}, 'string/='))[0] : '2013-09-15';
		ok(defined $value, "$name offers values");
		for my $mapping (@mappings)
		{
			my @rows = eval { answers($mapping->{card_id}, $mapping, $filter->{type}, $value) };
			is($@, '', "$dashboard->{name}, $card{$mapping->{card_id}}: $name = $value") or next;
			my @others = $config ? grep { exists $_->{$name} && $_->{$name} ne $value } @rows
			  : grep { exists $_->{Day} && ($name eq 'From' ? $_->{Day} lt $value : $_->{Day} gt $value) } @rows;
			is_deeply(\@others, [], 'of that value alone');
		}
		$tied{"$dashboard->{name}: $name"} = @mappings;
	}
}
is_deeply(\%tied, {'Retail: From' => 8, 'Retail: To' => 8, 'Weather: City' => 7, 'Operations: Pipeline' => 9}, 'filters');
my ($sold) = map { $_->{id} } grep { $_->{name} eq 'Units sold' } all_of('card');
my $first = {target => ['variable', ['template-tag', 'to']]};
cmp_ok((answers($sold, $first, 'date/single', '2013-07-26'))[0]{Units}, '<', (answers($sold, $first, 'date/single', '2099-01-01'))[0]{Units}, 'a total is of the days that are asked for');

$metabase->clear;
($status, $output) = provision();
is($status, 0, 'a second time') or diag $output;
like($output, qr/^Nothing to change\.$/m, 'finds nothing to change');
is_deeply([writes()], [], 'and writes nothing');
is(scalar(grep { m{/query$} } $metabase->requests), $count, 'but has each question answered');

# Somebody adds a text and a question of his own; a question changes, and one is shown differently.
my ($retail) = grep { $_->{name} eq 'Retail' } all_of('dashboard');
my $before = $metabase->call('GET', "dashboard/$retail->{id}")->{dashcards};
my @kept = map { my $d = $_; +{map { ($_ => $d->{$_}) } qw(id card_id row col size_x size_y)} } @$before;
$metabase->call('PUT', "dashboard/$retail->{id}", {dashcards => [@kept, {id => -1, row => 50, col => 0, size_x => 24, size_y => 2, visualization_settings => {text => 'Hello'}}]});
my ($folder) = grep { $_->{name} eq 'Retail' } all_of('collection');
my $own = $metabase->call('POST', 'card', {name => 'My own', display => 'table', visualization_settings => {}, collection_id => $folder->{id},
	dataset_query => {type => 'native', native => {query => 'SELECT 1'}, database => $database->{id}}});

sub change
{
	my ($file, $from, $to) = @_;
	open my $in, '<', "$copy/$file" or die "$file: $!";
	my $text = do { local $/; readline $in };
	$text =~ s/$from/$to/ or die "$file has no $from";
	open my $out, '>', "$copy/$file" or die "$file: $!";
	print {$out} $text;
	return;
}
change('retail/top_products.sql', qr/LIMIT 10/, 'LIMIT 5');
change('retail/units_sold.sql', qr/place: 15 0 5 3/, 'place: 15 0 4 3');
change('weather/dashboard.txt', qr/City \(now\)/, 'City (days)');
$metabase->clear;
($status, $output) = provision();
is($status, 0, 'after changes') or diag $output;
like($output, qr/card "Top 10 products" changed: dataset_query$/m, 'the changed question is updated');
like($output, qr/dashboard "Retail" laid out: 1 of $questions{retail} questions$/m, 'the moved one is moved');
like($output, qr/dashboard "Weather" laid out: 0 of $questions{weather} questions, 1 of 1 filters$/m, 'the filter takes its values elsewhere');
like($output, qr/^3 changes\.$/m, 'nothing else is');
my $after = $metabase->call('GET', "dashboard/$retail->{id}")->{dashcards};
is(scalar @$after, @$before + 1, 'the text is still on the dashboard');
is_deeply([sort map { $_->{id} } grep { $_->{card_id} } @$after], [sort map { $_->{id} } @$before], 'the others have kept their numbers');
is($metabase->call('GET', "card/$own->{id}")->{name}, 'My own', 'the question of somebody else is still there');

# Filters that are no filters
change('weather/dashboard.txt', qr/City \(days\)/, 'Town (days)');
($status, $output) = provision();
isnt($status, 0, 'a filter whose values nobody has');
like($output, qr{^provision: .*/weather/dashboard\.txt: no question "days" has a column "Town"}m, 'is named');
change('weather/dashboard.txt', qr/Town \(days\)/, 'City (now)');
change('weather/now.sql', qr/\[\[WHERE city IN \(\{\{city\}\}\)\]\]/, 'WHERE city IN ({{city}})');
($status, $output) = provision();
isnt($status, 0, 'a clause that is not optional');
like($output, qr{/weather/now\.sql: what depends on a filter stands between \[\[ and \]\]}, 'is refused');
change('weather/now.sql', qr/WHERE city IN \(\{\{city\}\}\)/, '[[WHERE city IN ({{city}})]]');

# Faults
@names = qw(retail);
($status, $output) = provision(METABASE_PASSWORD => 'not-told-3');
isnt($status, 0, 'a wrong password fails');
like($output, qr{^provision: Metabase refused POST /api/session: 401}m, 'and says so');
($status, $output) = provision(METABASE_DB_USER => 'nobody_here');
isnt($status, 0, 'a role that does not exist fails');
like($output, qr{Metabase refused PUT /api/database/\d+: 400.*nobody_here}, 'and says so');
change('retail/orders.sql', qr/sum\(total_orders\)/, 'sum(no_such_column)');
($status, $output) = provision();
isnt($status, 0, 'a question that fails, fails');
like($output, qr{question retail/orders failed in Metabase: .*no_such_column}, 'and is named');
change('retail/orders.sql', qr/sum\(no_such_column\)/, 'sum(total_orders)');
change('retail/top_products.sql', qr/LIMIT 5/, 'LIMIT 0');
($status, $output) = provision();
isnt($status, 0, 'so does one without rows');
like($output, qr{question retail/top_products has no rows in Metabase}, 'and is named');
change('retail/top_products.sql', qr/LIMIT 0/, 'LIMIT 10');

# A release that tells queries in the older form; a key instead of a password
my $older = Metabase->start(legacy => 1);
$environment{METABASE_URL} = $older->url;
provision();
$older->clear;
($status, $output) = provision(METABASE_API_KEY => 'key-of-the-test', METABASE_EMAIL => '', METABASE_PASSWORD => '');
is($status, 0, 'an older release, with a key') or diag $output;
like($output, qr/^Nothing to change\.$/m, 'finds nothing to change');
is(scalar($older->requests(qr/session/)), 0, 'and has not logged in');

$_->stop for $metabase, $older;
$dashboards->drop;
done_testing();
