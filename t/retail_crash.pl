# A backend or the whole server is killed at every step of the pipeline. What readers then find is the state before or the
# one after, whole; the next run repairs everything.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use Cluster;
use Retail;
use Stack;
use Test::More;
use Time::HiRes qw(sleep);

my $cluster = Cluster->new;
my $stack   = Stack->new('retail_crash', extensions => ['medallion']);
my $retail  = Retail->new('retail_crash', $stack, orders => 500);
my $round   = 0;

sub change
{
	$round++;
	return $retail->mariadb('UPDATE order_items SET order_item_quantity = order_item_quantity + 1,'
		  . " order_item_subtotal = ROUND(order_item_subtotal + order_item_product_price, 2) WHERE order_item_id % 50 = $round;"
		  . " DELETE FROM orders WHERE order_id = $round");
}

sub sums
{
	return $stack->sql('SELECT (SELECT sum(order_item_subtotal) FROM silver.orders_fact), (SELECT sum(total_revenue) FROM gold.sales_by_region),'
		  . ' (SELECT sum(total_revenue) FROM gold.orders_time_series)');
}

# Kill what runs the pipeline, wait until the server is back.
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

sub repaired
{
	my ($name) = @_;
	my @sums = split /\|/, sums();

	is($sums[0], $sums[1], "$name: readers find one state");
	is($sums[0], $sums[2], "$name: everywhere");
	$retail->run;
	my %wrong = ($retail->differences, $retail->object_differences);
	is_deeply(\%wrong, {}, "$name: the next run repairs everything");
	return;
}

$retail->install;
$retail->run;

# Where the pipeline waits for a table that somebody has locked: in which step, and what the next run must still do.
my @places = (
	[ingest  => 'medallion.object',             sub { change() }],
	[build   => 'work_retail._mark',            sub { change() }],
	[publish => 'gold.sales_by_region',         sub { change() }],
	[publish => 'medallion.publication',        sub { change() }],
	[export  => 'silver.order_dim',
		sub { $stack->sql("SELECT fdw_s3_delete('lake', '@{[$retail->bucket('silver')]}', t || '/part-00000.csv') FROM unnest('{orders_fact,order_dim}'::text[]) t") }],
);
for my $place (@places)
{
	my ($step, $table, $prepare) = @$place;
	for my $how ('backend', 'postmaster')
	{
		my $name = "$how killed in $step, at $table";
		my ($locker, $runner) = map { $stack->session } 1 .. 2;
		$prepare->();
		my $mode = $step eq 'export' ? 'ACCESS EXCLUSIVE' : 'EXCLUSIVE';
		$locker->sql("BEGIN; LOCK TABLE $table IN $mode MODE");
		$runner->send("CALL medallion.run('retail')");
		my $pid = $runner->pid;
		ok(defined Stack::until_true(sub { $stack->sql("SELECT count(*) FROM pg_locks WHERE pid = $pid AND NOT granted") ne '0' }, 60),
			"$name: it got there");
		is($stack->sql('SELECT step FROM medallion.step_run WHERE state = \'running\' ORDER BY run_id DESC LIMIT 1'), $step, "$name: that step runs");
		strike($how, $runner);
		repaired($name);
	}
}

# And anywhere.
for my $wait (0.05, 0.2, 0.5)
{
	for my $how ('backend', 'postmaster')
	{
		my $runner = $stack->session;
		change();
		$runner->send("CALL medallion.run('retail')");
		sleep $wait;
		strike($how, $runner);
		repaired("$how killed after $wait s");
	}
}
$retail->drop;
undef $_ for $retail, $stack;
$cluster->stop;
done_testing();
