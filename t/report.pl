# The report: every question has an answer for a role that only reads, and the page is well-formed, complete, and fetches
# nothing.
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin qw($Bin);
use lib $Bin;

use Dashboards;
use Test::More;

my $dashboards = Dashboards->new('report');
my $folder = tempdir('report-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my %reader = (PGUSER => $dashboards->reader);

sub slurp { my ($file) = @_; open my $in, '<:encoding(UTF-8)', $file or die "$file: $!"; local $/; return readline $in }

my ($status, $output) = $dashboards->command(\%reader, 'dashboards/report', "$folder/all.html");
is($status, 0, 'a role that only reads has all answers') or diag $output;
is($output, '', 'without a word');

my $page = slurp("$folder/all.html");
is(`python3 -c 'import sys, xml.etree.ElementTree as tree; tree.parse(sys.argv[1])' $folder/all.html 2>&1`, '', 'well-formed');
unlike($page, qr/<(?:script|link|img|iframe|object|embed)\b|\b(?:src|srcset|href)="(?!#)|url\(|\@import/, 'fetches nothing');
for my $question (glob "$Bin/../dashboards/*/*.sql")
{
	my ($title) = slurp($question) =~ /^-- title: (.*)$/m;
	like($page, qr{<h3>\Q$title\E</h3>}, $title);
}
like($page, qr{<h3>Checks</h3>.*<td>passed</td>}s, 'the role sees what came of checks');
my $total = $dashboards->stack->mariadb('SELECT FORMAT(SUM(CAST(order_item_subtotal AS DECIMAL(12,2))), 2) FROM retaildb.order_items'
	  . ' JOIN retaildb.orders ON order_id = order_item_order_id JOIN retaildb.customers ON customer_id = order_customer_id');
is($total, '34,322,619.93', 'the real RetailDB') if $ENV{RETAIL_DUMP};
like($page, qr{<p class="number">\Q$total\E<small>Revenue \(USD\)}, 'revenue is what MariaDB adds up');

# What it cannot answer leaves the page of the last time.
$dashboards->stack->sql('ALTER TABLE gold.sales_by_product RENAME TO sales_by_goods');
($status, $output) = $dashboards->command({}, 'dashboards/report', "$folder/all.html");
isnt($status, 0, 'a question that fails, fails the report');
like($output, qr{^report: question retail/top_products failed: .*sales_by_product}m, 'and is named');
is(slurp("$folder/all.html"), $page, 'the page is the last one');
is(join(' ', map { s{.*/}{}r } glob "$folder/*"), 'all.html', 'and nothing lies beside it');
$dashboards->stack->sql('ALTER TABLE gold.sales_by_goods RENAME TO sales_by_product');

# Text is text.
$dashboards->stack->sql(q{UPDATE gold.sales_by_department_daily SET department_name = '<b>"Fan" & Shop</b>' WHERE department_id = (SELECT min(department_id) FROM gold.sales_by_department_daily)});
($status, $output) = $dashboards->command({}, 'dashboards/report', "$folder/all.html", 'retail');
is($status, 0, 'one dashboard') or diag $output;
like(slurp("$folder/all.html"), qr/&lt;b&gt;&quot;Fan&quot; &amp; Shop&lt;\/b&gt;/, 'what PostgreSQL holds does not become HTML');

$dashboards->drop;
done_testing();
