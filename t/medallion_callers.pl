# Eight sessions call the same pipeline as fast as they can: each call either runs or is recorded as skipped, no two run at
# once, and the ledger accounts for all of them.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use Cluster;
use Stack;
use Test::More;

my ($sessions, $calls) = (8, 25);
my $cluster = Cluster->new;
my $stack   = Stack->new('medallion_callers', extensions => ['medallion']);

$stack->sql(<<'SQL');
CREATE TABLE counter (value int);
INSERT INTO counter VALUES (0);
SELECT medallion.create_pipeline('p');
-- reads and writes in two statements: two at once would lose a count
SELECT medallion.add_step('p', 'count', $$DO 'DECLARE v int; BEGIN SELECT value INTO v FROM public.counter;
	PERFORM pg_sleep(0.002); UPDATE public.counter SET value = v + 1; END'; SELECT medallion.report('counter', 1)$$);
SELECT medallion.add_step('p', 'fail', $$SELECT 1 / (value % 3) FROM public.counter$$, depends_on => '{count}');
SQL

my @callers = map { $stack->session } 1 .. $sessions;
$_->send("SET medallion.progress = off; SET client_min_messages = error;\n" . "CALL medallion.run('p');\n" x $calls) for @callers;
my @results = map { $_->receive(120) } @callers;
my %said;
$said{$_}++ for map { /(?:\|(succeeded|skipped)$)|(?:^ERROR:  22012)/ ? $1 // 'failed' : () } map { split /\n/, $_->{text} } @results;

is(($said{succeeded} // 0) + ($said{skipped} // 0) + ($said{failed} // 0), $sessions * $calls, 'every call has an answer');
is($stack->sql("SELECT string_agg(state || ' ' || n, ', ' ORDER BY state) FROM (SELECT state, count(*) n FROM medallion.run GROUP BY state) r"),
	join(', ', map { "$_ $said{$_}" } sort keys %said), 'the ledger says the same');
is($stack->sql('SELECT value FROM counter'), $said{succeeded} + $said{failed}, 'no two runs were at it at once');
is($stack->sql('SELECT sum(rows) FROM medallion.run_history'), $said{succeeded} + $said{failed}, 'and what they reported adds up');
is($stack->sql("SELECT count(*) FROM medallion.run a JOIN medallion.run b ON a.run_id < b.run_id AND a.ended_at > b.started_at
	AND b.ended_at > a.started_at WHERE a.state <> 'skipped' AND b.state <> 'skipped'"), '0', 'no two runs overlap');
is($stack->sql("SELECT count(*) FROM medallion.run WHERE state = 'running' OR ended_at IS NULL"), '0', 'none is left open');
$_->quit for @callers;
done_testing;
undef $stack;    # before its server goes
undef $cluster;
