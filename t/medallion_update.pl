# A database of release 0.1 that is updated has what a new one has: the same catalog, the rows that were there, and
# pipelines that run on. What a user has granted and built upon it stays.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use Cluster;
use JSON::PP qw(decode_json);
use Kafka;
use S3;
use Stack;
use Test::More;

my $old     = '0.1';
my $name    = 'medallion_update';
my @buckets = map { $_ =~ tr/_/-/r } map({ "${name}_$_" } qw(raw silver gold)), map { "test_${name}_$_" } qw(raw silver);
my $cluster = Cluster->new;
my $stack   = Stack->new($name, extensions => ["medallion VERSION '$old'"]);

sub psql
{
	my ($database, @arguments) = @_;

	open my $out, '-|', "$cluster->{bin}/psql", '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $database, @arguments or die "psql: $!";
	my $text = do { local $/; readline($out) // '' };
	ok(close $out, "psql @arguments");
	return $text;
}

# name => definition
sub catalog { my ($database) = @_; return decode_json(psql($database, '-f', "$Bin/catalog.sql")) }

# What the tables hold, in the columns that the old release has.
sub contents
{
	my ($columns) = @_;

	return {map { my ($table, $list) = split /\|/; $table => $stack->sql("SELECT coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '') FROM (SELECT $list FROM $table) t") }
		  split /\n/, $columns};
}

sub drop_remote
{
	my $s3 = S3->new;

	$s3->drop($_) for @buckets;
	eval { Kafka->new->delete("test-$name" =~ tr/_/-/r) };
	return;
}

# Functions of the library, with what they take and give.
sub symbols
{
	my ($database) = @_;
	my %symbol;

	push @{$symbol{$_->[0]}}, $_->[1] for map { [split /\|/, $_, 2] } split /\n/, psql($database, '-c',
		"SELECT p.prosrc, concat_ws(' ', oidvectortypes(p.proargtypes), p.proallargtypes, p.prorettype, p.proretset) FROM pg_proc p"
		  . " JOIN pg_language l ON l.oid = p.prolang WHERE l.lanname = 'c' AND p.pronamespace = 'medallion'::regnamespace ORDER BY 1, 2");
	return {map { $_ => "@{$symbol{$_}}" } keys %symbol};
}

# A database as its users left it. The new library serves it, or says what to do.
psql($stack->database, '-o', '/dev/null', '-f', "$Bin/medallion_$old.sql");
my $columns = $stack->sql(<<'SQL');
SELECT c.oid::regclass, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
 WHERE c.relkind = 'r' AND c.relnamespace::regnamespace::text IN ('medallion', 'silver', 'gold', 'weather') GROUP BY c.oid
SQL
my $before = contents($columns);
cmp_ok(scalar(grep { length } values %$before), '>', 25, 'tables with rows');
my $symbols = symbols($stack->database);
like($stack->try("CALL medallion.run('retail')")->{text}, qr/55000: extension "medallion" is older than its library.*ALTER EXTENSION medallion UPDATE/s,
	'before the update');
$stack->sql('ALTER EXTENSION medallion UPDATE');
is_deeply(contents($columns), $before, 'every row is there, as it was');
is($stack->sql('SELECT count(*) FROM public.failures'), 0, 'a user\'s view stays');

# The same catalog
$stack->sql('CREATE DATABASE new');
psql('new', '-c', 'SET client_min_messages = warning; CREATE EXTENSION medallion CASCADE');
my ($updated, $new) = map { catalog($_) } $stack->database, 'new';
cmp_ok(scalar(keys %$new), '>', 500, 'the catalog lists what there is');
my %all       = (%$updated, %$new);
my @different = grep { ($updated->{$_} // '') ne ($new->{$_} // '') } sort keys %all;
is("@different", '', 'and is the same in both');
diag("$_\n  updated:\n", $updated->{$_} // '(not there)', "\n  new:\n", $new->{$_} // '(not there)') for @different;
my $called = symbols('new');
is(join(' ', grep { exists $called->{$_} && $called->{$_} ne $symbols->{$_} } sort keys %$symbols), '',
	'a function in C whose arguments changed has another name');
is($stack->sql("SELECT extversion FROM pg_extension WHERE extname = 'medallion'"),
	$stack->sql("SELECT default_version FROM pg_available_extensions WHERE name = 'medallion'"), 'the version is the newest');

# Both pipelines run on, with the stores empty: what the ledgers name is written again, and of the topic they know more than it has.
drop_remote();
$stack->mariadb("DROP DATABASE IF EXISTS $name; CREATE DATABASE $name CHARACTER SET utf8mb4; USE $name; "
	  . do { open my $in, '<', "$Bin/retail_small.sql" or die $!; local $/; readline $in });
$stack->sql("ALTER SERVER retaildb OPTIONS (SET host '$ENV{MYSQL_HOST}', SET port '$ENV{MYSQL_PORT}')");
$stack->sql("ALTER SERVER lake OPTIONS (SET endpoint '$ENV{S3_ENDPOINT}')");
$stack->sql("ALTER SERVER kafka OPTIONS (SET brokers '$ENV{KAFKA_BROKERS}')");
$stack->sql('CREATE USER MAPPING FOR CURRENT_USER SERVER kafka; CREATE USER MAPPING FOR CURRENT_USER SERVER lake ' . $stack->s3_login
	  . '; CREATE USER MAPPING FOR CURRENT_USER SERVER retaildb OPTIONS (username ' . Stack::quote($ENV{MYSQL_USER}) . ', password ' . Stack::quote($ENV{MYSQL_PWD}) . ')');
S3->new->make($_) for @buckets;
$stack->sql('SELECT medallion.adopt_cluster()');
my $gold = $stack->sql('SELECT string_agg(d::text, \' \' ORDER BY d) FROM gold.sales_by_department d');
$stack->mariadb("UPDATE $name.departments SET department_name = 'Fit' WHERE department_id = 2");
is($stack->sql("SET medallion.progress = off; CALL medallion.run('retail')", 120), '4|succeeded', 'retail runs on');
is($stack->sql('SELECT string_agg(d::text, \' \' ORDER BY d) FROM gold.sales_by_department d'), $gold =~ s/Fitness/Fit/r, 'and publishes');
Kafka->new->create("test-$name" =~ tr/_/-/r, 3);
like($stack->try("CALL medallion.run('weather')")->{text}, qr/accept_topic/, 'weather knows how far it had read');
$stack->sql("SELECT medallion.accept_topic('weather')");
$stack->sql("CALL medallion.run('weather')", 120);
is($stack->sql("SELECT count(*) FROM weather.weather_rt WHERE window_start < '2026-01-02'"), 12, 'weather runs on: its windows stay');

# What a user has granted stays, and is dumped as the user's.
$stack->sql('CREATE ROLE loader; CREATE DATABASE granted');
psql('granted', '-c', "SET client_min_messages = warning; CREATE EXTENSION medallion VERSION '$old' CASCADE",
	'-c', 'GRANT EXECUTE ON ALL ROUTINES IN SCHEMA medallion TO loader', '-c', 'ALTER EXTENSION medallion UPDATE');
open my $dump, '-|', "$cluster->{bin}/pg_dump", '--schema-only', 'granted' or die "pg_dump: $!";
my $grants = grep { /^GRANT ALL ON (FUNCTION|PROCEDURE) medallion\..* TO loader;/ } readline $dump;
cmp_ok($grants, '>', 150, "grants in the dump: $grants");

drop_remote();
$stack->mariadb("DROP DATABASE $name");
undef $stack;    # before its server goes
$cluster->stop;
done_testing;
