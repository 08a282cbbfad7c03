# Both engines read and write the same: the regression tests of the formats, through each of them, word for word.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use Stack;
use Test::More;

my @tests = qw(s3_csv s3_jsonl s3_text s3_write);
my $stack = Stack->new('s3_engines');

# What psql prints, without what only one engine can know: the HTTP status of a refusal.
sub output
{
	my ($test, $engine) = @_;
	my @psql = ('psql', '-X', '-a', '-q', '-v', "engine=$engine", '-d', $stack->database, '-f', "$Bin/../sql/$test.sql");
	my $pid  = open(my $out, '-|') // die "fork: $!\n";

	if (!$pid)
	{
		open(STDERR, '>&', \*STDOUT) or die "$!\n";
		exec @psql or die "psql: $!\n";
	}
	my $text = do { local $/; <$out> };
	close $out;
	$text =~ s/HTTP status \d+, //g;
	return $text;
}

for my $test (@tests)
{
	my $native = output($test, 'native');

	like($native, qr/DROP EXTENSION/, "$test runs");
	is(output($test, 'libs3'), $native, "$test: libs3 says the same as native");
}
done_testing();
