# The stack itself, a second one in a folder of its own: starts twice, survives a power loss, leaves other programs alone,
# and leaves nothing behind.
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin qw($Bin);
use lib $Bin;

use IO::Socket::INET;
use Kafka;
use Test::More;
use Time::HiRes qw(time);

my $parent = tempdir('stack-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $state  = $ENV{STACK_DIR} = "$parent/stack";
delete @ENV{qw(PGHOST PGPORT MYSQL_PORT KAFKA_BROKERS S3_ENDPOINT)};

sub command { my $output = `$Bin/../stack/$_[0] 2>&1`; return ($? >> 8, $output) }

# What stack/env says, and which processes the state names.
sub env
{
	my $output = `. $state/env && env`;
	return map { /^(\w+)=(.*)$/ } split /\n/, $output;
}

sub pids
{
	my ($status, $output) = command('status');
	return join ' ', $output =~ /pid (\d+)/g;
}

# All processes that work in the stack's folders
sub inside
{
	my $real = readlink($state) // $state;
	return grep { (readlink("$_/cwd") // '') =~ m{^\Q$real\E/} } glob '/proc/[0-9]*';
}

# With the stack's environment
sub psql { my $output = `. $state/env && psql -XAtq -c "$_[0]" 2>&1`; chomp $output; return $output }
sub mariadb
{
	my $output = `. $state/env && mariadb --no-defaults -N -B -h \$MYSQL_HOST -P \$MYSQL_PORT -u \$MYSQL_USER -e "$_[0]" 2>&1`;
	chomp $output;
	return $output;
}

my ($status, $output) = command('status');
is($status, 3, 'before the first start the status is 3');

($status, $output) = command('up');
is($status, 0, 'up') or diag $output;
my %env = env();
is(scalar(grep { !$env{$_} } qw(PGHOST PGPORT PGUSER PGDATABASE MYSQL_HOST MYSQL_PORT MYSQL_USER MYSQL_PWD RETAIL_USER RETAIL_PWD
		  KAFKA_BROKERS S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY)), 0, 'env names every address and secret');
is((stat "$state/env")[2] & oct(777), oct(600), 'nobody else reads env');
is(psql('SELECT current_database()'), $env{PGDATABASE}, 'PostgreSQL answers');
is(mariadb('SELECT 1'), '1', 'MariaDB answers');
is(`. $state/env && MYSQL_PWD=\$RETAIL_PWD mariadb --no-defaults -h \$MYSQL_HOST -P \$MYSQL_PORT -u \$RETAIL_USER -e 'CREATE DATABASE retaildb' 2>&1`
	  =~ /denied/ ? 'denied' : 'allowed', 'denied', 'the user for RetailDB cannot write');
my $kafka = Kafka->new($env{KAFKA_BROKERS});
$kafka->create('kept', 3, 'cleanup.policy=compact');
is_deeply([$kafka->produce('kept', {partition => 2, key => 'k', value => 'x' x 15_000_000})], [[2, 0]], 'Kafka takes a large record');
ok(!eval { $kafka->produce('other', {value => ''}) }, '... and makes no topic by itself');
my %port = map { sprintf('%04X', $_) => 1 } $env{PGPORT}, $env{MYSQL_PORT}, map { /(\d+)$/ } @env{qw(S3_ENDPOINT KAFKA_BROKERS)};
my @listening = grep { $_->[3] eq '0A' && $port{(split /:/, $_->[1])[1]} } map { [split] } `cat /proc/net/tcp /proc/net/tcp6`;
cmp_ok(scalar(@listening), '>=', 4, 'the servers listen');
is(scalar(grep { $_->[1] !~ /^(0100007F|0{24}01000000|0{16}FFFF00000100007F):/ } @listening), 0, '... on loopback alone');

psql('CREATE EXTENSION pg_cron');
psql('CREATE TABLE kept AS SELECT 42 AS a');
mariadb('CREATE DATABASE kept');

my $before  = pids();
my $started = time;
($status, $output) = command('up');
is($status, 0, 'up again');
is(pids(), $before, '... leaves the servers as they are');
cmp_ok(time - $started, '<', 2, '... and is quick');

# A power loss: all is gone at once, and the numbers of the processes are given to others.
kill 'KILL', map { m{/proc/(\d+)} } inside();
select undef, undef, undef, 0.5;
my $bystander = fork // die;
if (!$bystander) { exec 'sleep', '600' }
my $real = readlink($state) // $state;
for my $file ("$real/postgres/postmaster.pid", "$real/run/mariadb.pid", "$real/run/kafka.pid", "$real/run/minio.pid")
{
	open my $old, '<', $file or die "$file: $!";
	my @line = <$old>;
	$line[0] = "$bystander\n";
	open my $new, '>', $file or die "$file: $!";
	print {$new} @line;
	close $new;
}
is(pids(), '', 'after a power loss the status says that nothing runs');
# The file of a version that had no Kafka
system('sed', '-i', '/KAFKA/d', "$state/env") == 0 or die;
my $taken = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $env{PGPORT}, Listen => 1, ReuseAddr => 1) or die "port: $!";
($status, $output) = command('up');
is($status, 0, 'up') or diag $output;
my %moved = env();
isnt($moved{PGPORT}, $env{PGPORT}, '... on another port where another program has taken the old one');
is($moved{MYSQL_PWD}, $env{MYSQL_PWD}, '... with the same secrets');
is(psql('SELECT a FROM kept'), '42', "... and PostgreSQL's data");
is(mariadb("SHOW DATABASES LIKE 'kept'"), 'kept', "... and MariaDB's");
is(length((Kafka->new($moved{KAFKA_BROKERS})->read('kept'))[0]{value}), 15_000_000, "... and Kafka's");
close $taken;

psql("SELECT cron.schedule('* * * * *', 'CREATE TABLE IF NOT EXISTS public.was_here ()')");
my $job;
for (1 .. 130)
{
	last if ($job = psql("SELECT status, return_message FROM cron.job_run_details WHERE status IN ('succeeded', 'failed') LIMIT 1")) ne '';
	sleep 1;
}
like($job, qr/^succeeded/, "pg_cron's jobs log in and run");

($status, $output) = command('down');
is($status, 0, 'down') or diag $output;
is(scalar(inside()), 0, '... leaves no process');
is(kill(0, $bystander), 1, '... and ends no process of others');
($status, $output) = command('down');
is($status, 0, 'down again is harmless');
($status, $output) = command('down --remove');
is($status, 0, 'down --remove');
ok(!-e $state && !-l $state && !-e $real, '... leaves no file');

kill 'TERM', $bystander;
waitpid $bystander, 0;
done_testing();
