# Gold and silver equal what MariaDB computes from the source with DECIMAL, and where the source is the real RetailDB, gold
# equals the published figures that lie beside its dump. A second run changes nothing.
use strict;
use warnings;

use File::Basename qw(dirname);
use File::Spec;
use FindBin qw($Bin);
use lib $Bin;

use Retail;
use Stack;
use Test::More;

my $stack  = Stack->new('retail_equal', extensions => ['medallion']);
my $retail = Retail->new('retail_equal', $stack);

$retail->install;
$retail->run;
my %wrong = $retail->differences;
is_deeply(\%wrong, {}, 'every silver and gold table equals what MariaDB computes');
%wrong = $retail->object_differences;
is_deeply(\%wrong, {}, 'every object equals its table');
is($stack->sql(<<'SQL'), 't', 'the days of the departments sum up to the departments and to the days');
SELECT (SELECT sum(total_revenue) FROM gold.sales_by_department_daily) = (SELECT sum(total_revenue) FROM gold.sales_by_department)
   AND NOT EXISTS (SELECT order_date, sum(total_revenue) FROM gold.sales_by_department_daily GROUP BY 1
				   EXCEPT SELECT order_date, total_revenue FROM gold.orders_time_series)
SQL

$retail->run;
is($stack->sql("SELECT string_agg(step || ' ' || state, ', ' ORDER BY started_at) FROM medallion.step_run WHERE run_id = 2"),
	'ingest succeeded, build unchanged, check unchanged, publish unchanged, export unchanged', 'the second run finds nothing to do');
is($stack->sql("SELECT DISTINCT note FROM medallion.step_log WHERE run_id = 2"), 'unchanged', 'and writes no object');

# Lines of a CSV file as lists
sub csv
{
	my ($file) = @_;

	open my $in, '<:raw', $file or die "$file: $!";
	return map { chomp; [map { s/^"(.*)"\z/$1/s ? s/""/"/gr : $_ } /\G(?:^|,)("(?:[^"]|"")*"|[^,]*)/g] } <$in>;
}

my %figures = (
	sales_by_department   => [sales_by_department   => qw(department_id department_name total_quantity total_revenue)],
	sales_by_category     => [sales_by_category     => qw(category_id category_name total_quantity total_revenue)],
	sales_by_product      => [sales_by_product      => qw(product_id product_name total_quantity total_revenue)],
	sales_by_customer     => [sales_by_customer     => qw(customer_id customer_fname customer_lname total_orders total_revenue)],
	orders_time_series    => [orders_time_series    => qw(order_date orders_all total_orders=orders_with_items total_revenue)],
	sales_by_order_status => [sales_by_order_status => qw(order_status orders_all total_orders=orders_with_items total_quantity total_revenue)],
	sales_by_region       => [sales_by_customer_state => qw(customer_state total_orders=orders total_quantity total_revenue)],
);
my $expected = $ENV{RETAIL_DUMP} ? dirname(File::Spec->rel2abs($ENV{RETAIL_DUMP}, dirname($Bin))) . '/expected' : undef;
if (defined $expected && -d $expected)
{
	for my $table (sort keys %figures)
	{
		my ($file, @columns) = @{$figures{$table}};
		my ($head, @lines) = csv("$expected/$file.csv");
		my %at = map { $head->[$_] => $_ } 0 .. $#$head;
		my @wanted = sort map { my $line = $_; join "\t", map { $line->[$at{s/.*=//r}] } @columns } @lines;
		my $list = join ', ', map { s/=.*//r } @columns;
		my @found = sort split /\n/, $stack->sql("SELECT concat_ws(E'\\t', $list) FROM gold.$table");
		is_deeply(\@found, \@wanted, "$table is as published");
	}
	is($stack->sql('SELECT sum(total_revenue) FROM gold.sales_by_department'), '34322619.93', 'to the cent');
}
$retail->drop;
done_testing();
