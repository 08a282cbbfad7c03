# Where nothing can be spilled to disk: a batch of weather records that does not fit, and messages for Kafka. The statement
# fails, the session lives on and leaves no file.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use Cluster;
use Kafka;
use Stack;
use Test::More;

my $cluster = Cluster->new;
my $folder  = "$cluster->{folder}/data/base/pgsql_tmp";
my $stack   = Stack->new('spill', extensions => ['medallion']);
my $session = $stack->session;

# Dead letters of 100 MB, where a megabyte is allowed: at the top, in a savepoint, and in one that is caught.
my $fill = q{SELECT count(medallion.weather_count(0, i, now(), NULL, convert_to(repeat('x', 100000), 'UTF8'))) FROM generate_series(1, 1000) i};
my $windows = q{SELECT count(medallion.weather_count(0, i, now(), NULL, convert_to(format('{"_city": "city %s", "dt": 1700000000,
	"main": {"temp": 280.5, "humidity": 50}}', i), 'UTF8'))) FROM generate_series(1, 60000) i};
$session->sql("SET temp_file_limit = '1MB'; SET work_mem = '64kB'");
for my $sql ($fill, $windows)
{
	is($session->try("BEGIN; SELECT medallion.weather_begin(); $sql; COMMIT")->{code}, '53400', 'a batch that does not fit is an ERROR');
	is($session->try("ROLLBACK; BEGIN; SELECT medallion.weather_begin(); SAVEPOINT s; $sql")->{code}, '53400', 'in a savepoint too');
	is($session->try('ROLLBACK TO s; SELECT count(*) FROM medallion.weather_rejected()')->{code}, '55000', 'which ends the batch');
	is($session->try("ROLLBACK; DO \$\$ BEGIN PERFORM medallion.weather_begin(); EXECUTE '" . ($sql =~ s/'/''/gr) . "'; EXCEPTION WHEN OTHERS THEN"
		  . " RAISE NOTICE 'caught %', SQLSTATE; END \$\$")->{text} =~ /caught 53400/ ? 1 : 0, 1, 'and can be caught');
	is($session->sql('BEGIN; SELECT medallion.weather_begin(); SELECT (medallion.weather_summary()).records; COMMIT'), "\n0", 'another batch begins');
	is($session->sql(q{SELECT count(*) FROM pg_ls_dir('base/pgsql_tmp')}), '0', 'no file is left');
}

# No temporary file can be made at all, which PostgreSQL calls an internal error: the spool of messages.
my $kafka = Kafka->new;
$kafka->delete('spill');
$kafka->create('spill', 1);
$stack->kafka_server('kafka', {});
$stack->sql("CREATE FOREIGN TABLE messages (n int) SERVER kafka OPTIONS (topic 'spill', format 'csv')");
chmod 0, $folder or die "chmod: $!";
for my $try (1, 2)
{
	is($session->try('INSERT INTO messages VALUES (1)')->{code}, 'XX000', "no spool can be made, try $try");
	is($session->try('BEGIN; SAVEPOINT s; INSERT INTO messages VALUES (1)')->{code}, 'XX000', '... in a savepoint');
	is($session->try('ROLLBACK TO s; SELECT 1; COMMIT')->{code}, undef, '... whose transaction goes on');
}
chmod 0700, $folder or die "chmod: $!";
is($session->try('INSERT INTO messages VALUES (1)')->{code}, undef, 'and then it can');
is($stack->sql('SELECT count(*) FROM messages'), '1', 'one message was sent');
$kafka->delete('spill');
undef $session;
undef $stack;
done_testing();
