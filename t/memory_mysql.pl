# What passes through a scan does not stay in the backend: at most 64 MiB above its start, whatever the number of rows.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use Stack;
use Test::More;

my $limit = 64 * 1024;
my $stack = Stack->new('memory_mysql', extensions => ['fdw_mysql']);

$stack->mariadb_database(<<'SQL');
CREATE VIEW narrow AS SELECT seq AS id, CAST(seq * 3 AS SIGNED) AS three, CONCAT('row ', seq) AS word FROM seq_1_to_10000000;
CREATE VIEW middling AS SELECT seq AS id, REPEAT('m', 100) AS word FROM seq_1_to_1000000;
CREATE VIEW wide AS SELECT seq AS id, REPEAT('w', 1000000) AS word FROM seq_1_to_500;
SQL
$stack->mysql_server('mysql', dbname => $stack->database);
$stack->sql('CREATE FOREIGN TABLE narrow (id bigint, three bigint, word text) SERVER mysql');
$stack->sql("CREATE FOREIGN TABLE $_ (id bigint, word text) SERVER mysql") for qw(middling wide);

sub stays_small
{
	my ($name, $query, $expected, %option) = @_;
	my $session = $stack->session;

	$session->sql('SET work_mem = \'4MB\'; SELECT count(*) FROM pg_class');
	my ($growth, $result) = $session->growth($query, 300);
	is($result->{out}, $expected, "$name: the rows are right");
	cmp_ok($growth, '<=', $limit, sprintf('%s: the backend grew by %.1f MiB', $name, $growth / 1024));
	note(sprintf '%s: %.1f s', $name, $result->{seconds});
	return;
}

stays_small('10 million rows', 'SELECT count(three), sum(id), max(length(word)) FROM narrow', '10000000|50000005000000|12');
stays_small('rows of 1 MB', 'SELECT count(*), sum(length(word)) FROM wide', '500|500000000');
stays_small('two scans at once, one set aside', <<'SQL', '1000000|500000');
SET enable_hashjoin = off; SET enable_mergejoin = off;
BEGIN;
DECLARE a CURSOR FOR SELECT id, word FROM middling;
MOVE 500000 FROM a;
CREATE TEMP TABLE n AS SELECT count(word) AS n FROM middling;
CREATE TEMP TABLE rest (id bigint, word text);
DO $$ DECLARE a refcursor := 'a'; n bigint := 0; r record; BEGIN
  LOOP FETCH a INTO r; EXIT WHEN NOT FOUND; n := n + 1; END LOOP;
  UPDATE n SET n = n.n; PERFORM set_config('test.rest', n::text, false);
END $$;
SELECT n, current_setting('test.rest') FROM n;
COMMIT
SQL
stays_small('a rescan for each of three rows', 'SELECT sum(n) FROM generate_series(1, 3) g,'
	  . ' LATERAL (SELECT count(word) AS n FROM middling WHERE id > g OFFSET 0) s', 2999994);

done_testing();
