-- Conditions on partition, offset and timestamp as ranges: what is read, and that the rows are the same as without.
\getenv brokers KAFKA_BROKERS
SET datestyle = ISO;
SET timezone = 'UTC';
CREATE EXTENSION fdw_kafka;
CREATE SERVER kafka FOREIGN DATA WRAPPER fdw_kafka OPTIONS (brokers :'brokers');
CREATE USER MAPPING FOR CURRENT_USER SERVER kafka;
\! $KAFKA_TOOL delete test-kafka-pushdown
SELECT fdw_kafka_create_topic('kafka', 'test-kafka-pushdown', 3, 1, '{retention.ms=-1}');
-- Times run backwards now and then.
\! for p in 0 1 2; do seq 0 999 | awk -v p=$p 'BEGIN { OFS = "\t" } { print p, 1700000000000 + $1 * 1000 - ($1 % 7) * 2500, "=k" $1, "={\"n\": " $1 "}" }'; done | $KAFKA_TOOL -X enable.idempotence=true produce test-kafka-pushdown >/dev/null
CREATE FOREIGN TABLE k (n int, p int OPTIONS (metadata 'partition'), o bigint OPTIONS (metadata 'offset'), t timestamptz OPTIONS (metadata 'timestamp'))
    SERVER kafka OPTIONS (topic 'test-kafka-pushdown');
CREATE TABLE l AS SELECT * FROM k;
SELECT count(*) FROM l;

-- What the ranges are.
CREATE FUNCTION ranges(condition text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) SELECT * FROM k WHERE ' || condition LOOP
        IF line LIKE '%Kafka Ranges: %' THEN
            RETURN substr(line, strpos(line, ': ') + 2);
        END IF;
    END LOOP;
    RETURN 'no ranges';
END $$;
-- What EXPLAIN says of a scan, without what differs between releases.
CREATE FUNCTION scan(query text, options text DEFAULT 'COSTS OFF') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
    FOR line IN EXECUTE format('EXPLAIN (%s) %s', options, query) LOOP
        IF line ~ '(Nested Loop|Foreign Scan|Kafka)' THEN
            line := regexp_replace(regexp_replace(line, ' \(actual.*', ''), '(\$[0-9]+|\(InitPlan 1\).col1)', '$n', 'g');
            RETURN NEXT replace(line, '($n = p)', '(p = $n)');
        END IF;
    END LOOP;
END $$;
CREATE FUNCTION differs(condition text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE result bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM ((SELECT * FROM k WHERE %1$s EXCEPT ALL SELECT * FROM l WHERE %1$s) UNION ALL
        (SELECT * FROM l WHERE %1$s EXCEPT ALL SELECT * FROM k WHERE %1$s)) d', condition) INTO result;
    RETURN result;
END $$;
CREATE FUNCTION matches(condition text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE result bigint;
BEGIN
    EXECUTE 'SELECT count(*) FROM k WHERE ' || condition INTO result;
    RETURN result;
END $$;
CREATE TABLE conditions (id int GENERATED ALWAYS AS IDENTITY, condition text);
INSERT INTO conditions (condition) VALUES
    ('p = 1'), ('1 = p'), ('p = 1::bigint'), ('p IN (0, 2)'), ('p <> 1'), ('p = 7'), ('p < 0'), ('p = -1'), ('p >= 1'), ('p > 1 - 1'),
    ('o = 5'), ('o < 5'), ('o <= 5'), ('o > 995'), ('o >= 995'), ('o BETWEEN 10 AND 20'), ('10 < o AND 20 > o'), ('o BETWEEN 20 AND 10'),
    ('o > 9223372036854775807'), ('o < (-9223372036854775807 - 1)'), ('o > 5.5'), ('o::int = 5'), ('o + 1 = 5'), ('o = n'), ('o = NULL'),
    ('o IN (1, 3, 5, 999, 1000)'), ('o = ANY (ARRAY[7, NULL, 9]::bigint[])'), ('o = ANY (NULL::bigint[])'), ('o < ANY (ARRAY[3, 6])'), ('o <> ALL (ARRAY[3, 6])'), ('o > ALL (ARRAY[3, 6])'),
    ('p = 1 AND o = 5'), ('p = 1 AND o = 5 OR p = 2 AND o < 3'), ('p = 1 OR o = 5'), ('p = 0 OR n = 5'), ('p = 0 AND (o < 10 OR n = 500)'),
    ('o BETWEEN 0 AND 10 OR o BETWEEN 990 AND 1000 OR o BETWEEN 5 AND 995'), ('o IN (5, 6, 7) OR o IN (6, 7, 8)'), ('o < 10 OR o > 5'),
    ('(p, o) = (1, 5)'), ('(p, o) > (1, 500)'), ('NOT p = 1'), ('NOT (o < 990)'), ('o IS NULL'), ('o IS NOT NULL'), ('p = 1 AND false'), ('p = 1 OR true'),
    ('t >= ''2023-11-14 22:30'''), ('t > ''2023-11-14 22:30'''), ('t = ''2023-11-14 22:29:59'''), ('t = ''2023-11-14 22:29:59.0001'''), ('t < ''2023-11-14 22:15'''),
    ('t BETWEEN ''2023-11-14 22:20'' AND ''2023-11-14 22:20:10'''), ('t >= ''infinity'''), ('t >= ''-infinity'''), ('t > ''1960-01-01'''),
    ('t >= ''290000-01-01'''), ('t >= date ''2023-11-14'''), ('t > timestamp ''2023-11-14 22:28'''), ('t IN (''2023-11-14 22:29:59'', ''2023-11-14 22:14:00'')'),
    ('t >= ''2023-11-14 22:29:50'' AND p = 1 OR t >= ''2023-11-14 22:29:55'' AND p = 2 AND o > 10'), ('t >= ''2023-11-14 22:29:50'' OR o < 3'),
    ('p = 1 AND o >= 998 AND t >= ''2023-11-14 22:20'''), ('p = 1 AND p > 1');
SELECT condition, ranges(condition), matches(condition), differs(condition) FROM conditions ORDER BY id;

-- What that saves.
SELECT scan('SELECT o FROM k WHERE p = 1 AND o BETWEEN 10 AND 19', 'ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF');
SELECT scan('SELECT o FROM k WHERE p = 9', 'ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF');
SELECT scan('SELECT * FROM k WHERE p = 1 AND o > (SELECT max(n) FROM l WHERE n < 0) AND n > 0');
SELECT count(*) FROM k WHERE p = 1 AND o > (SELECT max(n) - 5 FROM l);

-- Many at random.
SELECT setseed(0.5);
SELECT sum(differs(condition)) FROM (
    SELECT string_agg(arm, CASE WHEN i % 2 = 0 THEN ' OR ' ELSE ' AND ' END) AS condition FROM (
        SELECT i, (ARRAY[
            format('p = %s', (random() * 3)::int), format('p IN (%s, %s)', (random() * 3)::int, (random() * 3)::int),
            format('o >= %s', (random() * 1000)::int), format('o < %s', (random() * 1000)::int),
            format('(o BETWEEN %s AND %s)', (random() * 500)::int, 300 + (random() * 500)::int),
            format('(p = %s AND o > %s)', (random() * 2)::int, (random() * 1000)::int),
            format('(t >= to_timestamp(%s) AND o <> 5)', 1700000000 + (random() * 1000)::int),
            format('(t < to_timestamp(%s) OR o = %s)', 1700000000 + (random() * 1000)::int, (random() * 1000)::int),
            format('n > %s', (random() * 1000)::int)])[1 + (random() * 8.99)::int % 9] AS arm
        FROM generate_series(1, 60) i, generate_series(1, 3) j) arms
    GROUP BY i) random;

-- Parameters: of statements, of loops, of subqueries; each run has its own ranges.
PREPARE q (int, bigint, bigint[]) AS SELECT count(*) FROM k WHERE p = $1 AND (o > $2 OR o = ANY ($3));
SET plan_cache_mode = force_generic_plan;
EXECUTE q (0, 989, '{1,2,990}');
EXECUTE q (1, 997, NULL);
EXECUTE q (NULL, 5, '{}');
EXECUTE q (5, 5, '{}');
EXPLAIN (COSTS OFF) EXECUTE q (2, 500, '{1,501}');
RESET plan_cache_mode;
SELECT x, (SELECT count(*) FROM k WHERE p = x AND o >= x * 100) FROM generate_series(0, 3) x;
SELECT w.x, s.n FROM (VALUES (0, 3), (1, 5), (2, 999), (2, 1000)) w (x, y), LATERAL (SELECT n FROM k WHERE p = w.x AND o = w.y OFFSET 0) s ORDER BY 1, 2;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT scan('SELECT w.x, k.n FROM (VALUES (0, 3), (1, 5)) w (x, y) JOIN k ON k.p = w.x AND k.o >= w.y AND k.o < w.y + 2');
SELECT w.x, k.n FROM (VALUES (0, 3), (1, 5), (2, 999)) w (x, y) JOIN k ON k.p = w.x AND k.o >= w.y AND k.o < w.y + 2 ORDER BY 1, 2;
SELECT count(*) FROM l JOIN k USING (p, o) WHERE l.n % 500 = 3;

-- A value that the table rounds is no bound; nor is one that changes with the row, or has an effect.
CREATE FOREIGN TABLE rounded (t timestamptz(0) OPTIONS (metadata 'timestamp'), o bigint OPTIONS (metadata 'offset')) SERVER kafka OPTIONS (topic 'test-kafka-pushdown');
EXPLAIN (COSTS OFF) SELECT * FROM rounded WHERE t >= '2023-11-14 22:29:59';
EXPLAIN (COSTS OFF) SELECT * FROM rounded WHERE o >= (random() * 0)::bigint;
-- A view with a security barrier is searched by its owner's conditions first.
CREATE VIEW guarded WITH (security_barrier) AS SELECT * FROM k WHERE p = 1;
SELECT count(*) FROM guarded WHERE o < 10;

-- Who is strict gets all offsets that a condition names, or an ERROR; a bound that is left out asks for what is there.
SELECT count(*) FROM k WHERE p = 1 AND o BETWEEN 900 AND 1200;
SET fdw_kafka.strict_offsets = on;
SELECT count(*) FROM k WHERE p = 1 AND o BETWEEN 900 AND 1200;                  -- ERROR
SELECT count(*) FROM k WHERE p = 1 AND o = 1000;                                -- ERROR
SELECT count(*) FROM k WHERE p = 7 AND o BETWEEN 900 AND 999;                   -- ERROR
SELECT count(*) FROM k WHERE p = 7 AND o >= 900;
SELECT count(*) FROM k WHERE p = 1 AND o BETWEEN 900 AND 999;
SELECT count(*) FROM k WHERE p = 1 AND o >= 900;
SELECT count(*) FROM k WHERE p = 1;
\! $KAFKA_TOOL truncate test-kafka-pushdown 1 10
SELECT count(*) FROM k WHERE p = 1 AND o >= 9;                                  -- ERROR
SELECT count(*) FROM k WHERE p = 1 AND o BETWEEN 10 AND 19;
SELECT count(*) FROM k WHERE p = 1 AND o < 20;
RESET fdw_kafka.strict_offsets;
SELECT count(*) FROM k WHERE p = 1 AND o >= 9;

\! $KAFKA_TOOL delete test-kafka-pushdown
SET client_min_messages = warning;
DROP EXTENSION fdw_kafka CASCADE;
DROP FUNCTION ranges, differs, matches, scan;
DROP TABLE l, conditions;
