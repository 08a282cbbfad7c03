# The tutorial of docs/models.md, run as it stands: what each block of SQL prints is what the page says, and the table of the
# kinds of checks is that of check_kind(). "t/models_docs.pl --write" makes it so.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use S3;
use Stack;
use Test::More;

my $file  = "$Bin/../docs/models.md";
my $stack = Stack->new('models_docs', extensions => ['medallion']);
my $page  = do { local (@ARGV, $/) = ($file); <> };
my ($head, $tutorial, $tail) = $page =~ /\A(.*?)(### The source\n.*?)(### And from now on\n.*)\z/s or die "no tutorial in $file\n";

sub clean
{
	$stack->mariadb('DROP DATABASE IF EXISTS tutorial_shop');
	S3->new->drop('tutorial-shop');
	return;
}

# What psql prints, each statement in a transaction of its own
sub psql
{
	my ($sql) = @_;
	local $ENV{PGDATABASE} = $stack->database;

	open(my $in, '>', "/tmp/models_docs.$$.sql") or die "$!\n";
	print $in $sql;
	close($in);
	my $out = qx(psql -X -q -v VERBOSITY=default -v SHOW_CONTEXT=never -f /tmp/models_docs.$$.sql 2>&1);
	unlink "/tmp/models_docs.$$.sql";
	return $out =~ s/^psql:\S+:\d+: //mgr =~ s/ +$//mgr =~ s/\n*\z/\n/r;
}

clean();
$stack->sql('CREATE SERVER shopdb FOREIGN DATA WRAPPER fdw_mysql ' . $stack->mysql(dbname => 'tutorial_shop'));
$stack->sql('CREATE USER MAPPING FOR CURRENT_USER SERVER shopdb OPTIONS (username '
	  . Stack::quote($ENV{RETAIL_USER}) . ', password ' . Stack::quote($ENV{RETAIL_PWD}) . ')');
$stack->s3_server('lake');
$stack->sql("ALTER DATABASE " . $stack->database . " SET $_")
  for 'medallion.progress = off', "datestyle = 'ISO, YMD'", "timezone = 'UTC'";

my $now = '';
while ($tutorial =~ /\G(.*?)^```(mysql|sql)\n(.*?)^```\n(?:^```\n(.*?)^```\n)?/gcms)
{
	my ($text, $kind, $code, $shown) = ($1, $2, $3, $4);

	$now .= "$text```$kind\n$code```\n";
	if ($kind eq 'mysql')
	{
		$stack->mariadb($code);
		next;
	}
	my $printed = psql($code);
	my ($first) = $code =~ /(.*)/;
	if (defined $shown)
	{
		is($shown, $printed, $first);
		$now .= "```\n$printed```\n";
	}
	else { unlike($printed, qr/ERROR/, $first) }
}
$now .= $tutorial =~ /\G(.*)\z/s ? $1 : '';

my $begin = "<!-- kinds: SELECT * FROM medallion.check_kind() -->\n";
my $end   = "<!-- end -->\n";
my $table = "| kind | needs | may have | passes if |\n|---|---|---|---|\n" . $stack->sql(<<'SQL') . "\n";
SELECT concat_ws(' | ', '| `' || kind || '`', array_to_string(ARRAY(SELECT '`' || a || '`' FROM unnest(needs) a), ', '),
	array_to_string(ARRAY(SELECT '`' || a || '`' FROM unnest(may_have) a), ', '), help || ' |')
FROM medallion.check_kind()
SQL
my ($listed) = $tail =~ /\Q$begin\E(.*?)\Q$end\E/s;
is($listed, $table, 'the kinds of checks');
if (grep { $_ eq '--write' } @ARGV)
{
	$tail =~ s/\Q$begin\E.*?\Q$end\E/$begin$table$end/s;
	open(my $out, '>', $file) or die "$file: $!\n";
	print $out $head . $now . $tail;
	close($out) or die "$file: $!\n";
}
clean();
done_testing();
