# A load from MySQL into S3, as the pipelines do it, while one or all of them fall silent: interrupts act within 1 s however
# many connections there are to give up, a savepoint's end too; the next load is complete.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use FaultProxy;
use Interrupt;
use S3;
use Stack;
use Test::More;

our %slowest;
my $stack  = Stack->new('fault_both', extensions => ['fdw_mysql', 'fdw_s3']);
my $s3     = S3->new;
my $bucket = 'test-fault-both';
my @mysql  = map { FaultProxy->start($ENV{MYSQL_HOST}, $ENV{MYSQL_PORT}) } 1 .. 3;
my $store  = FaultProxy->start(Stack::s3_address());

$stack->mariadb_database("CREATE VIEW many AS SELECT seq AS id, REPEAT('x', 1000) AS word FROM seq_1_to_60000");
for my $n (0 .. 2)
{
	$stack->mysql_server("mysql$n", host => '127.0.0.1', port => $mysql[$n]->port, dbname => $stack->database);
	$stack->sql("CREATE FOREIGN TABLE many$n (id bigint, word text) SERVER mysql$n OPTIONS (table_name 'many')");
}
$s3->drop($bucket);
$s3->make($bucket);
$stack->s3_server('lake', endpoint => 'http://127.0.0.1:' . $store->port);
$stack->sql("CREATE FOREIGN TABLE out (id bigint, word text) SERVER lake OPTIONS (bucket '$bucket', prefix 'out/', format 'csv', part_size '5MB')");

# Rows of three connections come in turn: all three are in the middle of their results.
my $load = 'INSERT INTO out SELECT a.id, a.word FROM many0 a JOIN many1 b USING (id) JOIN many2 c USING (id)';
my $plan = 'SET enable_hashjoin = off; SET enable_nestloop = off; SET enable_sort = on';
my %case = (
	'one MySQL'          => [[$mysql[0]], []],
	'three MySQLs'       => [\@mysql, []],
	'S3'                 => [[], [$store]],
	'three MySQLs and S3' => [\@mysql, [$store]],
);
for my $name (sort keys %case)
{
	my ($sources, $targets) = @{$case{$name}};

	for my $means (@{Interrupt::MEANS()})
	{
		my $sql = $name =~ /three/ ? $load : 'INSERT INTO out SELECT * FROM many0';

		# MySQL is silent after 40 MB; S3 after two parts: so both are in the middle of it, whichever is first
		$_->fault(act => 'blackhole', down => 40_000_000) for @$sources;
		$_->fault(act => 'blackhole', up => $means eq 'timeout' ? 1_000_000 : 12_000_000) for @$targets;
		Interrupt::strike($stack, "$name silent", $means, sql => $sql, before => sub { $_[0]->sql($plan) },
			ready => sub { grep { $_->stat->{fired} } @$sources, @$targets },
			after => sub {
				$_->pass for @mysql, $store;
				my $result = $_[0]->try('INSERT INTO out SELECT * FROM many0 WHERE id <= 1000', 30);
				is($result->{text}, '', "... and the next load works");
				is(scalar(@{[$s3->list($bucket, 'out/')]}), 1, '... and is all there is');
				$s3->remove($bucket, $_) for $s3->list($bucket);
			});
		$_->pass for @mysql, $store;
		is(scalar(@{[$s3->list($bucket, 'out/')]}), 0, "$name silent, $means: no object");
	}
}

# Results half read on all connections, and an upload under way: the end of the transaction gives up all of them.
my $open = sub {
	my ($session) = @_;

	$_->pass for @mysql, $store;
	$session->sql('BEGIN');
	$session->sql("DECLARE c$_ CURSOR FOR SELECT word FROM many$_; FETCH 10 FROM c$_") for 0 .. 2;
	$session->sql("INSERT INTO out SELECT i, repeat('w', 1000) FROM generate_series(1, 12000) i");
	$_->fault(act => 'blackhole') for @mysql, $store;
};
# (PostgreSQL's own sleep does not look for the client)
for my $means (qw(cancel terminate timeout))
{
	# The deadlines of a dead store and of dead MySQLs at the end of a transaction add up, to 0.8 s.
	Interrupt::strike($stack, 'all of it open and silent', $means, sql => 'SELECT pg_sleep(20)', before => $open, limit => 1.2);
}

# The end of a subtransaction, by itself
for my $case (['half-read cursors', "DECLARE c CURSOR FOR SELECT word FROM many0; FETCH 10 FROM c; DECLARE d CURSOR FOR SELECT word FROM many1; FETCH 10 FROM d"],
	['an upload under way', "INSERT INTO out SELECT i, repeat('w', 1000) FROM generate_series(1, 12000) i"])
{
	my ($name, $sql) = @$case;
	my $session = $stack->session;

	$_->pass for @mysql, $store;
	$session->sql("BEGIN; SAVEPOINT s; $sql");
	$_->fault(act => 'blackhole') for @mysql, $store;
	my $result = $session->try('ROLLBACK TO s', 15);
	cmp_ok($result->{seconds}, '<=', 1.0, "ROLLBACK TO over $name, all silent: it ends within 1 s") or diag($result->{text});
	$result = $session->try('ROLLBACK', 15);
	cmp_ok($result->{seconds}, '<=', 1.0, "ROLLBACK after $name, all silent: it ends within 1 s") or diag($result->{text});
	$_->pass for @mysql, $store;
	is($session->try('SELECT count(*) FROM many0 WHERE id <= 1000')->{out}, 1000, '... and the session works');
}

note(sprintf 'slowest %s: %.3f s', $_, $slowest{$_}) for sort keys %slowest;
$s3->drop($bucket);
done_testing();
