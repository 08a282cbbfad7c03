# A backend or the whole server is killed at every step of landing. The next run finishes what was planned: each record of
# the topic is in one raw object and in the tables, once.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use Cluster;
use Stack;
use Test::More;
use Time::HiRes qw(sleep);
use Weather;

my $cluster = Cluster->new;
my $stack   = Stack->new('weather_crash', extensions => ['medallion']);
my $weather = Weather->new('weather_crash', $stack);

sub strike
{
	my ($how, $runner) = @_;

	if ($how eq 'postmaster')
	{
		$cluster->crash;
		$cluster->start;
	}
	else
	{
		kill 'KILL', $runner->pid;
	}
	$runner->receive(20);
	ok(defined Stack::until_true(sub { eval { $stack->sql('SELECT 1'); 1 } }, 30), 'the server is back');
	return;
}

# Nobody confirms, so COMMIT waits when it is written and not yet told.
sub confirm
{
	my ($name) = @_;

	$stack->sql("ALTER SYSTEM SET synchronous_standby_names = '$name'");
	$stack->sql('SELECT pg_reload_conf()');
	return;
}

sub wait_for
{
	my ($name, $pid, $event) = @_;

	return ok(defined Stack::until_true(sub { $stack->sql("SELECT count(*) FROM pg_stat_activity WHERE pid = $pid AND $event") ne '0' }, 60), $name);
}

# Where a run waits: a lock that is in its way, the objects that it has written by then, and whether it still has to land.
my @places = (
	['before the plan'            => 'LOCK TABLE medallion.weather_plan IN EXCLUSIVE MODE', 0],
	['after the plan'             => "ALTER FOREIGN TABLE lake_weather.raw OPTIONS (SET skip_unchanged 'true')", 0],
	['after the first of three'   => 'LOCK TABLE weather.weather_rt IN EXCLUSIVE MODE', 1],
	['after all uploads'          => 'SELECT FROM medallion.weather_position WHERE partition = 2 FOR UPDATE', 3],
	['during commit'              => 'SELECT FROM medallion.weather_position WHERE partition = 2 FOR UPDATE', 3],
	['after commit'               => 'LOCK TABLE medallion.weather_poll IN ACCESS EXCLUSIVE MODE', 3],
);

$weather->install;
for my $place (@places)
{
	my ($where, $lock, $written) = @$place;
	for my $how ('backend', 'postmaster')
	{
		my $name = "$how killed $where";
		my ($locker, $runner) = map { $stack->session } 1 .. 2;
		$weather->flood(300);
		my $objects = $weather->objects;
		$locker->sql("BEGIN; $lock");
		$runner->send("CALL medallion.run('weather')");
		my $pid = $runner->pid;
		wait_for("$name: it got there", $pid, "wait_event_type = 'Lock'");
		is($weather->objects - $objects, $written, "$name: objects that it has written");
		if ($where eq 'after the first of three')
		{
			is($stack->sql('SELECT count(*) FILTER (WHERE written), count(*) FROM medallion.weather_progress'), '1|3', "$name: others see how far it is");
			like($stack->try("SELECT * FROM medallion.$_()")->{text}, qr/ERROR:  55006: pipeline "weather" is running/, "$name: no $_ meanwhile")
			  for qw(adopt_objects quarantine_objects accept_gap accept_topic);
		}
		if ($where eq 'during commit')
		{
			confirm('nobody');
			$locker->sql('ROLLBACK');
			wait_for("$name: it waits", $pid, "wait_event = 'SyncRep'");
		}
		strike($how, $runner);
		confirm('') if $where eq 'during commit';
		$weather->run;
		is_deeply({$weather->differences}, {}, "$name: the next run makes it whole");
		is($weather->objects - $objects, 3, "$name: three objects");
		my $state = $weather->state;
		$weather->run for 1 .. 5;
		is($weather->state, $state, "$name: five runs without new records change nothing");
	}
}

# And anywhere.
for my $wait (0.02, 0.1, 0.2, 0.3)
{
	for my $how ('backend', 'postmaster')
	{
		my $runner = $stack->session;
		$weather->flood(20_000);
		$runner->send("CALL medallion.run('weather')");
		sleep $wait;
		strike($how, $runner);
		$weather->run;
		is_deeply({$weather->differences}, {}, "$how killed after $wait s: the next run makes it whole");
	}
}
$weather->drop;
undef $_ for $weather, $stack;
$cluster->stop;
done_testing();
