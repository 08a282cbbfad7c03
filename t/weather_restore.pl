# A database that was restored to an earlier state finds raw objects that it does not know, and says so, until they are
# adopted or moved aside; then each record counts once. The same for a database of which nothing is left, and for a copy in
# another cluster.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use Cluster;
use S3;
use Stack;
use Test::More;
use Weather;

my $cluster = Cluster->new;
my $stack   = Stack->new('weather_restore', extensions => ['medallion']);
my $weather = Weather->new('weather_restore', $stack, object_records => 100);
my $dump    = "$cluster->{folder}/dump.sql";

sub command
{
	my ($name, @arguments) = @_;

	return is(system("$cluster->{bin}/$name", @arguments), 0, $name);
}

sub restore_dump
{
	$stack->_postgres('DROP DATABASE ' . $stack->database . ' WITH (FORCE)');
	$stack->_postgres('CREATE DATABASE ' . $stack->database);
	return command('psql', '-qX', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-f', $dump, $stack->database);
}

# Nothing is landed, and nothing changes in the bucket, until somebody has decided.
sub stops
{
	my ($name) = @_;
	my @objects = $weather->objects;

	like($weather->fails, qr/55000: .*holds raw objects that pipeline "weather" does not know.*adopt_objects.*quarantine_objects/s, "$name: run stops") for 1 .. 2;
	is_deeply([$weather->objects], \@objects, "$name: the objects are as they were");
	return;
}

sub goes_on
{
	my ($name) = @_;

	$weather->run;
	is_deeply({$weather->differences}, {}, "$name: every record counts once");
	$weather->flood(150);
	$weather->run;
	is_deeply({$weather->differences}, {}, "$name: and so do new ones");
	return;
}

my %way = (
	adopt => sub {
		my ($name) = @_;
		my $adopted = $stack->sql('SELECT count(*), sum(records) FROM medallion.adopt_objects()');
		like($adopted, qr/^\d+\|\d+$/, "$name: adopted $adopted");
		unlike($adopted, qr/^0/, "$name: some");
	},
	quarantine => sub {
		my ($name) = @_;
		my @before = $weather->objects;
		my $moved = $stack->sql("SELECT count(*) FROM medallion.quarantine_objects() WHERE new_path LIKE 'quarantine/%/date=%'");
		cmp_ok($moved, '>', 0, "$name: $moved moved aside");
		is(scalar($weather->objects), @before - $moved, "$name: they are not there any more");
	},
);

$weather->install;
for my $what ('dump', 'base backup')
{
	for my $decision (sort keys %way)
	{
		my $name = "an older $what, $decision";
		my $backup = "$cluster->{folder}/backup";
		$weather->flood(400);
		$weather->run;
		if ($what eq 'dump') { command('pg_dump', '-f', $dump, $stack->database) }
		else { $cluster->_tool('pg_basebackup', '-D', $backup, '-c', 'fast', '-h', '127.0.0.1', '-p', $cluster->{port}, '-U', 'postgres') }
		$weather->flood(400);
		$weather->run;
		$weather->flood(100);
		$weather->run;
		if ($what eq 'dump') { restore_dump() }
		else
		{
			$cluster->_tool('pg_ctl', 'stop', '-s', '-m', 'immediate', '-D', "$cluster->{folder}/data");
			rename "$cluster->{folder}/data", "$cluster->{folder}/lost-$decision" or die "rename: $!";
			rename $backup, "$cluster->{folder}/data" or die "rename: $!";
			$cluster->start;
		}
		stops($name);
		$way{$decision}->($name);
		goes_on($name);
	}
}

# Nothing is left but the bucket and Kafka.
for my $decision (sort keys %way)
{
	my $name = "a new database, $decision";
	$stack->sql('DROP SCHEMA weather, bronze, source_weather, lake_weather CASCADE; SELECT medallion.drop_pipeline(\'weather\');' . $weather->install_sql);
	stops($name);
	$way{$decision}->($name);
	goes_on($name);
}

# What is adopted continues what has landed, or else nothing is.
my @objects = $weather->objects;
my ($newest) = $stack->sql('SELECT path FROM medallion.raw_object ORDER BY last_offset DESC LIMIT 1');
my $next = $stack->sql('SELECT next_offset FROM medallion.weather_position WHERE partition = 0');
my $beyond = sub { my ($first, $last) = @_; return sprintf 'date=2031-01-01/0-%020d-%020d.jsonl.zst', $next + $first, $next + $last };
for my $case (['overlaps others' => -5, 5, qr/overlaps others/], ['leaves a hole' => 10, 20, qr/no raw object holds offsets/])
{
	my ($what, $first, $last, $message) = @$case;
	my $path = $beyond->($first, $last);
	my $s3 = S3->new;
	$weather->kafka->flood($weather->topic, 60);
	$s3->put($weather->bucket('raw'), $path, $s3->get($weather->bucket('raw'), $newest));
	my $result = $stack->try('SELECT * FROM medallion.adopt_objects()');
	like($result->{text}, $message, "an object that $what is not adopted");
	$stack->sql('SELECT * FROM medallion.quarantine_objects()');
	$weather->run;
	is_deeply({$weather->differences}, {}, 'moved aside, it does no harm');
	$next = $stack->sql('SELECT next_offset FROM medallion.weather_position WHERE partition = 0');
}
my $path = $beyond->(0, 3);
S3->new->put($weather->bucket('raw'), $path, S3->new->get($weather->bucket('raw'), $newest));
like($stack->try('SELECT * FROM medallion.adopt_objects()')->{text}, qr/XX001: raw object .* does not hold what its name says/, 'nor one with other records');
$stack->sql('SELECT * FROM medallion.quarantine_objects()');

# A copy elsewhere must not write before somebody has said that it takes over.
command('pg_dump', '-f', $dump, $stack->database);
my $text = do { open my $in, '<', $dump or die "$dump: $!"; local $/; readline $in };
my $other = Cluster->new;
$stack->_postgres('CREATE DATABASE ' . $stack->database);
open my $psql, '|-', 'psql', '-qX', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', $stack->database or die "psql: $!";
print {$psql} $text;
ok(close $psql, 'restored in another cluster');
$weather->flood(50);
like($weather->fails, qr/55000: .*were written by another cluster.*adopt_cluster/s, 'another cluster: run stops');
cmp_ok($stack->sql('SELECT medallion.adopt_cluster()'), '>', 0, 'another cluster: adopted');
goes_on('another cluster');

$weather->drop;
undef $_ for $weather, $stack;
$_->stop for $other, $cluster;
done_testing();
