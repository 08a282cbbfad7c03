# A stand-in for the part of Metabase's REST API that dashboards/provision uses, on loopback: as strict about what it is sent
# as the maps of fields in Metabase's own source are (a field it does not know is refused), forgetful of passwords in what it
# tells, and running questions on the PostgreSQL it was given, as the role it was given. Core Perl, and psql.
#
#   my $metabase = Metabase->start;              # or ->start(legacy => 1): tells queries in the form of older releases
#   $metabase->url;                              # http://127.0.0.1:PORT
#   my @all = $metabase->requests;               # 'POST /api/card' ...; ->requests(qr/^PUT/) some of them
#   $metabase->call('GET', 'dashboard/1');       # as the administrator that was set up: the decoded answer
#   $metabase->clear;                            # forgets the requests
package Metabase;

use strict;
use warnings;

use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP;
use POSIX ();

my $json = JSON::PP->new->utf8->canonical;

# What a field may be ---------------------------------------------------------------------------------------------------

my %is;
%is = (
	text    => sub { defined $_ && !ref && /\S/ },
	string  => sub { defined $_ && !ref },
	number  => sub { defined $_ && !ref && /^-?\d+\z/ && $json->encode([$_]) !~ /"/ },
	natural => sub { $is{number}->() && $_ >= 0 },
	id      => sub { $is{number}->() && $_ > 0 },
	boolean => sub { JSON::PP::is_bool($_) },
	map     => sub { ref eq 'HASH' },
	list    => sub { ref eq 'ARRAY' },
	email   => sub { defined $_ && !ref && /^\S+\@\S+\.\S+\z/ },
	filter => sub { ($_ // '') =~ m{^(?:string/=|date/single)\z} },
	kind   => sub { ($_ // '') =~ /^(?:text|date|number)\z/ },
	password => sub { defined $_ && !ref && length >= 6 && /\d/ },
	query    => sub { ref eq 'HASH' && ($_->{type} // '') eq 'native' && ref $_->{native} eq 'HASH' && ($_->{native}{query} // '') =~ /\S/ && $_->{database} },
);

# '!' must be there, '?' may be null.
my %takes = (
	'POST session'    => {username => '!text', password => '!text'},
	'POST setup'      => {token => '!text', user => '!map', prefs => '!map'},
	'POST setup.user' => {email => '!email', password => '!password', map({ ($_ => '?string') } qw(first_name last_name site_name password_confirm))},
	'POST setup.prefs' => {site_name => '!text', site_locale => '?text', allow_tracking => '?boolean'},
	'POST database'    => {name => '!text', engine => '!text', details => '!map', map({ ($_ => '?boolean') } qw(is_full_sync is_on_demand auto_run_queries))},
	'PUT database'     => {name => '?text', engine => '?text', details => '?map', map({ ($_ => '?boolean') } qw(is_full_sync is_on_demand auto_run_queries))},
	'POST collection'  => {name => '!text', description => '?text', parent_id => '?id', namespace => '?text', authority_level => '?text'},
	'POST card'        => {name => '!text', dataset_query => '!query', display => '!text', visualization_settings => '!map', description => '?text',
		collection_id => '?id', type => '?text', parameters => '?list', parameter_mappings => '?list', cache_ttl => '?id'},
	'PUT card' => {name => '?text', dataset_query => '?query', display => '?text', visualization_settings => '?map', description => '?string',
		collection_id => '?id', type => '?text', parameters => '?list', archived => '?boolean', cache_ttl => '?id'},
	'POST card.query' => {parameters => '?list', ignore_cache => 'boolean', collection_preview => '?boolean', dashboard_id => '?id'},
	'POST dashboard'  => {name => '!text', description => '?string', parameters => '?list', cache_ttl => '?id', collection_id => '?id', collection_position => '?id'},
	'PUT dashboard'   => {name => '?text', description => '?string', parameters => '?list', width => 'text', archived => '?boolean', collection_id => '?id',
		dashcards => '?list', tabs => '?list'},
	dashcard => {id => '!number', size_x => '!id', size_y => '!id', row => '!natural', col => '!natural', card_id => '?id', action_id => '?id',
		dashboard_tab_id => '?number', parameter_mappings => '?list', visualization_settings => '?map', inline_parameters => '?list', series => '?list'},
	tab => {id => '!number', name => '!text', position => 'natural'},
	parameter => {id => '!text', type => '!filter', map({ ($_ => '?text') } qw(name slug sectionId)), default => '?text', target => '?list',
		values_query_type => '?text', values_source_type => '?text', values_source_config => '?map'},
	mapping => {parameter_id => '!text', target => '!list', card_id => '?id'},
	tag => {id => '!text', name => '!text', 'display-name' => '!text', type => '!kind'},
);

sub _check
{
	my ($map, $body) = @_;
	my $takes = $takes{$map} or die "no map for $map";

	_refuse($map, 'value must be a map.') if ref $body ne 'HASH';
	for my $field (sort keys %$body)
	{
		my ($may, $kind) = ($takes->{$field} // _refuse($field, 'disallowed key')) =~ /^([!?]?)(\w+)/;
		local $_ = $body->{$field};
		next if !defined $_ && $may eq '?';
		_refuse($field, "value must be of kind $kind.") if !$is{$kind}->();
	}
	for my $field (grep { $takes->{$_} =~ /^!/ } sort keys %$takes) { _refuse($field, 'missing required key') if !exists $body->{$field} }
	return;
}

sub _refuse { my ($field, $why) = @_; die {status => 400, body => {errors => {$field => $why}}} }

sub _none { die {status => 404, body => 'Not found.'} }

# The test's side -------------------------------------------------------------------------------------------------------

sub start
{
	my ($class, %option) = @_;
	my $listener = IO::Socket::INET->new(Listen => 16, LocalAddr => '127.0.0.1', ReuseAddr => 1) // die "cannot listen: $!";
	my $self = bless {%option, owner => $$, port => $listener->sockport}, $class;

	pipe(my $theirs, $self->{control}) or die "pipe: $!";
	$self->{pid} = fork() // die "fork: $!";
	if ($self->{pid} == 0)
	{
		close $self->{control};
		eval { $self->_serve($listener, $theirs); 1 } or print STDERR "Metabase: $@";
		POSIX::_exit(0);
	}
	return $self;
}

sub url { return "http://127.0.0.1:$_[0]{port}" }

# The stub's own requests need no session.
sub call
{
	my ($self, $method, $path, $body) = @_;
	my $answer = HTTP::Tiny->new(timeout => 30)->request($method, $self->url . "/api/$path",
		{headers => {'X-Test' => 1, 'Content-Type' => 'application/json'}, defined $body ? (content => $json->encode($body)) : ()});

	die "$method $path: $answer->{status} $answer->{content}" if !$answer->{success};
	return length $answer->{content} ? $json->decode($answer->{content}) : undef;
}

sub requests { my ($self, $which) = @_; return grep { !$which || /$which/ } @{$self->call('GET', 'test/requests')} }

sub clear { return $_[0]->call('POST', 'test/clear', {}) }

sub stop
{
	my ($self) = @_;

	close(delete $self->{control} // return);
	# another stand-in, started later, may hold a copy of the pipe
	kill 'TERM', $self->{pid};
	waitpid $self->{pid}, 0;
	return;
}

sub DESTROY
{
	my ($self) = @_;
	local ($?, $@, $!);

	$self->stop if $$ == $self->{owner};
	return;
}

# The server ------------------------------------------------------------------------------------------------------------

sub _serve
{
	my ($self, $listener, $control) = @_;

	local $SIG{PIPE} = 'IGNORE';
	%$self = (%$self, token => 'setup-token-of-the-test', session => 'session-of-the-test', starting => 1, requests => [],
		database => {}, collection => {}, card => {}, dashboard => {}, serial => 0);
	while (1)
	{
		my $wanted = '';
		vec($wanted, fileno $_, 1) = 1 for $listener, $control;
		next if select($wanted, undef, undef, undef) <= 0;
		return if vec $wanted, fileno $control, 1;
		my $client = $listener->accept // next;
		my ($method, $path, $header, $body) = _request($client) or next;
		push @{$self->{requests}}, "$method $path" if !$header->{'x-test'};
		my $answer = eval { $self->_answer($method, $path, $header, $body) };
		my $status = ref $@ ? $@->{status} : $@ ? 500 : $method eq 'POST' && $path =~ m{/query$} ? 202 : 200;
		$answer = ref $@ ? $@->{body} : "$@" if $@;
		my $text = ref $answer ? $json->encode($answer) : $answer // '';
		print {$client} "HTTP/1.1 $status Answer\r\nContent-Type: application/json\r\nContent-Length: " . length($text) . "\r\nConnection: close\r\n\r\n$text";
		close $client;
	}
}

sub _request
{
	my ($client) = @_;
	my ($method, $path) = (readline($client) // '') =~ m{^(\w+) (\S+) HTTP/1} or return;
	my (%header, $body);

	while (defined(my $line = readline $client))
	{
		last if $line =~ /^\r?\n/;
		$header{lc $1} = $2 if $line =~ /^([^:]+):\s*(.*?)\r?\n/;
	}
	read $client, $body, $header{'content-length'} // 0;
	return ($method, $path, \%header, length $body ? $json->decode($body) : undef);
}

sub _answer
{
	my ($self, $method, $path, $header, $body) = @_;
	my ($kind, $id, $rest) = $path =~ m{^/api/([\w-]+)/?(\w+)?(?:/([\w-]+))?} or _none();
	my $open = $header->{'x-test'} || $kind eq 'health' || $kind eq 'setup' || $kind eq 'session';

	die {status => 401, body => 'Unauthenticated'} if !$open && ($header->{'x-metabase-session'} // '') ne $self->{session} && ($header->{'x-api-key'} // '') ne 'key-of-the-test';
	return $self->{requests} if $kind eq 'test' && $id eq 'requests';
	return $self->{requests} = [] if $kind eq 'test';
	return $self->_enter($method, $kind, $body) if $kind =~ /^(?:health|session|setup)\z/;
	return $self->_tell($kind, $id, $rest, $path) if $method eq 'GET';
	return $self->_run($id, $body) if $kind eq 'card' && ($rest // '') eq 'query';
	_none() if $rest || !$self->{$kind} || !$takes{"$method $kind"} || ($method eq 'PUT') != defined $id;
	_check("$method $kind", $body);
	return $self->_keep($kind, $id // ++$self->{serial}, $body);
}

sub _enter
{
	my ($self, $method, $kind, $body) = @_;

	if ($kind eq 'health')
	{
		die {status => 503, body => {status => 'initializing', progress => 0.5}} if $self->{starting}-- > 0;
		return {status => 'ok'};
	}
	if ($method eq 'GET') { return {'has-user-setup' => $self->{user} ? JSON::PP::true : JSON::PP::false, 'setup-token' => $self->{user} ? undef : $self->{token}} }
	_check("POST $kind", $body);
	if ($kind eq 'setup')
	{
		_check("POST setup.$_", $body->{$_}) for qw(user prefs);
		die {status => 403, body => 'The /api/setup route can only be used to create the first user.'} if $self->{user};
		_refuse('token', 'Token does not match the setup token.') if $body->{token} ne $self->{token};
		$self->{user} = $body->{user};
	}
	elsif (!$self->{user} || $body->{username} ne $self->{user}{email} || $body->{password} ne $self->{user}{password})
	{
		die {status => 401, body => {errors => {password => 'did not match stored password'}, sent => $body}};
	}
	return {id => $self->{session}};
}

# GET: all of a kind, one, or what lies in a collection
sub _tell
{
	my ($self, $kind, $id, $rest, $path) = @_;
	my $things = $self->{$kind} // _none();

	if (($rest // '') eq 'items')
	{
		my ($model) = $path =~ /[?&]models=(card|dashboard)\z/ or _none();
		my @found = grep { $_->{collection_id} == $id } map { $self->{$model}{$_} } sort { $a <=> $b } keys %{$self->{$model}};
		return {data => [map { {id => $_->{id}, name => $_->{name}, model => $model} } @found], total => scalar @found};
	}
	_none() if $rest;
	return $self->_show($kind, $things->{$id} // _none()) if defined $id;
	my @all = map { $self->_show($kind, $things->{$_}) } sort { $a <=> $b } keys %$things;
	return {data => \@all, total => scalar @all} if $kind eq 'database';
	return [{id => 'root', name => 'Our analytics'}, @all] if $kind eq 'collection';
	return \@all;
}

sub _show
{
	my ($self, $kind, $thing) = @_;

	return {%$thing, details => {%{$thing->{details}}, password => '**MetabasePass**'}} if $kind eq 'database';
	return $thing if $kind ne 'card' || $self->{legacy};
	my $query = $thing->{dataset_query};
	return {%$thing, dataset_query => {'lib/type' => 'mbql/query', database => $query->{database},
		stages => [{'lib/type' => 'mbql.stage/native', native => $query->{native}{query}, 'template-tags' => $query->{native}{'template-tags'}}]}};
}

# POST and PUT
sub _keep
{
	my ($self, $kind, $id, $body) = @_;
	my $thing = {%{$self->{$kind}{$id} // {id => 0 + $id, $kind eq 'dashboard' ? (dashcards => [], tabs => []) : ()}}, %$body};

	_refuse('id', 'no such thing') if !$thing->{name};
	_refuse('collection_id', 'no such collection') if $thing->{collection_id} && !$self->{collection}{$thing->{collection_id}};
	if ($kind eq 'collection') { $thing->{location} = $body->{parent_id} ? "$self->{collection}{$body->{parent_id}}{location}$body->{parent_id}/" : '/' }
	if ($kind eq 'database')
	{
		my $answer = _psql($thing->{details}, 'SELECT 1');
		die {status => 400, body => {message => $answer->{error}, details => $thing->{details}}} if $answer->{error};
		# tried first, and kept where the server speaks it
		$thing->{details}{ssl} = JSON::PP::true;
	}
	$thing->{dashcards} = $self->_dashcards($id, $body->{dashcards}) if $body->{dashcards};
	if ($body->{tabs}) { _check('tab', $_) for @{$body->{tabs}} }
	$self->_check_filters($thing, $body) if $kind eq 'dashboard';
	_check_tags($body->{dataset_query}{native}) if $kind eq 'card' && $body->{dataset_query};
	$self->{$kind}{$id} = $thing;
	return $self->_show($kind, $thing);
}

# Filters whose values come from a question, and cards that are tied to them
sub _check_filters
{
	my ($self, $dashboard, $body) = @_;
	my %known = map { $_->{id} => 1 } @{$dashboard->{parameters} // []};

	for my $filter (@{$body->{parameters} // []})
	{
		_check('parameter', $filter);
		my ($source, $config) = @{$filter}{qw(values_source_type values_source_config)};
		_refuse('values_source_config', 'no such card') if ($source // '') eq 'card' && !$self->{card}{$config->{card_id}};
	}
	for my $dashcard (@{$dashboard->{dashcards}})
	{
		for my $mapping (@{$dashcard->{parameter_mappings}})
		{
			_check('mapping', $mapping);
			my ($kind, $target) = @{$mapping->{target}};
			my $tags = $self->{card}{$dashcard->{card_id}}{dataset_query}{native}{'template-tags'};
			_refuse('parameter_id', 'no such filter') if !$known{$mapping->{parameter_id}};
			_refuse('target', 'no such tag') if $kind ne 'variable' || $target->[0] ne 'template-tag' || !$tags->{$target->[1]};
		}
	}
	return;
}

sub _check_tags
{
	my ($native) = @_;
	my $tags = $native->{'template-tags'} // {};

	for my $name (sort keys %$tags)
	{
		_check('tag', $tags->{$name});
		_refuse('template-tags', 'keys in template tag map must match the :name of their values') if $tags->{$name}{name} ne $name;
	}
	for my $name ($native->{query} =~ /\{\{(\w+)\}\}/g) { _refuse($name, 'no such tag') if !$tags->{$name} }
	return;
}

sub _dashcards
{
	my ($self, $dashboard, $dashcards) = @_;
	my (%seen, @all);

	for my $dashcard (@$dashcards)
	{
		_check('dashcard', $dashcard);
		_refuse('dashcards', 'ids must be unique') if $seen{$dashcard->{id}}++;
		_refuse('card_id', 'no such card') if $dashcard->{card_id} && !$self->{card}{$dashcard->{card_id}};
		my ($old) = grep { $_->{id} == $dashcard->{id} } @{$self->{dashboard}{$dashboard}{dashcards}};
		_refuse('id', 'no such dashcard') if !$old && $dashcard->{id} > 0;
		push @all, {parameter_mappings => [], visualization_settings => {}, dashboard_tab_id => undef, action_id => undef, series => [], %{$old // {}},
			%$dashcard, id => $old ? $old->{id} : ++$self->{serial}, dashboard_id => 0 + $dashboard, card => {id => $dashcard->{card_id}}};
	}
	return \@all;
}

# Questions -------------------------------------------------------------------------------------------------------------

sub _run
{
	my ($self, $id, $body) = @_;
	my $card = $self->{card}{$id} // _none();

	_check('POST card.query', $body);
	my $query  = $card->{dataset_query};
	my $sql    = _filled($query->{native}{query}, $body->{parameters} // []);
	my $answer = _psql($self->{database}{$query->{database}}{details}, "SELECT coalesce(json_agg(r), '[]') FROM (\n$sql\n) r");
	return {status => 'failed', error => $answer->{error}, data => {rows => [], cols => []}} if $answer->{error};
	my $rows = $json->decode($answer->{out});
	return {status => 'completed', row_count => scalar @$rows, data => {rows => [map { [@{$_}{sort keys %$_}] } @$rows], cols => [map { {name => $_} } sort keys %{$rows->[0] // {}}]}};
}

# Optional clauses whose tag has no value are left out.
sub _filled
{
	my ($sql, $parameters) = @_;
	my %value = map { $_->{target}[1][1] => join ', ', map { "'" . s/'/''/gr . "'" } ref $_->{value} ? @{$_->{value}} : $_->{value} } @$parameters;

	$sql =~ s{\[\[(.*?\{\{(\w+)\}\}.*?)\]\]}{defined $value{$2} ? $1 : ''}ges;
	return $sql =~ s/\{\{(\w+)\}\}/$value{$1}/gr;
}

sub _psql
{
	my ($details, $sql) = @_;
	my $pid = open(my $psql, '-|') // die "fork: $!";

	if ($pid == 0)
	{
		open STDERR, '>&', \*STDOUT;
		delete @ENV{grep { /^PG/ } keys %ENV};
		@ENV{qw(PGHOST PGPORT PGDATABASE PGUSER PGPASSWORD)} = map { $_ // '' } @{$details}{qw(host port dbname user password)};
		{ exec 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-c', $sql }
		POSIX::_exit(127);
	}
	my $out = do { local $/; readline($psql) // '' };
	close $psql;
	return $? == 0 ? {out => $out} : {error => $out || 'psql failed'};
}

1;
