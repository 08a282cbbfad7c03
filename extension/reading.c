/*
 * reading.c
 *		What one Kafka record of the topic of weather means. What becomes of readings stands in window.c and landing.c.
 */
#include "postgres.h"

#include "reading.h"

#include "instant.h"

#include "common/json_span.h"
#include "utils/timestamp.h"

/* A key of an index has room for it, and no city has a longer name. */
#define CITY_MAX 256
/* An escape takes six characters for one. */
#define ESCAPED_MAX (6 * CITY_MAX)
/* How far a producer's clock may be ahead. */
#define FUTURE_MARGIN (10 * USECS_PER_MINUTE)

/* Numbers of the paths in their set; 0 is the document. */
enum
{
	PATH_ERROR = 1,
	PATH_STATUS_CODE,
	PATH_ASKED_CITY,
	PATH_CITY,
	PATH_NAME,
	PATH_ID,
	PATH_INGEST_TS,
	PATH_DT,
	PATH_UNITS,
	PATH_TEMP,
	PATH_HUMIDITY,
	PATHS_END
};

static const char *const paths[PATHS_END] = {
	[PATH_ERROR] = "_error",
	[PATH_STATUS_CODE] = "status_code",
	[PATH_ASKED_CITY] = "_city",
	[PATH_CITY] = "city",
	[PATH_NAME] = "name",
	[PATH_ID] = "id",
	[PATH_INGEST_TS] = "_ingest_ts",
	[PATH_DT] = "dt",
	[PATH_UNITS] = "_units",
	[PATH_TEMP] = "main.temp",
	[PATH_HUMIDITY] = "main.humidity",
};

/* Kelvin = (value + hundredths / 100) * factor / divisor */
static const struct
{
	const char *name;
	int			hundredths;
	int			factor;
	int			divisor;
}			units[] = {
	{"standard", 0, 1, 1},
	{"metric", 27315, 1, 1},
	{"imperial", 45967, 5, 9},
};

struct Reader
{
	JsonPaths  *paths;
	JsonSpan   *spans;			/* one for each node of the paths */
	int			node[PATHS_END];
	char		city[ESCAPED_MAX];	/* where a string with escapes is put */
	char		other[ESCAPED_MAX];
};

const char *
dead_reason_name(DeadReason reason)
{
	static const char *const names[] = {
		[DEAD_TOMBSTONE] = "tombstone",
		[DEAD_NOT_JSON] = "not json",
		[DEAD_NOT_OBJECT] = "not an object",
		[DEAD_NO_CITY] = "no city",
		[DEAD_BAD_CITY] = "bad city",
		[DEAD_NO_TIME] = "no time",
		[DEAD_BAD_TIME] = "bad time",
		[DEAD_NO_TIMESTAMP] = "no timestamp",
		[DEAD_FUTURE] = "future",
		[DEAD_BAD_UNITS] = "bad units",
		[DEAD_BAD_TEMP] = "bad temp",
		[DEAD_BAD_HUMIDITY] = "bad humidity",
	};

	return names[reason];
}

/* What is wrong with the JSON, and where. */
char *
reading_detail(const Reading *reading)
{
	if (reading->kind != READING_DEAD || reading->reason != DEAD_NOT_JSON)
		return NULL;
	return psprintf("%s (byte %zu)", json_problem_text(reading->problem.code), reading->problem.offset + 1);
}

Reader *
reader_create(void)
{
	Reader	   *reader = palloc0(sizeof(Reader));

	reader->paths = json_paths_create();
	for (int i = PATH_ERROR; i < PATHS_END; i++)
		reader->node[i] = json_paths_add(reader->paths, paths[i]);
	reader->spans = palloc(sizeof(JsonSpan) * reader->paths->count);
	return reader;
}

static const JsonSpan *
span_of(const Reader *reader, int path)
{
	return &reader->spans[reader->node[path]];
}

/* A key with null counts as one that is not there. */
static bool
is_absent(const JsonSpan *span)
{
	return span->kind == JSON_KIND_ABSENT || span->kind == JSON_KIND_NULL;
}

/* False: no string, none that text could hold, or too long with its escapes. */
static bool
take_string(const JsonSpan *span, char *buffer, Bytes *string)
{
	JsonProblem problem;
	uint32		length;

	if (span->kind != JSON_KIND_STRING)
		return false;
	string->data = span->start;
	string->length = span->length;
	if (!span->escaped)
		return true;
	if (span->length > ESCAPED_MAX || !json_unescape(span, buffer, &length, &problem))
		return false;
	string->data = buffer;
	string->length = length;
	return true;
}

static bool
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void
trim(Bytes *string)
{
	while (string->length > 0 && is_blank(string->data[0]))
	{
		string->data++;
		string->length--;
	}
	while (string->length > 0 && is_blank(string->data[string->length - 1]))
		string->length--;
}

/* Blank strings count as none: then *city is empty. */
static bool
take_city(Reader *reader, int path, Bytes *city)
{
	const JsonSpan *span = span_of(reader, path);

	city->data = NULL;
	city->length = 0;
	if (is_absent(span))
		return true;
	if (!take_string(span, reader->city, city))
		return false;
	trim(city);
	return city->length <= CITY_MAX;
}

/* The first of them that is not blank. */
static bool
find_city(Reader *reader, int first, int second, Bytes *city)
{
	return take_city(reader, first, city) && (city->length > 0 || take_city(reader, second, city));
}

static bool
take_number(const JsonSpan *span, Number *number)
{
	return span->kind == JSON_KIND_NUMBER && number_read(span->start, span->length, number);
}

static void
reject(Reading *reading, DeadReason reason)
{
	reading->kind = READING_DEAD;
	reading->reason = reason;
}

static bool
read_city(Reader *reader, Reading *reading)
{
	const JsonSpan *id = span_of(reader, PATH_ID);

	if (!find_city(reader, PATH_ASKED_CITY, PATH_NAME, &reading->city))
	{
		reject(reading, DEAD_BAD_CITY);
		return false;
	}
	if (reading->city.length == 0)
	{
		reject(reading, DEAD_NO_CITY);
		return false;
	}
	reading->has_city_id = json_span_int64(id, &reading->city_id);
	return true;
}

/* The time of the poll counts; that of OpenWeather's calculation, dt, only where the first is not there at all. */
static bool
take_event_time(Reader *reader, Reading *reading)
{
	const JsonSpan *polled = span_of(reader, PATH_INGEST_TS);
	Bytes		string;
	Number		seconds;

	if (!is_absent(polled))
		return take_string(polled, reader->other, &string) &&
			instant_from_text(string.data, string.length, &reading->event_time);
	return take_number(span_of(reader, PATH_DT), &seconds) && instant_from_seconds(&seconds, &reading->event_time);
}

static bool
read_event_time(Reader *reader, const Record *record, Reading *reading)
{
	bool		absent = is_absent(span_of(reader, PATH_INGEST_TS)) && is_absent(span_of(reader, PATH_DT));

	if (absent)
		reject(reading, DEAD_NO_TIME);
	else if (!take_event_time(reader, reading))
		reject(reading, DEAD_BAD_TIME);
	else if (!record->has_timestamp)
		reject(reading, DEAD_NO_TIMESTAMP);
	else if (reading->event_time > record->timestamp + FUTURE_MARGIN)
		reject(reading, DEAD_FUTURE);
	else
		return true;
	return false;
}

/* The row of the table of units, or -1. */
static int
find_units(Reader *reader)
{
	const JsonSpan *span = span_of(reader, PATH_UNITS);
	Bytes		name;

	if (is_absent(span))
		return 0;
	if (!take_string(span, reader->other, &name))
		return -1;
	for (int i = 0; i < lengthof(units); i++)
		if (name.length == strlen(units[i].name) && memcmp(name.data, units[i].name, name.length) == 0)
			return i;
	return -1;
}

static bool
read_temp(Reader *reader, Reading *reading)
{
	int			i = find_units(reader);
	Number		temp;

	if (i < 0)
	{
		reject(reading, DEAD_BAD_UNITS);
		return false;
	}
	if (!take_number(span_of(reader, PATH_TEMP), &temp))
	{
		reject(reading, DEAD_BAD_TEMP);
		return false;
	}
	reading->temp = number_convert(&temp, units[i].hundredths, units[i].factor, units[i].divisor);
	return true;
}

static bool
read_humidity(Reader *reader, Reading *reading)
{
	static const Decimal least = {0, NULL};
	static const Decimal greatest = {100 * DECIMAL_UNIT, NULL};
	Number		humidity;

	if (take_number(span_of(reader, PATH_HUMIDITY), &humidity))
	{
		reading->humidity = number_decimal(&humidity);
		if (decimal_compare(reading->humidity, least) >= 0 && decimal_compare(reading->humidity, greatest) <= 0)
			return true;
	}
	reject(reading, DEAD_BAD_HUMIDITY);
	return false;
}

/* A failed call. What it does not say, or says wrongly, stays unknown: the whole record is kept beside it. */
static void
read_api_error(Reader *reader, Reading *reading)
{
	int64		code;

	reading->kind = READING_API_ERROR;
	if (!find_city(reader, PATH_CITY, PATH_ASKED_CITY, &reading->city))
		reading->city.length = 0;
	reading->has_status_code = json_span_int64(span_of(reader, PATH_STATUS_CODE), &code) &&
		code >= PG_INT32_MIN && code <= PG_INT32_MAX;
	if (reading->has_status_code)
		reading->status_code = (int32) code;
}

void
reading_read(Reader *reader, const Record *record, Reading *reading)
{
	memset(reading, 0, sizeof(Reading));
	if (record->value.data == NULL)
	{
		reject(reading, DEAD_TOMBSTONE);
		return;
	}
	reading->is_json = json_scan(reader->paths, record->value.data, record->value.length, reader->spans,
								 &reading->problem);
	if (!reading->is_json)
		reject(reading, DEAD_NOT_JSON);
	else if (reader->spans[JSON_ROOT].kind != JSON_KIND_OBJECT)
		reject(reading, DEAD_NOT_OBJECT);
	else if (span_of(reader, PATH_ERROR)->kind == JSON_KIND_TRUE)
		read_api_error(reader, reading);
	else if (read_city(reader, reading) && read_event_time(reader, record, reading) && read_temp(reader, reading) &&
			 read_humidity(reader, reading))
		reading->kind = READING_USABLE;
}
