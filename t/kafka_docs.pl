# The option table of docs/fdw_kafka.md is the one that fdw_kafka_options() returns. "t/kafka_docs.pl --write" makes it so.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use Stack;
use Test::More tests => 1;

my $file  = "$Bin/../docs/fdw_kafka.md";
my $stack = Stack->new('kafka_docs', extensions => ['fdw_kafka']);
my $rows  = $stack->sql(<<'SQL');
SELECT '| ' || concat_ws(' | ', '`' || name || '`', places, type, coalesce('`' || nullif(default_value, '') || '`', ''), help) || ' |'
FROM fdw_kafka_options() WITH ORDINALITY ORDER BY ordinality
SQL
my $table = "| option | of | type | default | |\n|---|---|---|---|---|\n$rows";
my $begin = "<!-- options: SELECT * FROM fdw_kafka_options() -->\n";
my $end   = "<!-- end -->\n";

$table =~ s/\n*\z/\n/;
my $page = do { local (@ARGV, $/) = ($file); <> };
if (grep { $_ eq '--write' } @ARGV)
{
	$page =~ s/\Q$begin\E.*?\Q$end\E/$begin$table$end/s or die "no place for the table in $file\n";
	open(my $out, '>', $file) or die "$file: $!\n";
	print $out $page;
	close($out) or die "$file: $!\n";
}
my ($shown) = $page =~ /\Q$begin\E(.*?)\Q$end\E/s;
is($shown, $table, 'docs/fdw_kafka.md lists the options');
