# While the pipeline reloads its tables ten times, readers never wait, never see an empty or a half table, and each
# snapshot that they take is one state: the fact's sum is the sum of every gold table.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use Retail;
use Stack;
use Test::More;
use Time::HiRes qw(time);

use constant RELOADS => 10;

my $stack  = Stack->new('retail_readers', extensions => ['medallion']);
my $retail = Retail->new('retail_readers', $stack, orders => 6000);
my $look   = <<'SQL';
SELECT (SELECT sum(order_item_subtotal) FROM silver.orders_fact), (SELECT sum(order_total) FROM silver.order_dim),
	(SELECT sum(total_revenue) FROM gold.sales_by_customer), (SELECT sum(total_revenue) FROM gold.sales_by_product),
	(SELECT sum(total_revenue) FROM gold.sales_by_category), (SELECT sum(total_revenue) FROM gold.sales_by_department),
	(SELECT sum(total_revenue) FROM gold.sales_by_department_daily), (SELECT sum(total_revenue) FROM gold.sales_by_region),
	(SELECT sum(total_revenue) FROM gold.sales_by_order_status), (SELECT sum(total_revenue) FROM gold.orders_time_series)
SQL

# A reader looks until told to stop, then tells: looks, states seen, looks that were not one state, errors, longest wait.
sub reader
{
	pipe(my $told, my $tell) or die "pipe: $!";
	pipe(my $stopped, my $stop) or die "pipe: $!";
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		close $stop;
		my $session = $stack->session;
		my ($looks, $odd, $errors, $longest, %state) = (0, 0, 0, 0);
		my $bits = '';
		vec($bits, fileno $stopped, 1) = 1;
		$session->sql("SET lock_timeout = '100ms'");
		until (select my $ready = $bits, undef, undef, 0)
		{
			my $result = $session->try($look, 60);
			$looks++;
			$errors++ if defined $result->{code};
			$longest = $result->{seconds} if $result->{seconds} > $longest;
			my ($first, @rest) = split /\|/, $result->{out}, -1;
			$odd++ if !length $first || $first == 0 || grep { $_ ne $first } @rest;
			$state{$first}++;
		}
		print {$tell} join(' ', $looks, scalar(keys %state), $odd, $errors, $longest), "\n";
		close $tell;
		$session->quit;
		POSIX::_exit(0);
	}
	close $_ for $tell, $stopped;
	return {pid => $pid, told => $told, stop => $stop};
}

$retail->install;
$retail->run;
my @readers = map { reader() } 1 .. 2;
for my $round (1 .. RELOADS)
{
	$retail->mariadb('UPDATE order_items SET order_item_quantity = order_item_quantity + 1,'
		  . " order_item_subtotal = ROUND(order_item_subtotal + order_item_product_price, 2) WHERE order_item_id % @{[RELOADS]} = $round - 1;"
		  . " DELETE FROM orders WHERE order_id = $round");
	$retail->run;
}
for my $reader (@readers)
{
	syswrite $reader->{stop}, 'x';
	my ($looks, $states, $odd, $errors, $longest) = split ' ', readline $reader->{told};
	waitpid $reader->{pid}, 0;
	cmp_ok($looks, '>', RELOADS, "a reader looked $looks times, at most " . sprintf('%.2f s', $longest));
	cmp_ok($states, '>', 1, "it saw $states states");
	is($odd, 0, 'each of them whole');
	is($errors, 0, 'and never waited for a lock');
}
my %wrong = $retail->differences;
is_deeply(\%wrong, {}, 'the last state is the source\'s');
$retail->drop;
done_testing();
