# fdw_s3 on a broken network, with both engines: interrupts act in every phase of reading and writing, what can be tried
# again is, and what cannot is an ERROR that leaves neither half a row nor half an object.
use strict;
use warnings;

use FindBin qw($Bin);
use lib $Bin;

use FaultProxy;
use Interrupt;
use S3;
use Stack;
use Test::More;
use Time::HiRes qw(time sleep);

our %slowest;
my $stack  = Stack->new('fault_s3', extensions => ['fdw_s3']);
my $proxy  = FaultProxy->start(Stack::s3_address());
my $s3     = S3->new;
my $bucket = 'test-fault-s3';
my $port   = $proxy->port;

# Three objects of 4 MB: ids 1 to 120,000.
$s3->drop($bucket);
$s3->make($bucket);
for my $part (0 .. 2)
{
	$s3->put($bucket, "in/part-$part.csv", "id,word\n" . join '', map { sprintf "%d,%s\n", $_, 'w' x 90 } $part * 40_000 + 1 .. ($part + 1) * 40_000);
}
my $exact = '120000|7200060000|90';
my $all   = 'SELECT count(*), sum(id), max(length(word)) FROM %s_in';

# Servers: through the proxy, one for each engine; and one with TLS that the proxy will not answer.
for my $engine (qw(native libs3))
{
	$stack->s3_server($engine, endpoint => "http://127.0.0.1:$port", engine => $engine);
	$stack->sql("CREATE FOREIGN TABLE ${engine}_in (id bigint, word text) SERVER $engine"
		  . " OPTIONS (bucket '$bucket', prefix 'in/', format 'csv', header 'true')");
	$stack->sql("CREATE FOREIGN TABLE ${engine}_out (key text OPTIONS (metadata 'path'), id bigint, word text) SERVER $engine"
		  . " OPTIONS (bucket '$bucket', prefix '${engine}-out/', format 'csv', header 'true')");
}
$stack->s3_server('tls', endpoint => "https://127.0.0.1:$port");
$stack->sql("CREATE FOREIGN TABLE tls_in (id bigint, word text) SERVER tls"
	  . " OPTIONS (bucket '$bucket', prefix 'in/', format 'csv', header 'true')");

my $stuck = sub { $proxy->stat->{fired} > 0 };

sub reads
{
	my ($engine) = @_;

	return sub {
		my ($session) = @_;

		$proxy->pass;
		is($session->try(sprintf $all, $engine)->{out}, $exact, '... and the next scan is complete');
	};
}

sub objects { my ($engine) = @_; my @keys = $s3->list($bucket, "$engine-out/"); return @keys }

sub clean { my ($engine) = @_; $s3->remove($bucket, $_) for objects($engine); return }

# Reading, interrupted -------------------------------------------------------------------------------------------------

my @read = (
	{name => 'connect', fault => {act => 'unreachable'}},
	{name => 'listing', fault => {act => 'blackhole'}, ready => $stuck},
	{name => 'in the middle of the listing', fault => {act => 'blackhole', down => 300}, ready => $stuck},
	{name => 'in the middle of a body', fault => {act => 'blackhole', down => 1_000_000}, ready => $stuck},
	{name => 'a trickle', fault => {act => 'pass', rate => 20_000}, ready => sub { $proxy->stat->{down} > 5000 }},
);
for my $engine (qw(native libs3))
{
	for my $phase (@read)
	{
		for my $means (@{Interrupt::MEANS()})
		{
			$proxy->fault(%{$phase->{fault}});
			Interrupt::strike($stack, "$engine, black-holed, $phase->{name}", $means, sql => sprintf($all, $engine),
				ready => $phase->{ready}, after => reads($engine));
		}
	}
}
for my $means (@{Interrupt::MEANS()})
{
	$proxy->fault(act => 'blackhole');
	Interrupt::strike($stack, 'black-holed, TLS', $means, sql => sprintf($all, 'tls'), ready => $stuck);
}

# An abandoned scan ends at once, black-holed or not.
for my $engine (qw(native libs3))
{
	for my $end ('CLOSE c', 'COMMIT', 'ROLLBACK')
	{
		my $session = $stack->session;

		$proxy->pass;
		$session->sql("BEGIN; DECLARE c CURSOR FOR SELECT * FROM ${engine}_in; FETCH 10 FROM c");
		$proxy->fault(act => 'blackhole');
		my $result = $session->try($end, 15);
		cmp_ok($result->{seconds}, '<=', 1.0, "$engine, black-holed at $end: it ends within 1 s") or diag($result->{text});
		$session->try('ROLLBACK');
		reads($engine)->($session);
	}
}

# Writing, interrupted -------------------------------------------------------------------------------------------------

# 16 MB, more than one part.
my $insert = "INSERT INTO %s_out (id, word) SELECT i, repeat('w', 1000) FROM generate_series(1, 16000) i";
my $small  = "INSERT INTO %s_out (id, word) SELECT i, 'w' FROM generate_series(1, 10) i";
my @write = (
	{name => 'connect', fault => {act => 'unreachable'}},
	{name => 'upload', fault => {act => 'blackhole', up => 500_000}, ready => $stuck},
	{name => 'the answer to an upload', fault => {act => 'blackhole', down => 1}, ready => $stuck},
);
for my $engine (qw(native libs3))
{
	for my $phase (@write)
	{
		for my $means (@{Interrupt::MEANS()})
		{
			my $finish = 'SELECT count(*) FROM fdw_s3_finish()';

			clean($engine);
			$proxy->fault(%{$phase->{fault}});
			Interrupt::strike($stack, "$engine, writing, black-holed, $phase->{name}", $means,
				sql => 'DO $$ BEGIN ' . sprintf($insert, $engine) . '; PERFORM * FROM fdw_s3_finish(); END $$',
				ready => $phase->{ready});
			$proxy->pass;
			ok(!grep({ length($s3->get($bucket, $_)) < 16_000_000 } objects($engine)),
				"$engine, writing, black-holed, $phase->{name}: no part of an object is to be seen");
		}
	}
	# At COMMIT PostgreSQL fires no timeout; the others act.
	for my $means (qw(cancel terminate vanish))
	{
		clean($engine);
		Interrupt::strike($stack, "$engine, black-holed at COMMIT", $means, sql => 'COMMIT', ready => $stuck,
			before => sub {
				$proxy->pass;
				$_[0]->sql('BEGIN; ' . sprintf($small, $engine));
				$proxy->fault(act => 'blackhole');
			});
		$proxy->pass;
		is(scalar(objects($engine)), 0, "$engine, black-holed at COMMIT: nothing is written");
	}
	my $session = $stack->session;
	$session->sql('BEGIN; ' . sprintf $insert, $engine);
	$proxy->fault(act => 'blackhole');
	my $result = $session->try('ROLLBACK', 15);
	cmp_ok($result->{seconds}, '<=', 1.0, "$engine, black-holed at ROLLBACK with an upload under way: it ends within 1 s");
	$proxy->pass;
	$session->sql(sprintf $small, $engine);
	is(scalar(objects($engine)), 1, "$engine: the next INSERT writes its object");
	clean($engine);
}

# What may be tried again is -------------------------------------------------------------------------------------------

sub succeeds
{
	my ($engine, $name, %fault) = @_;
	my $fired = delete $fault{fired} // 1;

	$proxy->fault(%fault);
	my $result = $stack->try(sprintf($all, $engine), 30);
	is($result->{out}, $exact, "$engine: $name: the exact rows");
	cmp_ok($proxy->stat->{fired}, '>=', $fired, "$engine: $name: it did happen");
	return;
}

sub fails
{
	my ($engine, $name, $code, $pattern, %fault) = @_;
	my $query = delete $fault{query} // sprintf $all, $engine;

	$proxy->fault(%fault);
	my $result = $stack->try($query, 60);
	like($result->{code} // 'none', $code, "$engine: $name: an ERROR") or diag($result->{text});
	like($result->{text}, $pattern, "$engine: $name: says what") if $pattern;
	unlike($result->{text}, qr/\Q$ENV{S3_SECRET_KEY}\E/, "$engine: $name: shows no secret");
	$proxy->pass;
	return;
}

sub xml { my ($code) = @_; return "<?xml version=\"1.0\"?><Error><Code>$code</Code><Message>said the proxy</Message></Error>" }

for my $engine (qw(native libs3))
{
	succeeds($engine, 'two answers 503', answer => '503 Slow Down', body => xml('SlowDown'), times => 2, fired => 2);
	succeeds($engine, 'an answer 500', answer => '500 Internal Server Error', body => xml('InternalError'), times => 1);
	succeeds($engine, 'an answer 429', answer => '429 Too Many Requests', body => xml('TooManyRequests'), times => 1);
	succeeds($engine, 'a reset at connect', act => 'reset', times => 1);
	succeeds($engine, 'a reset in a body', act => 'reset', down => 1_000_000, times => 1);
	succeeds($engine, 'a cut in a body', act => 'cut', down => 1_000_001, times => 1);
	fails($engine, 'nobody listening', qr/^08/, undef, act => 'refuse');
	fails($engine, 'denied', qr/^(42501|28|HV)/, undef, answer => '403 Forbidden', body => xml('AccessDenied'));
	fails($engine, 'a wrong key', qr/^(28|42501)/, undef, answer => '403 Forbidden', body => xml('SignatureDoesNotMatch'));
	fails($engine, 'clocks that differ', qr/./, qr/clock/i, answer => '403 Forbidden', body => xml('RequestTimeTooSkewed'));
	fails($engine, 'a page of HTML', qr/./, undef, answer => '200 OK', type => 'text/html', body => '<html>Please log in</html>');
	fails($engine, 'half a listing', qr/./, undef, answer => '200 OK', body => '<?xml version="1.0"?><ListBucketResult><Contents><Key>in/part-0.csv</Key>');
	fails($engine, 'an endless redirect', qr/./, undef, answer => '307 Temporary Redirect', headers => "Location: http://127.0.0.1:$port/x\r\n", body => '');
}

# Cut anywhere, again and again: the exact rows or an ERROR.
$stack->sql("ALTER SERVER $_ OPTIONS (ADD retries '2')") for qw(native libs3);
for my $engine (qw(native libs3))
{
	my %seen;
	for my $at (1, 10, 16, 17, 50, 150, 300, 500, 700, 1000, 1500, 2000, 3000, map { 97 + $_ * 400_003 } 1 .. 9)
	{
		$proxy->fault(act => ($at % 2 ? 'cut' : 'reset'), down => $at, times => 6);
		my $result = $stack->try(sprintf($all, $engine), 60);
		my $kind = $result->{late} ? 'late' : $result->{lost} ? 'crashed' : $result->{code} ? 'error' : $result->{out};

		$seen{$kind}++;
		ok($kind eq $exact || $kind eq 'error', "$engine: cut after $at bytes: the exact rows or an ERROR") or diag($result->{text});
	}
	note("$engine: $_ ($seen{$_} times)") for sort keys %seen;
	for my $slow ({slice => 100}, {delay => 20}, {rate => 8_000_000})
	{
		$proxy->fault(act => 'pass', %$slow);
		is($stack->try(sprintf($all, $engine), 60)->{out}, $exact, "$engine: " . join(' ', %$slow) . ': the exact rows');
	}
}

# An object that is replaced while it is read is an ERROR: the rows of two generations do not mix.
{
	my $session = $stack->session;

	$proxy->pass;
	$s3->put($bucket, sprintf('many/%02d.csv', $_), "id,word\n" . "$_,x\n" x 2000) for 0 .. 39;
	for my $engine (qw(native libs3))
	{
		$stack->sql("CREATE FOREIGN TABLE ${engine}_many (id bigint, word text) SERVER $engine"
			  . " OPTIONS (bucket '$bucket', prefix 'many/', format 'csv', header 'true')");
		$session->sql("BEGIN; DECLARE c CURSOR FOR SELECT id FROM ${engine}_many; FETCH 1 FROM c");
		$s3->put($bucket, 'many/38.csv', "id,word\n$engine,new\n");
		my $result = $session->try('MOVE ALL FROM c', 60);
		ok(defined $result->{code}, "$engine: an object replaced during the scan is an ERROR") or diag($result->{text});
		$session->try('ROLLBACK');
		$session->sql("BEGIN; DECLARE c CURSOR FOR SELECT id FROM ${engine}_many; FETCH 1 FROM c");
		$s3->remove($bucket, 'many/39.csv');
		$result = $session->try('MOVE ALL FROM c', 60);
		ok(defined $result->{code}, "$engine: an object deleted during the scan is an ERROR") or diag($result->{text});
		$session->try('ROLLBACK');
		$s3->put($bucket, "many/$_.csv", "id,word\n38,x\n") for 38, 39;
	}
}

# Writing through failures: all of it or nothing.
for my $engine (qw(native libs3))
{
	for my $case (
		['an answer 503', {answer => '503 Slow Down', body => xml('SlowDown'), times => 1}],
		['a reset before the answer', {act => 'reset', down => 1, times => 1}],
		['a cut in the upload', {act => 'cut', up => 200, times => 1}],
		['a reset for good', {act => 'reset', down => 1}],
		['a reset in the upload, for good', {act => 'reset', up => 3_000_000}],
		['answers 500 for good', {answer => '500 Internal Server Error', body => xml('InternalError')}],
		['denied', {answer => '403 Forbidden', body => xml('AccessDenied')}])
	{
		for my $rows (10, 16_000)
		{
			my ($name, $fault) = @$case;

			clean($engine);
			$proxy->fault(%$fault);
			my $result = $stack->try(sprintf($rows == 10 ? $small : $insert, $engine), 60);
			$proxy->pass;
			my @objects = objects($engine);
			my $lines   = 0;
			$lines += ($s3->get($bucket, $_) =~ tr/\n//) - 1 for @objects;
			if (defined $result->{code} || $result->{late} || $result->{lost})
			{
				ok(!$result->{late} && !$result->{lost}, "$engine: $name, $rows rows: an ERROR") or diag($result->{text});
				ok($lines == 0 || $lines == $rows, "$engine: $name, $rows rows: no half object") or diag("$lines lines");
			}
			else
			{
				is($lines, $rows, "$engine: $name, $rows rows: written in spite of it");
				is(scalar(@objects), 1, "$engine: $name, $rows rows: once");
			}
		}
	}
	clean($engine);
}

note(sprintf 'slowest %s: %.3f s', $_, $slowest{$_}) for sort keys %slowest;
$s3->drop($bucket);
done_testing();
