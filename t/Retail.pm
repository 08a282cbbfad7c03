# What the TAP tests of the retail pipeline share: a RetailDB of the test's own, the pipeline on it, and what gold should
# hold, computed by MariaDB in DECIMAL from the source.
#
#   my $retail = Retail->new('retail_x', $stack, orders => 5000);   # MariaDB database retail_x: a part of retaildb
#   $retail->install; $retail->run;
#   my %wrong = $retail->differences;                               # table => first line that differs
#   $retail->drop;
package Retail;

use strict;
use warnings;

use S3;
use Stack;

my @tables = qw(departments categories products customers orders order_items);

# What MariaDB makes of the source. {fact} and {order} are computed once per look; text is trimmed, groups are binary.
my %gold = (
	sales_by_customer => 'SELECT customer_id, MAX(customer_fname), MAX(customer_lname), COUNT(DISTINCT order_id),'
	  . ' SUM(subtotal) FROM {fact} GROUP BY customer_id',
	sales_by_product => "SELECT COALESCE(product_id, -1), COALESCE(MAX(product_name), '(unknown)'), SUM(quantity), SUM(subtotal)"
	  . ' FROM {fact} GROUP BY product_id',
	sales_by_category => "SELECT COALESCE(category_id, -1), COALESCE(MAX(category_name), '(unknown)'), SUM(quantity), SUM(subtotal)"
	  . ' FROM {fact} GROUP BY category_id',
	sales_by_department => "SELECT COALESCE(department_id, -1), COALESCE(MAX(department_name), '(unknown)'), SUM(quantity),"
	  . ' SUM(subtotal) FROM {fact} GROUP BY department_id',
	sales_by_department_daily => "SELECT COALESCE(department_id, -1), DATE(order_date), COALESCE(MAX(department_name), '(unknown)'),"
	  . ' SUM(quantity), SUM(subtotal) FROM {fact} GROUP BY department_id, DATE(order_date)',
	sales_by_region => 'SELECT MAX(customer_state), COUNT(DISTINCT order_id), SUM(quantity), SUM(subtotal) FROM {fact}'
	  . ' GROUP BY BINARY customer_state',
	sales_by_order_status => 'SELECT MAX(o.status), COUNT(DISTINCT o.order_id), COUNT(DISTINCT f.order_id),'
	  . ' COALESCE(SUM(f.quantity), 0), COALESCE(SUM(f.subtotal), 0) FROM {order} o LEFT JOIN {fact} f ON f.order_id = o.order_id'
	  . ' GROUP BY BINARY o.status',
	orders_time_series => 'SELECT DATE(o.order_date), COUNT(DISTINCT o.order_id), COUNT(DISTINCT f.order_id),'
	  . ' COALESCE(SUM(f.subtotal), 0) FROM {order} o LEFT JOIN {fact} f ON f.order_id = o.order_id GROUP BY 1',
);
my %silver = (
	orders_fact => 'SELECT order_item_id, order_id, order_date, status, customer_id, customer_fname, customer_lname, customer_city,'
	  . ' customer_state, product_id, product_name, category_id, category_name, department_id, department_name, quantity, price,'
	  . ' subtotal FROM {fact}',
	orders_fact_rejected => 'SELECT i.order_item_id, i.order_item_order_id, i.order_item_product_id, i.order_item_quantity,'
	  . ' CAST(i.order_item_subtotal AS DECIMAL(12,2)), CAST(i.order_item_product_price AS DECIMAL(12,2)),'
	  . " CONCAT(IF(o.order_id IS NULL, 'order', 'customer'), ' does not exist') FROM {source}.order_items i"
	  . ' LEFT JOIN {source}.orders o ON o.order_id = i.order_item_order_id LEFT JOIN {source}.customers c ON c.customer_id = o.order_customer_id'
	  . ' WHERE c.customer_id IS NULL',
	order_dim => 'SELECT o.order_id, o.order_date, o.status, o.customer_id, COUNT(f.order_id), COALESCE(SUM(f.subtotal), 0)'
	  . ' FROM {order} o LEFT JOIN {fact} f ON f.order_id = o.order_id GROUP BY o.order_id',
	customer_dim => 'SELECT customer_id, TRIM(customer_fname), TRIM(customer_lname), TRIM(customer_email), TRIM(customer_street),'
	  . ' TRIM(customer_city), TRIM(customer_state), TRIM(customer_zipcode) FROM {source}.customers',
	product_dim => 'SELECT p.product_id, TRIM(p.product_name), CAST(p.product_price AS DECIMAL(12,2)), c.category_id, TRIM(c.category_name)'
	  . ' FROM {source}.products p LEFT JOIN {source}.categories c ON c.category_id = p.product_category_id',
	category_dim => 'SELECT c.category_id, TRIM(c.category_name), d.department_id, TRIM(d.department_name)'
	  . ' FROM {source}.categories c LEFT JOIN {source}.departments d ON d.department_id = c.category_department_id',
	department_dim => 'SELECT department_id, TRIM(department_name) FROM {source}.departments',
);

# With "orders", the source is a copy that the test may change, of so many orders; without, retaildb itself.
sub new
{
	my ($class, $name, $stack, %option) = @_;
	my $self = bless {name => $name, stack => $stack, source => 'retaildb'}, $class;

	$stack->mariadb("DROP DATABASE IF EXISTS $name; CREATE DATABASE $name CHARACTER SET utf8mb4");
	return $self if !$option{orders};
	$self->{source} = $name;
	for my $table (@tables)
	{
		my $key = {orders => 'order_id', order_items => 'order_item_order_id'}->{$table};
		my $some = $key ? "WHERE $key <= $option{orders}" : '';
		$stack->mariadb("CREATE TABLE $name.$table LIKE retaildb.$table; INSERT INTO $name.$table SELECT * FROM retaildb.$table $some");
	}
	return $self;
}

sub mariadb
{
	my ($self, $sql) = @_;

	return $self->{stack}->mariadb("USE $self->{source}; $sql");
}

# The servers, and the pipeline with buckets of the test's own.
sub install
{
	my ($self) = @_;
	my $stack = $self->{stack};

	$stack->sql('CREATE SERVER retaildb FOREIGN DATA WRAPPER fdw_mysql ' . $stack->mysql(dbname => $self->{source}));
	$stack->sql('CREATE USER MAPPING FOR CURRENT_USER SERVER retaildb OPTIONS (username '
		  . Stack::quote($ENV{MYSQL_USER}) . ', password ' . Stack::quote($ENV{MYSQL_PWD}) . ')');
	$stack->s3_server('lake');
	return $stack->sql('SELECT medallion.install_retail(\'retaildb\', \'lake\', '
		  . join(', ', map { "${_}_bucket => '" . $self->bucket($_) . "'" } qw(raw silver gold)) . ')');
}

sub bucket
{
	my ($self, $layer) = @_;

	return $self->{name} =~ tr/_/-/r . "-$layer";
}

sub run { return $_[0]->{stack}->sql('CALL medallion.run(\'retail\')', 300) }

# Tables of silver and gold that are not what MariaDB computes, with a line that only one of the two has.
sub differences
{
	my ($self) = @_;
	my $session = $self->{stack}->session;
	my %wrong;

	$self->_look;
	for my $table (sort(keys %gold), sort keys %silver)
	{
		my $schema = $gold{$table} ? 'gold' : 'silver';
		my %line;
		$line{$_}++ for split /\n/, $self->{stack}->mariadb($self->_source($gold{$table} // $silver{$table}));
		$line{$_}-- for split /\n/, _rows($session, "$schema.$table");
		my ($odd) = grep { $line{$_} } sort keys %line;
		$wrong{"$schema.$table"} = $odd if defined $odd;
	}
	return %wrong;
}

# The objects say what the tables say.
sub object_differences
{
	my ($self) = @_;
	my $session = $self->{stack}->session;
	my %wrong;

	for my $table (sort(keys %gold), sort keys %silver)
	{
		my $schema = $gold{$table} ? 'gold' : 'silver';
		my $columns = $session->sql("SELECT medallion.column_list(medallion.data_columns('lake_$schema.$table'))");
		my ($in, $out) = ("SELECT $columns FROM lake_$schema.$table", "SELECT $columns FROM $schema.$table");
		my $count = $session->sql("SELECT count(*) FROM (($in EXCEPT ALL $out) UNION ALL ($out EXCEPT ALL $in)) d", 120);
		$wrong{"$schema.$table"} = $count if $count ne '0';
	}
	return %wrong;
}

sub _source
{
	my ($self, $sql) = @_;
	my %place = (fact => "$self->{name}.look_fact", order => "$self->{name}.look_order", source => $self->{source});

	return $sql =~ s/\{(\w+)\}/$place{$1}/gr;
}

sub _look
{
	my ($self) = @_;

	$self->{stack}->mariadb($self->_source(<<'SQL'));
CREATE OR REPLACE TABLE {fact} (KEY (order_id)) AS
SELECT i.order_item_id, o.order_id, o.order_date, TRIM(o.order_status) AS status, c.customer_id,
	TRIM(c.customer_fname) AS customer_fname, TRIM(c.customer_lname) AS customer_lname, TRIM(c.customer_city) AS customer_city,
	TRIM(c.customer_state) AS customer_state, p.product_id, TRIM(p.product_name) AS product_name, g.category_id,
	TRIM(g.category_name) AS category_name, d.department_id, TRIM(d.department_name) AS department_name,
	CAST(i.order_item_quantity AS SIGNED) AS quantity, CAST(i.order_item_product_price AS DECIMAL(12,2)) AS price,
	CAST(i.order_item_subtotal AS DECIMAL(12,2)) AS subtotal
FROM {source}.order_items i
JOIN {source}.orders o ON o.order_id = i.order_item_order_id
JOIN {source}.customers c ON c.customer_id = o.order_customer_id
LEFT JOIN {source}.products p ON p.product_id = i.order_item_product_id
LEFT JOIN {source}.categories g ON g.category_id = p.product_category_id
LEFT JOIN {source}.departments d ON d.department_id = g.category_department_id;
CREATE OR REPLACE TABLE {order} (KEY (order_id)) AS
SELECT o.order_id, o.order_date, TRIM(o.order_status) AS status, c.customer_id
FROM {source}.orders o LEFT JOIN {source}.customers c ON c.customer_id = o.order_customer_id;
SQL
	return;
}

# Rows as the client of MariaDB writes them.
sub _rows
{
	my ($session, $table) = @_;
	my $columns = $session->sql("SELECT medallion.column_list(medallion.data_columns('$table'), 'COALESCE(%1\$s::text, ''NULL'')')");

	return $session->sql("SELECT concat_ws(E'\\t', $columns) FROM $table", 120);
}

# The database at MariaDB and the buckets
sub drop
{
	my ($self) = @_;

	$self->{stack}->mariadb("DROP DATABASE IF EXISTS $self->{name}");
	S3->new->drop($self->bucket($_)) for qw(raw silver gold);
	return;
}

1;
