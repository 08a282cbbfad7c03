# After random inserts, updates and deletes in MySQL, orphans and parents left without children among them, silver and gold
# are what MariaDB computes from the source, and the numbers of changed rows that are reported are those of the rows.
# RANDOM_SEED=n repeats what a seed did.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use Retail;
use Stack;
use Test::More;

my $rounds = 6;
my $seed = $ENV{RANDOM_SEED} // time;
my $stack = Stack->new('retail_random', extensions => ['medallion']);
my $retail = Retail->new('retail_random', $stack, orders => 60);
my %next = map { $_ => 1_000_000 } qw(departments categories products customers orders order_items);

srand $seed;
note "RANDOM_SEED=$seed";

sub number { return int rand $_[0] }
sub one_of { return $_[number(scalar @_)] }
sub text { return "'" . one_of('', ' ', "it''s", 'Ä', 'a,b', 'NULL', 'x') . number(5) . "'" }
sub new_id { return $next{$_[0]}++ }

# Key of a row, or of none: a third of the references lead nowhere.
sub some_id
{
	my ($table, $key) = @_;

	return 900_000_000 + number(3) if !number(3);
	return "COALESCE((SELECT MIN(p.$key) FROM $table p WHERE p.$key >= " . number(70) . "), 0)";
}
sub day { return sprintf "'2014-%02d-%02d'", 1 + number(3), 1 + number(9) }
sub status { return "'" . one_of('COMPLETE', 'CLOSED', 'PENDING', 'CANCELED', ' ODD') . "'" }
sub money { return number(500) . '.' . sprintf('%02d', number(100)) }

# Statements by table: a new row, a change of some, and which to delete.
my %change = (
	departments => sub {
		return ('INSERT INTO departments VALUES (' . new_id('departments') . ', ' . text() . ')',
			'UPDATE departments SET department_name = ' . text() . ' WHERE department_id % 3 = ' . number(3),
			'DELETE FROM departments WHERE department_id % 7 = ' . number(7));
	},
	categories => sub {
		return ('INSERT INTO categories VALUES (' . join(', ', new_id('categories'), some_id('departments', 'department_id'), text()) . ')',
			'UPDATE categories SET category_department_id = ' . number(9) . ' WHERE category_id % 11 = ' . number(11),
			'DELETE FROM categories WHERE category_id % 13 = ' . number(13));
	},
	products => sub {
		return ('INSERT INTO products VALUES (' . join(', ', new_id('products'), some_id('categories', 'category_id'), text(), "''", money(), "''") . ')',
			'UPDATE products SET product_name = ' . text() . ', product_price = ' . money() . ' WHERE product_id % 17 = ' . number(17),
			'DELETE FROM products WHERE product_id % 19 = ' . number(19));
	},
	customers => sub {
		return ('INSERT INTO customers VALUES (' . join(', ', new_id('customers'), text(), text(), "'X'", "'X'", text(), text(), "'TX'", "'0123'") . ')',
			'UPDATE customers SET customer_lname = ' . text() . ", customer_state = '" . one_of('TX', 'CA', 'PR') . "' WHERE customer_id % 23 = " . number(23),
			'DELETE FROM customers WHERE customer_id % 29 = ' . number(29));
	},
	orders => sub {
		return ('INSERT INTO orders VALUES (' . join(', ', new_id('orders'), day(), some_id('customers', 'customer_id'), status()) . ')',
			'UPDATE orders SET order_status = ' . status() . ', order_date = ' . day() . ' WHERE order_id % 5 = ' . number(5),
			'DELETE FROM orders WHERE order_id % 9 = ' . number(9));
	},
	order_items => sub {
		return ('INSERT INTO order_items VALUES (' . join(', ', new_id('order_items'), some_id('orders', 'order_id'), some_id('products', 'product_id'),
				1 + number(5), money(), money()) . ')',
			'UPDATE order_items SET order_item_quantity = ' . (1 + number(5)) . ', order_item_subtotal = ' . money() . ' WHERE order_item_id % 7 = ' . number(7),
			'DELETE FROM order_items WHERE order_item_id % 8 = ' . number(8));
	});

sub change_source
{
	my @sql;

	for (1 .. 12)
	{
		my @choice = $change{one_of(sort keys %change)}->();
		push @sql, $choice[one_of(0, 0, 0, 1, 1, 2)];
	}
	$retail->mariadb(join('; ', @sql));
	return \@sql;
}

# The numbers of the last run, and those that comparing the tables with their copies from before it gives, where they differ
my $miscounted = <<'SQL';
CREATE FUNCTION pg_temp.keep() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	m record;
BEGIN
	DROP SCHEMA IF EXISTS kept CASCADE;
	CREATE SCHEMA kept;
	FOR m IN SELECT * FROM medallion.model_table t WHERE t.pipeline = 'retail' LOOP
		EXECUTE format('CREATE TABLE kept.%I AS TABLE %s', m.name, m.target);
	END LOOP;
END
$$;
CREATE FUNCTION pg_temp.miscounted() RETURNS TABLE (model name, counted text, reported text, logged text) LANGUAGE plpgsql AS $$
DECLARE
	m record;
	published boolean := (SELECT count(*) > 0 FROM medallion.model_change c WHERE c.run_id = (SELECT max(r.run_id) FROM medallion.run r));
BEGIN
	FOR m IN SELECT * FROM medallion.model_table t WHERE t.pipeline = 'retail' LOOP
		model := m.name;
		EXECUTE format('SELECT concat_ws('' '', count(*) FILTER (WHERE o IS NULL), count(*) FILTER (WHERE o <> n), count(*) FILTER (WHERE n IS NULL),
						(SELECT count(*) FROM %2$s)) FROM (SELECT %3$s, o::text AS o FROM kept.%1$I o) o FULL JOIN (SELECT %3$s, n::text AS n FROM %2$s n) n USING (%3$s)',
					   m.name, m.target, medallion.column_list(m.key)) INTO counted;
		SELECT concat_ws(' ', c.inserted, c.updated, c.deleted, c.rows) INTO reported
		FROM medallion.model_change c WHERE c.model = m.name AND c.run_id = (SELECT max(r.run_id) FROM medallion.run r);
		SELECT CASE WHEN l.note = medallion.describe_change(c.inserted, c.updated, c.deleted) AND l.rows = c.inserted + c.updated + c.deleted
					 AND p.rows = c.rows THEN NULL ELSE concat(l.note, ' ', p.rows) END INTO logged
		FROM medallion.model_change c LEFT JOIN medallion.step_log l ON (l.run_id, l.step, l.object) = (c.run_id, 'publish', m.target)
		LEFT JOIN medallion.publication p ON (p.pipeline, p.model) = ('retail', m.name)
		WHERE c.model = m.name AND c.run_id = (SELECT max(r.run_id) FROM medallion.run r);
		IF published AND (counted <> reported OR reported IS NULL OR logged IS NOT NULL) OR NOT published AND counted !~ '^0 0 0 ' THEN
			RETURN NEXT;
		END IF;
	END LOOP;
END
$$;
SQL

$retail->install;
my $session = $stack->session;
$session->sql('UPDATE medallion.source SET max_shrink = 1');
$session->sql($miscounted);
$session->sql('SELECT pg_temp.keep()');
for my $round (0 .. $rounds)
{
	my $sql = $round > 0 ? change_source() : [];
	$retail->run;
	my %wrong = $retail->differences;
	is_deeply(\%wrong, {}, "round $round: silver and gold are what MariaDB computes")
	  or diag join("\n", "RANDOM_SEED=$seed", @$sql);
	is($session->sql('SELECT * FROM pg_temp.miscounted()'), '', "round $round: the numbers of changed rows are the true ones")
	  or diag "RANDOM_SEED=$seed";
	$session->sql('SELECT pg_temp.keep()');
}
my %wrong = $retail->object_differences;
is_deeply(\%wrong, {}, 'every object equals its table');
cmp_ok($session->sql("SELECT count(*) FROM medallion.model_change WHERE run_id > 1 AND least(inserted, updated, deleted) > 0"), '>', 0,
	'rows of all kinds were among them');
$session->sql('DROP SCHEMA kept CASCADE');
$retail->drop;
done_testing();
