/*
 * json_fuzz.c
 *		common/json_scan and json_span outside the server, where the compiler's sanitizers watch them.
 *
 * json_fuzz fuzz SECONDS SEED < seeds	mutates the lines of its input; every text is scanned in a block of just its size
 * json_fuzz check < texts				prints for each line, a text in hexadecimal, whether it is valid: t or f
 * json_fuzz speed < lines				time per line, and bytes per second
 *
 * What the sources take from the server stands here in its simplest form.
 */
#include "postgres.h"

#include <time.h>

#include "common/json_scan.h"
#include "common/json_span.h"
#include "mb/pg_wchar.h"
#include "nodes/pg_list.h"
#include "utils/datetime.h"
#include "utils/numeric.h"

#undef printf
#undef fprintf

const int	day_tab[2][13] = {
	{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0},
	{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0}
};

void *
palloc(Size size)
{
	return malloc(size);
}

void *
palloc0(Size size)
{
	return calloc(1, size);
}

void *
repalloc(void *pointer, Size size)
{
	return realloc(pointer, size);
}

void
pfree(void *pointer)
{
	free(pointer);
}

char *
pnstrdup(const char *text, Size length)
{
	return strndup(text, length);
}

char *
pstrdup(const char *text)
{
	return strdup(text);
}

List *
lappend(List *list, void *datum)
{
	if (list == NULL)
	{
		list = calloc(1, sizeof(List));
		list->elements = calloc(16, sizeof(ListCell));
	}
	list->elements[list->length++].ptr_value = datum;
	return list;
}

void
list_free_deep(List *list)
{
	for (int i = 0; i < list->length; i++)
		free(list->elements[i].ptr_value);
	free(list->elements);
	free(list);
}

bool
errstart(int level, const char *domain)
{
	abort();
}

bool
errstart_cold(int level, const char *domain)
{
	abort();
}

int
errcode(int code)
{
	return 0;
}

int
errmsg(const char *format,...)
{
	return 0;
}

int
errhint(const char *format,...)
{
	return 0;
}

void
errfinish(const char *file, int line, const char *function)
{
	abort();
}

int
date2j(int year, int month, int day)
{
	return year * 366 + month * 31 + day;
}

Numeric
int64_to_numeric(int64 value)
{
	return (Numeric) (intptr_t) value;
}

Numeric
int64_div_fast_to_numeric(int64 value, int scale)
{
	return (Numeric) (intptr_t) (value ^ scale);
}

/* The paths of a weather message, and some that meet what mutations make. */
static JsonPaths *
make_paths(void)
{
	static const char *const paths[] = {"name", "_ingest_ts", "_city", "dt", "id", "main.temp", "main.humidity",
		"coord.lon", "weather.0.id", "weather.0", "weather.1.main", "_error", "\"a.b\".c", "sys.sunrise.x"};
	JsonPaths  *result = json_paths_create();

	for (int i = 0; i < lengthof(paths); i++)
		json_paths_add(result, paths[i]);
	return result;
}

/* Everything that can be asked of a span. */
static uint64
ask(const JsonSpan *span)
{
	uint64		sum = span->kind;
	JsonProblem problem;
	uint32		length = 0;
	int64		integer;
	double		number;
	Datum		numeric;
	bool		zoned;

	if (span->kind == JSON_KIND_ABSENT)
		return 0;
	json_span_raw(span, &length);
	if (span->kind == JSON_KIND_STRING)
	{
		char	   *buffer = malloc(span->length);

		if (json_unescape(span, buffer, &length, &problem))
			for (uint32 i = 0; i < length; i++)
				sum += (unsigned char) buffer[i];
		else
			sum += problem.offset;
		free(buffer);
	}
	sum += json_span_int64(span, &integer) ? integer : 1;
	sum += json_span_float8(span, &number) && number > -1e9 && number < 1e9 ? (int64) number : 1;
	sum += json_span_numeric(span, &numeric) ? numeric : 1;
	sum += json_span_timestamp(span, &integer, &zoned) ? integer : 1;
	return sum;
}

/* A text in a block of its size, so that the sanitizer sees a byte read too many. */
static bool
scan(const JsonPaths *paths, const char *text, size_t length, uint64 *sum)
{
	char	   *copy = malloc(length);
	JsonSpan   *spans = malloc(sizeof(JsonSpan) * paths->count);
	JsonProblem problem;
	bool		valid;

	memcpy(copy, text, length);
	valid = json_scan(paths, copy, length, spans, &problem);
	if (problem.offset > length || *json_problem_text(problem.code) == '\0')
		abort();
	for (int i = 0; valid && i < paths->count; i++)
	{
		uint32		raw;

		*sum += ask(&spans[i]);
		if (spans[i].kind != JSON_KIND_ABSENT &&
			(json_span_raw(&spans[i], &raw) < copy || json_span_raw(&spans[i], &raw) + raw > copy + length))
			abort();
	}
	free(spans);
	free(copy);
	return valid;
}

static uint64 state;

static uint64
pick(uint64 below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return below == 0 ? 0 : state % below;
}

/* One to four changes: bytes, cuts, doubled pieces, and pieces of the grammar. */
static size_t
mutate(char *text, size_t length, size_t size)
{
	static const char *const pieces[] = {"\"", "\\", "{", "}", "[", "]", ",", ":", "-", "0", ".", "e", "E+", "1e400",
		"\\u0000", "\\ud83d\\ude00", "\\ud83d", "\\udc00", "\\u00", "null", "true", "fals", " ", "\n", "\t", "\x01", "\x7f",
		"\xc3\xa9", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x9f\x98\x80", "\xf4\x90\x80\x80", "\xff", "\xc3",
		"\"main\":{", "\"name\":", "\"\\u006eame\":", "{}", "[]", "9223372036854775808", "-9223372036854775808",
	"\"2026-02-29T23:59:60Z\"", "0.0000000000000000000000001"};

	for (int changes = pick(4) + 1; changes > 0; changes--)
	{
		size_t		at = pick(length + 1);
		const char *piece = pieces[pick(lengthof(pieces))];
		size_t		cut = pick(Min(8, length - at + 1));
		size_t		insert = 0;
		char		copy[64];

		switch (pick(4))
		{
			case 0:				/* another byte */
				if (length > 0)
					text[pick(length)] = pick(256);
				continue;
			case 1:				/* a piece in place of some bytes */
				insert = strlen(piece);
				memcpy(copy, piece, insert);
				break;
			case 2:				/* bytes from elsewhere */
				insert = pick(Min(sizeof(copy), length + 1));
				memcpy(copy, text + pick(length - insert + 1), insert);
				break;
			default:			/* a longer cut */
				cut = pick(length - at + 1);
		}
		if (length - cut + insert > size)
			continue;
		memmove(text + at + insert, text + at + cut, length - at - cut);
		memcpy(text + at, copy, insert);
		length += insert - cut;
	}
	return length;
}

static char *
next_line(size_t *length)
{
	static char *line;
	static size_t size;
	ssize_t		got = getline(&line, &size, stdin);

	if (got < 0)
		return NULL;
	if (got > 0 && line[got - 1] == '\n')
		got--;
	*length = got;
	return line;
}

#define MAX_TEXT 8192
#define MAX_SEEDS 256

static int
fuzz(int seconds)
{
	static char seeds[MAX_SEEDS][MAX_TEXT];
	static size_t lengths[MAX_SEEDS];
	JsonPaths  *paths = make_paths();
	time_t		end = time(NULL) + seconds;
	uint64		texts = 0;
	uint64		valid = 0;
	uint64		sum = 0;
	size_t		length;
	char	   *line;
	int			count = 0;

	while (count < MAX_SEEDS && (line = next_line(&length)) != NULL)
		if (length <= MAX_TEXT)
		{
			memcpy(seeds[count], line, length);
			lengths[count++] = length;
		}
	while (count > 0 && ((texts & 0xFFF) != 0 || time(NULL) < end))
	{
		int			seed = pick(count);
		char		text[MAX_TEXT];
		size_t		changed;

		memcpy(text, seeds[seed], lengths[seed]);
		changed = mutate(text, lengths[seed], sizeof(text));
		texts++;
		if (!scan(paths, text, changed, &sum))
			continue;
		/* What stays valid is a seed for more. */
		if (valid++ % 16 == 0)
		{
			seed = pick(count);
			memcpy(seeds[seed], text, changed);
			lengths[seed] = changed;
		}
	}
	printf("%llu texts, %llu valid\n", (unsigned long long) texts, (unsigned long long) valid);
	return texts > 0 ? 0 : 1;
}

static int
hex(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

static int
check(void)
{
	JsonPaths  *paths = make_paths();
	uint64		sum = 0;
	size_t		length;
	char	   *line;

	while ((line = next_line(&length)) != NULL)
	{
		for (size_t i = 0; i < length / 2; i++)
			line[i] = hex(line[2 * i]) * 16 + hex(line[2 * i + 1]);
		puts(scan(paths, line, length / 2, &sum) ? "t" : "f");
	}
	return 0;
}

static double
seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* The lines a few times over, and the best of these. */
static int
speed(void)
{
	JsonPaths  *paths = make_paths();
	JsonSpan   *spans = malloc(sizeof(JsonSpan) * paths->count);
	char	   *all = malloc(1 << 26);
	size_t	   *ends = malloc(sizeof(size_t) * (1 << 20));
	size_t		used = 0;
	size_t		length;
	double		best = 1e9;
	int			count = 0;
	char	   *line;

	while (count < (1 << 20) && (line = next_line(&length)) != NULL && used + length <= 1 << 26)
	{
		memcpy(all + used, line, length);
		used += length;
		ends[count++] = used;
	}
	for (int round = 0; round < 20; round++)
	{
		double		begin = seconds_now();
		JsonProblem problem;
		double		took;

		for (int i = 0; i < count; i++)
		{
			size_t		start = i > 0 ? ends[i - 1] : 0;

			if (!json_scan(paths, all + start, ends[i] - start, spans, &problem))
			{
				printf("line %d, byte %zu: %s\n", i + 1, problem.offset, json_problem_text(problem.code));
				return 1;
			}
		}
		took = seconds_now() - begin;
		best = Min(best, took);
	}
	printf("%d lines of %zu bytes: %.3f us each, %.2f GB/s\n", count, used / count, best / count * 1e6, used / best / 1e9);
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "fuzz") == 0)
	{
		state = strtoull(argv[3], NULL, 10) * UINT64CONST(0x9E3779B97F4A7C15) | 1;
		return fuzz(atoi(argv[2]));
	}
	if (argc == 2 && strcmp(argv[1], "check") == 0)
		return check();
	if (argc == 2 && strcmp(argv[1], "speed") == 0)
		return speed();
	fprintf(stderr, "usage: json_fuzz fuzz SECONDS SEED | check | speed\n");
	return 2;
}
