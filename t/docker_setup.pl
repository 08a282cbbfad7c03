# What compose.yaml's service "setup" runs, here on a server that is not in a container: both pipelines and their schedules,
# also when it runs again, and a role for Metabase that sees no more than it should.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use Cluster;
use Kafka;
use S3;
use Stack;
use Test::More;

my $setup = "$Bin/../docker/setup.sql";

sub slurp { my ($file) = @_; open my $in, '<', $file or die "$file: $!"; local $/; return readline $in }

# The service has every variable that the scripts ask for.
my ($service) = slurp("$Bin/../compose.yaml") =~ /^x-addresses:(.*?)^services:.*?^  setup:(.*?)^  metabase:/ms ? "$1$2" : '';
my %asked = map { $_ => 1 } map { slurp($_) =~ /^\\getenv \w+ (\w+)/mg } $setup, map { "$Bin/../stack/$_.sql" } slurp($setup) =~ m{^\\ir \.\./stack/(\w+)\.sql}mg;
cmp_ok(scalar(keys %asked), '>', 8, 'variables: ' . join ' ', sort keys %asked);
is(join(' ', grep { $service !~ /^  +$_: /m } sort keys %asked), '', 'compose.yaml gives each');

sub drop_remote
{
	S3->new->drop($_) for qw(raw-retail-data silver-retail-data gold-retail-data raw-weather-data weather-silver-data);
	eval { Kafka->new->delete('weather') };
	return;
}

drop_remote();
my $cluster = Cluster->new;
open my $conf, '>>', "$cluster->{folder}/data/postgresql.conf" or die "postgresql.conf: $!";
print {$conf} "shared_preload_libraries = 'pg_cron'\ncron.database_name = 'test_docker_setup'\ncron.host = '127.0.0.1'\n";
close $conf;
$cluster->crash;
$cluster->start;

my $stack = Stack->new('docker_setup');
my $jobs = "SELECT schedule || ' ' || command FROM cron.job WHERE command LIKE 'CALL medallion.run%' ORDER BY 1";
local @ENV{qw(DEMO_OTHER_DATA OPENWEATHER_API_KEY METABASE_PASSWORD)} = ('false', '', "it's \"odd\"");
for my $time (qw(first second))
{
	my $file = "$cluster->{folder}/setup.out";
	is(system("$cluster->{bin}/psql -X -q -v ON_ERROR_STOP=1 -d test_docker_setup -f '$setup' >$file 2>&1"), 0, "the $time time") or diag(slurp($file));
	is($stack->sql($jobs), "* * * * * CALL medallion.run('weather')\n0 2 * * * CALL medallion.run('retail')", 'both are scheduled');
	is($stack->sql("SELECT string_agg(DISTINCT pipeline, ' ' ORDER BY pipeline) FROM medallion.run_history WHERE state = 'succeeded'"), 'retail weather', 'and have run');
}

for my $table (qw(gold.sales_by_department silver.customer_dim weather.weather_now))
{
	like($stack->sql("SET ROLE metabase; SELECT count(*) FROM $table"), qr/^[1-9]/, "Metabase reads $table");
}
for my $table (qw(bronze.orders weather.dead_letter weather.api_error medallion.run))
{
	is($stack->try("SET ROLE metabase; SELECT * FROM $table")->{code}, '42501', "and does not read $table");
}
is($stack->sql("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'metabase'"), 'metabase', 'and has a database of its own');

drop_remote();
undef $stack;    # before its server goes
$cluster->stop;
done_testing;
