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
	my $self = bless {stack => $stack, prefix => "test_$name", reader => "test_${name}_metabase"}, $class;

	$self->{retail} = Retail->new("${name}_retail", $stack, %option);
	$self->{retail}->install;
	$self->{retail}->run;
	# its servers, lake among them, are there
	$self->{weather} = Weather->new("${name}_weather", $stack);
	$stack->kafka_server('kafka', {});
	$stack->sql($self->{weather}->install_sql);
	for (1 .. 2) { $self->{weather}->flood(300); $self->{weather}->run }
	# as stack/metabase.sql does it, with names of the test's own
	$stack->sql("DROP ROLE IF EXISTS $self->{reader}; SELECT medallion.create_roles('$self->{prefix}');"
		  . " CREATE ROLE $self->{reader} LOGIN IN ROLE $self->{prefix}_reader;"
		  . " INSERT INTO medallion.observer SELECT DISTINCT owner, '$self->{prefix}_reader'::name FROM medallion.pipeline");
	return $self;
}

sub stack { return $_[0]->{stack} }

sub reader { return $_[0]->{reader} }

# A program of the checkout, on the test's database; its exit status and what it printed.
sub command
{
	my ($self, $environment, @command) = @_;
	local %ENV = (%ENV, PGDATABASE => $self->{stack}->database, %$environment);
	my $program = shift(@command) =~ s{^(?!/)}{$Bin/../}r;
	my $output = `$program @command 2>&1`;

	return ($? >> 8, $output);
}

sub drop
{
	my ($self) = @_;

	my $roles = join ', ', $self->{reader}, map { "$self->{prefix}_$_" } qw(reader loader admin);
	$self->{stack}->sql("DROP OWNED BY $roles; DROP ROLE $roles");
	$self->{$_}->drop for qw(weather retail);
	return;
}

1;
