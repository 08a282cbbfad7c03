# What the tests of dashboards share: a database in which both pipelines have run, and a role that may read what they made.
#
#   my $dashboards = Dashboards->new('report', orders => 2000);      # options of Retail->new; none: all of RetailDB
#   $dashboards->stack; $dashboards->reader;                        # as in Stack.pm; the role's name
#   my ($status, $output) = $dashboards->command({METABASE_URL => ...}, 'dashboards/provision', 'retail');
#   $dashboards->drop;
package Dashboards;

use strict;
use warnings;

use FindBin qw($Bin);
use Retail;
use Stack;
use Weather;

sub new
{
	my ($class, $name, %option) = @_;
	my $stack = Stack->new($name, extensions => ['medallion']);
	my $self = bless {stack => $stack, reader => "test_${name}_reader"}, $class;

	$self->{retail} = Retail->new("${name}_retail", $stack, %option);
	$self->{retail}->install;
	$self->{retail}->run;
	# its servers, lake among them, are there
	$self->{weather} = Weather->new("${name}_weather", $stack);
	$stack->kafka_server('kafka', {});
	$stack->sql($self->{weather}->install_sql);
	for (1 .. 2) { $self->{weather}->flood(300); $self->{weather}->run }
	$stack->sql("DROP ROLE IF EXISTS $self->{reader}");
	$stack->sql("CREATE ROLE $self->{reader} LOGIN; GRANT USAGE ON SCHEMA silver, gold, weather TO $self->{reader};"
		  . " GRANT SELECT, REFERENCES ON ALL TABLES IN SCHEMA silver, gold, weather TO $self->{reader}");
	return $self;
}

sub stack { return $_[0]->{stack} }

sub reader { return $_[0]->{reader} }

# A program of the checkout, on the test's database; its exit status and what it printed.
sub command
{
	my ($self, $environment, @command) = @_;
	local %ENV = (%ENV, PGDATABASE => $self->{stack}->database, %$environment);
	my $program = shift @command;
	my $output = `$Bin/../$program @command 2>&1`;

	return ($? >> 8, $output);
}

sub drop
{
	my ($self) = @_;

	$self->{stack}->sql("DROP OWNED BY $self->{reader}; DROP ROLE $self->{reader}");
	$self->{$_}->drop for qw(weather retail);
	return;
}

1;
