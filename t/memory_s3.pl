# Objects stream through the backend both ways: at most 64 MiB above its start, whatever their size. 512 MiB here;
# MEDALLION_FULL=1 takes 2 GiB.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use S3;
use Stack;
use Test::More;

my $limit  = 64 * 1024;
my $size   = ($ENV{MEDALLION_FULL} ? 2048 : 512) * 1024 * 1024;
my $rows   = int($size / 1024);
my $stack  = Stack->new('memory_s3', extensions => ['fdw_s3']);
my $s3     = S3->new;
my $bucket = 'test-memory-s3';

$s3->drop($bucket);
$s3->make($bucket);
$stack->s3_server('s3');

# A table over one folder. Rows of 1 KiB: a seven-digit id, a comma, the word, the end of the line.
sub folder
{
	my ($name, %option) = @_;
	my $options = join ', ', map { "$_ '$option{$_}'" } sort keys %option;

	return $stack->sql("CREATE FOREIGN TABLE $name (id bigint, word text) SERVER s3 OPTIONS (bucket '$bucket', prefix '$name/', $options)");
}

sub stays_small
{
	my ($name, $query, $expected) = @_;
	my $session = $stack->session;

	$session->sql('SELECT count(*) FROM pg_class');
	my ($growth, $result) = $session->growth($query, 600);
	is($result->{out}, $expected, "$name: the rows are right");
	cmp_ok($growth, '<=', $limit, sprintf('%s: the backend grew by %.1f MiB', $name, $growth / 1024));
	note(sprintf '%s: %.1f s', $name, $result->{seconds});
	return;
}

sub rows { my ($n, $width) = @_; return "SELECT 1000000 + i, repeat('w', $width) FROM generate_series(1, $n) i" }

sub sums { my ($n, $width) = @_; return join '|', $n, 1_000_000 * $n + $n * ($n + 1) / 2, $width }

folder('csv', format => 'csv');
stays_small("writing $size bytes", 'INSERT INTO csv ' . rows($rows, 1015), '');
stays_small("reading $size bytes", 'SELECT count(*), sum(id), max(length(word)) FROM csv', sums($rows, 1015));
$s3->remove($bucket, $_) for $s3->list($bucket, 'csv/');

# Hardly a byte in S3, all the same rows: 200 MB of text out of a small object.
for my $compression (qw(gzip zstd))
{
	folder($compression, format => 'csv', compression => $compression);
	stays_small("writing 200 MB, $compression", "INSERT INTO $compression " . rows(200_000, 1000), '');
	stays_small("reading 200 MB, $compression", "SELECT count(*), sum(id), max(length(word)) FROM $compression", sums(200_000, 1000));
}

# Many objects fetched ahead of a slow reader, then left.
folder('jsonl', format => 'jsonl');
for my $part (1 .. 8)
{
	$s3->put($bucket, "jsonl/$part.jsonl", join '', map { '{"id": ' . $_ . ', "word": "' . 'j' x 1000 . "\"}\n" } 1 .. 16_000);
}
stays_small('reading 8 objects of 16 MB', 'SELECT count(*), sum(id), max(length(word)) FROM jsonl', '128000|1024064000|1000');
stays_small('leaving them early, 50 times', <<'SQL', '50');
SELECT sum(n) FROM generate_series(1, 50) g, LATERAL (SELECT 1 AS n FROM jsonl WHERE g > 0 LIMIT 1) s
SQL

$s3->drop($bucket);
done_testing();
