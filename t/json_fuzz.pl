# The JSON scanner: mutated messages under the compiler's sanitizers, the same verdicts as PostgreSQL's own parser, and the
# same values as the types' input functions. FUZZ_SECONDS (3) for longer, FUZZ_SEED for others.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use File::Temp qw(tempdir);
use S3;
use Stack;
use Test::More;

my $seconds = $ENV{FUZZ_SECONDS} // 3;
my $seed    = $ENV{FUZZ_SEED} // 1;
my $stack   = Stack->new('json_fuzz', extensions => ['fdw_s3']);
my $folder  = tempdir(CLEANUP => 1);
my $program = "$folder/json_fuzz";

srand $seed;

# The program ----------------------------------------------------------------------------------------------------------

sub config { my ($what) = @_; chomp(my $answer = `${\($ENV{PG_CONFIG} // 'pg_config')} --$what`); return $answer }

sub build
{
	my @sources = ("$Bin/json_fuzz.c", map { "$Bin/../common/$_.c" } qw(json_path json_scan json_span json_utf8));
	my @flags   = (qw(-std=gnu11 -g -O1 -D_GNU_SOURCE -fno-sanitize-recover=all), '-fsanitize=address,undefined');

	return system($ENV{CC} // 'cc', @flags, "-I$Bin/..", '-I' . config('includedir-server'), '-o', $program, @sources,
		(map { '-L' . config($_) } qw(pkglibdir libdir)), qw(-lpgcommon -lpgport)) == 0;
}

sub run_program
{
	my ($input, @arguments) = @_;

	open(my $file, '>', "$folder/input") or die "$folder/input: $!";
	binmode $file;
	print $file $input;
	close $file;
	return scalar `ASAN_OPTIONS=detect_leaks=0 '$program' @arguments <'$folder/input' 2>&1`;
}

# Texts ----------------------------------------------------------------------------------------------------------------

my @seeds = (
	'{"coord":{"lon":-0.1257,"lat":51.5085},"weather":[{"id":800,"main":"Clear","icon":"01d"},{"id":1,"main":"x"}],'
	  . '"main":{"temp":27.57,"humidity":48},"dt":1752317918,"name":"London","cod":200,'
	  . '"_ingest_ts":"2026-01-01T12:00:00.123456","_city":"London"}',
	'{"_error": true, "status_code": 401, "city": "S\u00e3o Paulo \ud83d\ude00"}',
	"{\"name\": \"D\xc3\xa9lhi \xf0\x9f\x98\x80\", \"main\": {\"temp\": -1.5e-3, \"humidity\": null}, \"a.b\": {\"c\": [[], {}, [1, 2]]}}",
	'[1, 0, -0, 0.5, 1E5, 1e+5, 12345678, 123456789012345678901234567890, false, true, null, "", "\"\\\/\b\f\n\r\t"]',
	' { } ', '[]', '""', '7', 'null', "\t[\n{\r}\n] ");
my @pieces = ('"', '\\', '{', '}', '[', ']', ',', ':', '-', '0', '.', 'e', 'E+', '1e400', '\u0000', '\ud83d', '\u00', 'null', 'fals',
	' ', "\n", "\x01", "\x00", "\x7f", "\xc3\xa9", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff", '{}', '[]', '"main":{');

sub mutate
{
	my ($text) = @_;

	for (0 .. rand 3)
	{
		my $at = int rand(1 + length $text);

		substr $text, $at, int rand 4, rand() < 0.7 ? $pieces[rand @pieces] : chr int rand 256;
		$text = substr $text, 0, $at if rand() < 0.05;
	}
	return $text;
}

# What is easily got wrong, as it stands.
my @texts = (@seeds, @pieces, '', ' ', "\xef\xbb\xbf{}", '{"a":1,}', '[1,]', '[,]', '{,}', '{"a" 1}', '{"a":}', '{1:2}', '[1 2]', '01', '-', '-a',
	'+1', '.5', '1.', '1.e5', '1e', '1e+', '0x1', 'NaN', 'Infinity', 'nulll', 'tru', "'a'", '"a', '"\x"', '"\u12g4"', '"\u123', "\"\t\"", '[1]]', '{}{}',
	'[}', '{]', '"\u0000"', '"\ud800"', '"\udc00\ud800"', '[1,2}', '{"a":[}', '{"a":{"b":1}', '[[1]', '{"a":1}x', '{"a":1}}', 'a}', '"}', '["]', '[-]', '[0]',
	'[00]', '[1.]', '[1e]', '[1.5e3]', '[1234567.]', '[12345678.9]', '[0.123456789012]', ('[' x 3000) . (']' x 3000), ('[' x 3000) . (']' x 2999));

push @texts, map { mutate($seeds[rand @seeds]) } 1 .. 20000;

# Verdicts -------------------------------------------------------------------------------------------------------------

ok(build(), 'the program builds with sanitizers') or BAIL_OUT('no program');
like(run_program(join('', map { "$_\n" } grep { !/\n/ } @seeds), 'fuzz', $seconds, $seed), qr/^\d+ texts, [1-9]\d* valid\n\z/,
	"$seconds s of mutations: no byte read or written that is not ours");

$stack->sql(<<'SQL');
CREATE FUNCTION is_json(bytes bytea) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM convert_from(bytes, 'UTF8')::json;
	RETURN true;
EXCEPTION WHEN data_exception THEN
	RETURN false;
END $$;
CREATE TABLE texts (id int, hex text);
SQL
{
	open(my $file, '>', "$folder/texts") or die "$folder/texts: $!";
	print $file "$_\t" . unpack('H*', $texts[$_]) . "\n" for 0 .. $#texts;
	close $file;
	my $session = $stack->session;
	$session->sql("\\copy texts FROM '$folder/texts'");
	my @theirs = split /\n/, $session->sql(q{SELECT is_json(decode(hex, 'hex')) FROM texts ORDER BY id});
	my @ours   = split /\n/, run_program(join('', map { unpack('H*', $_) . "\n" } @texts), 'check');
	my @differ = grep { ($ours[$_] // '') ne $theirs[$_] } 0 .. $#texts;

	is(scalar(@ours), scalar(@texts), 'every text was looked at');
	is(scalar(@differ), 0, 'PostgreSQL says the same about ' . @texts . ' texts')
	  or diag(map { "$theirs[$_]: $texts[$_]\n" } @differ[0 .. ($#differ > 9 ? 9 : $#differ)]);
	cmp_ok(scalar(grep { $_ eq 't' } @theirs), '>', 1000, '... many of which are valid');
}
like(run_program(unpack('H*', '[' x 1_000_000) . "\n", 'check'), qr/^f\n\z/, 'a million brackets are a problem, and no more');

# Values ---------------------------------------------------------------------------------------------------------------

sub digits { my ($most) = @_; return join '', map { int rand 10 } 1 .. 1 + rand $most }

sub number
{
	my $whole = rand() < 0.3 ? 0 : digits(rand() < 0.8 ? 6 : 25) =~ s/^0+(?=.)//r;
	my $part  = rand() < 0.5 ? '' : '.' . digits(rand() < 0.8 ? 6 : 25);
	my $power = rand() < 0.8 ? '' : (qw(e E e- e+))[rand 4] . int rand(rand() < 0.8 ? 30 : 330);

	return (rand() < 0.3 ? '-' : '') . $whole . $part . $power;
}

sub moment
{
	my $text = sprintf '%04d-%02d-%02d%s%02d:%02d:%02d', 1 + rand(rand() < 0.5 ? 9999 : 2100), 1 + rand 12, 1 + rand 29,
		rand() < 0.8 ? 'T' : ' ', rand 25, rand 61, rand 62;

	$text .= '.' . digits(8) if rand() < 0.6;
	return $text . ('', 'Z', '+00:00', '+05:30', '-0930', '+14', '-15:59', '+16:00', '+02:60', 'z', ' UTC')[rand 11];
}

my $s3 = S3->new;
$s3->drop('test-json-fuzz');
$s3->make('test-json-fuzz');
$s3->put('test-json-fuzz', 'number/a.jsonl', join '', map { '{"v": ' . number() . "}\n" } 1 .. 20000);
$s3->put('test-json-fuzz', 'moment/a.jsonl', join '', map { '{"v": "' . moment() . "\"}\n" } 1 .. 20000);
$stack->s3_server('lake');
my $columns = "v text OPTIONS (path 'v')";
for my $type (qw(numeric float8 int8 int4 int2))
{
	$stack->sql("CREATE FOREIGN TABLE n_$type ($columns, x $type OPTIONS (path 'v')) SERVER lake "
		  . "OPTIONS (bucket 'test-json-fuzz', prefix 'number/', format 'jsonl')");
}
$stack->sql("CREATE FOREIGN TABLE moments ($columns, x timestamptz OPTIONS (path 'v')) SERVER lake "
	  . "OPTIONS (bucket 'test-json-fuzz', prefix 'moment/', format 'jsonl')");
$stack->sql(<<'SQL');
CREATE FUNCTION takes(type regtype, value text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT %L::%s', value, type);
	RETURN true;
EXCEPTION WHEN data_exception THEN
	RETURN false;
END $$;
SQL

# A line that the type refuses ends the scan of all: those are taken out of the object first.
sub equal
{
	my ($table, $type, $key) = @_;
	my $session = $stack->session;

	$session->sql("SET timezone = 'America/New_York'");
	my @good = split /\n/, $session->sql("SELECT v FROM (SELECT DISTINCT v FROM $table) d WHERE takes('$type', v)");
	my $send  = $type =~ /^(numeric|timestamptz)$/ ? "${type}_send" : "${type}send";
	my $quote = $type eq 'timestamptz' ? '"' : '';
	$s3->put('test-json-fuzz', $key, join '', map { "{\"v\": $quote$_$quote}\n" } @good);
	is($session->sql("SELECT count(*) FROM $table WHERE $send(x) IS DISTINCT FROM $send(v::$type)"), 0,
		"$type: " . @good . ' values as its input function makes them');
	cmp_ok(scalar(@good), '>', 200, '... and that is many');
	return;
}

equal('n_numeric', 'numeric', 'number/a.jsonl');
for my $type (qw(float8 int8 int4 int2)) { equal("n_$type", $type, 'number/a.jsonl') }
equal('moments', 'timestamptz', 'moment/a.jsonl');
$s3->drop('test-json-fuzz');
done_testing();
