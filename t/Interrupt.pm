# Breaks off a running statement by each of the four means a user has, and measures how long the backend takes to let go.
#
#   my $seconds = Interrupt::strike($stack, 'cancel', sql => 'SELECT ...', ready => sub { ... });
#
# A healthy system needs milliseconds; the promise is LIMIT. What the statement waits for is the caller's affair.
package Interrupt;

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(time sleep);

use constant {
	MEANS   => [qw(cancel terminate timeout vanish)],
	LIMIT   => 1.0,
	PATIENT => 15,     # seconds until a backend that does not react is given up
	TIMEOUT => 0.6,    # statement_timeout: long enough for the statement to reach its phase
};

my %code = (cancel => '57014', terminate => '57P01', timeout => '57014');

# Options: sql; limit (seconds, default LIMIT); before (sub of the session, run first); ready (sub, true in the right phase);
# after (sub of the session, when that lives on). Emits one test, and those of "after".
sub strike
{
	my ($stack, $name, $means, %case) = @_;
	my $session = $case{session} // $stack->session;
	my $limit   = $case{limit} // LIMIT;

	$case{before}->($session) if $case{before};
	$session->sql('SET statement_timeout = ' . int(1000 * TIMEOUT)) if $means eq 'timeout';
	$session->send($case{sql});
	my $seconds = _measure($stack, $session, $means, $case{ready});
	my $result  = $session->{result};

	ok(defined $seconds && $seconds <= $limit, sprintf('%s: %s acts within %g s', $name, $means, $limit))
	  or diag(defined $seconds ? sprintf('after %.2f s', $seconds) : 'not within ' . PATIENT . ' s');
	is($result->{code}, $code{$means}, "$name: $means says so") or diag($result->{text}) if $result && $code{$means};
	$main::slowest{$means} = $seconds if ($seconds // 99) > ($main::slowest{$means} // 0);
	if ($means eq 'cancel' || $means eq 'timeout')
	{
		$session->try('ROLLBACK; RESET statement_timeout') if defined $seconds && $means eq 'timeout';
		$case{after}->($session) if $case{after} && defined $seconds;
	}
	elsif (!defined $seconds) { kill 'TERM', $session->pid }
	return $seconds;
}

# Seconds from the strike to the end of the statement or of the backend; undef when it did not end.
sub _measure
{
	my ($stack, $session, $means, $ready) = @_;
	my $admin = $stack->{admin} //= $stack->session;

	if ($means eq 'timeout')
	{
		my $result = $session->{result} = $session->receive(PATIENT);

		return $result->{late} ? undef : $result->{seconds} - TIMEOUT;
	}
	$ready ? Stack::until_true($ready, 10) // diag('the statement never reached its phase') : sleep 0.25;
	sleep 0.05;
	my $begun = time;
	if ($means eq 'vanish') { $session->vanish }
	else { $admin->sql("SELECT pg_${means}_backend(" . $session->pid . ')') }
	if ($means eq 'cancel')
	{
		my $result = $session->{result} = $session->receive(PATIENT);

		return $result->{late} ? undef : time - $begun;
	}
	my $seconds = Stack::until_true(sub { !$session->alive }, PATIENT);
	$session->{result} = $session->receive(1) if $means eq 'terminate' && defined $seconds;
	return $seconds;
}

1;
