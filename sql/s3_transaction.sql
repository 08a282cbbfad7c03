-- When objects appear, and what an abort leaves: DESIGN.md's promises about writing, one by one.
\getenv endpoint S3_ENDPOINT
\getenv access_key S3_ACCESS_KEY
\getenv secret_key S3_SECRET_KEY
CREATE EXTENSION fdw_s3;
CREATE SERVER s3_transaction FOREIGN DATA WRAPPER fdw_s3 OPTIONS (endpoint :'endpoint', part_size '5MB');
CREATE USER MAPPING FOR CURRENT_USER SERVER s3_transaction
    OPTIONS (access_key :'access_key', secret_key :'secret_key');
SELECT fdw_s3_create_bucket('s3_transaction', 's3-transaction') IS NOT NULL AS it_stands;
SELECT count(fdw_s3_delete('s3_transaction', 's3-transaction', path)) >= 0 AS emptied
FROM fdw_s3_list('s3_transaction', 's3-transaction');
CREATE FOREIGN TABLE planned (path text OPTIONS (metadata 'path'), line text)
    SERVER s3_transaction OPTIONS (bucket 's3-transaction', prefix 'planned/', format 'text');
CREATE FOREIGN TABLE same (path text OPTIONS (metadata 'path'), line text)
    SERVER s3_transaction OPTIONS (bucket 's3-transaction', prefix 'same/', format 'text', skip_unchanged 'true');
CREATE FOREIGN TABLE template (line text)
    SERVER s3_transaction OPTIONS (bucket 's3-transaction', prefix 'template/', format 'text');

-- what stands: unique names only by their number
CREATE VIEW standing AS
SELECT CASE WHEN path LIKE 'template/%' THEN 'template/...' ELSE path END AS path, size, count(*)
FROM fdw_s3_list('s3_transaction', 's3-transaction') GROUP BY 1, 2 ORDER BY 1, 2;
-- a line of 1 MB, not the same twice
CREATE FUNCTION megabyte(seed int) RETURNS text LANGUAGE sql IMMUTABLE
AS $$ SELECT rpad(seed || ':', 1048575, md5(seed::text)) $$;

-- nothing before commit
BEGIN;
INSERT INTO planned VALUES ('planned/a', 'one');
INSERT INTO template VALUES ('one');
SELECT * FROM standing;
COMMIT;
SELECT * FROM standing;

-- or before fdw_s3_finish()
BEGIN;
INSERT INTO planned VALUES ('planned/b', 'one'), ('planned/b', 'two'), ('planned/c', 'three');
SELECT * FROM standing;
SELECT server, bucket, path, rows, bytes, etag = md5(E'one\ntwo\n') AS etag_b, etag = md5(E'three\n') AS etag_c,
    sha256 IN (encode(sha256(E'one\ntwo\n'), 'hex'), encode(sha256(E'three\n'), 'hex')) AS sha256, uploaded
FROM fdw_s3_finish();
SELECT * FROM fdw_s3_finish();
SELECT * FROM standing;
COMMIT;

-- rollback: a planned name that was finished stays, a unique one goes
BEGIN;
INSERT INTO planned VALUES ('planned/d', 'not finished');
INSERT INTO template VALUES ('not finished');
ROLLBACK;
SELECT * FROM standing;
BEGIN;
INSERT INTO planned VALUES ('planned/a', 'replaced');
INSERT INTO template VALUES ('finished');
SELECT count(*) FROM fdw_s3_finish();
SELECT * FROM standing;
ROLLBACK;
SELECT * FROM standing;

-- the same name twice: the later one stands
BEGIN;
INSERT INTO planned SELECT 'planned/twice', megabyte(i) FROM generate_series(1, 12) i;
INSERT INTO planned VALUES ('planned/twice', 'second');
INSERT INTO planned VALUES ('planned/twice', 'third');
SELECT path, rows FROM fdw_s3_finish();
INSERT INTO planned VALUES ('planned/twice', 'fourth');
INSERT INTO planned VALUES ('planned/twice', 'fifth');
COMMIT;
SELECT line FROM planned WHERE path = 'planned/twice';

-- a failure at commit undoes what it can
CREATE TABLE deferred (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED);
BEGIN;
INSERT INTO template VALUES ('lost');
INSERT INTO deferred VALUES (1), (1);
COMMIT;										-- ERROR
SELECT * FROM standing;

-- savepoints
BEGIN;
INSERT INTO planned VALUES ('planned/s1', 'kept');
SAVEPOINT one;
INSERT INTO planned VALUES ('planned/s2', 'dropped');
SAVEPOINT two;
INSERT INTO planned VALUES ('planned/s3', 'dropped');
RELEASE two;
ROLLBACK TO one;
INSERT INTO planned VALUES ('planned/s4', 'kept');
SAVEPOINT three;
INSERT INTO planned VALUES ('planned/s5', 'kept');
RELEASE three;
COMMIT;
SELECT path FROM standing WHERE path LIKE 'planned/s%';
DO $$
BEGIN
    INSERT INTO template VALUES ('kept');
    BEGIN
        INSERT INTO template VALUES ('dropped');
        PERFORM fdw_s3_finish();			-- completes both; the second is deleted again
        RAISE division_by_zero;
    EXCEPTION WHEN division_by_zero THEN NULL;
    END;
END $$;
SELECT line FROM template ORDER BY line;

-- PREPARE TRANSACTION
BEGIN;
INSERT INTO planned VALUES ('planned/p', 'prepared');
PREPARE TRANSACTION 's3_transaction';		-- ERROR
SELECT path FROM standing WHERE path = 'planned/p';

-- large objects go in parts, and leave none behind
BEGIN;
INSERT INTO planned SELECT 'planned/large', megabyte(i) FROM generate_series(1, 12) i;
SELECT path FROM standing WHERE path = 'planned/large';
SELECT rows, bytes, right(etag, 2) AS parts, uploaded FROM fdw_s3_finish();
COMMIT;
SELECT count(*), bool_and(line = megabyte(split_part(line, ':', 1)::int)) AS equal FROM planned WHERE path = 'planned/large';
BEGIN;
INSERT INTO planned SELECT 'planned/dropped', megabyte(i) FROM generate_series(1, 12) i;
ROLLBACK;
BEGIN;
SAVEPOINT one;
INSERT INTO planned SELECT 'planned/dropped', megabyte(i) FROM generate_series(1, 12) i;
ROLLBACK TO one;
COMMIT;
INSERT INTO planned SELECT 'planned/dropped', megabyte(i) || 1 / (12 - i) FROM generate_series(1, 12) i;	-- ERROR
SELECT path FROM standing WHERE path = 'planned/dropped';
SELECT path FROM fdw_s3_sweep('s3_transaction', 's3-transaction', '0');

-- many small objects wait in parts when memory would not do
BEGIN;
INSERT INTO planned SELECT 'planned/many' || to_char(i / 4, 'FM00'), megabyte(i) FROM generate_series(0, 31) i;
SELECT count(*) FROM standing WHERE path LIKE 'planned/many%';
SELECT count(*), sum(rows), count(*) FILTER (WHERE etag LIKE '%-1') BETWEEN 1 AND 7 AS some_in_parts FROM fdw_s3_finish();
COMMIT;
SELECT count(*), count(DISTINCT line), bool_and(line = megabyte(split_part(line, ':', 1)::int)) AS equal
FROM planned WHERE path LIKE 'planned/many%';

-- skip_unchanged: small, large, empty where there was something
BEGIN;
INSERT INTO same VALUES ('same/a', 'one');
INSERT INTO same SELECT 'same/large', megabyte(i) FROM generate_series(1, 12) i;
SELECT path, bytes, uploaded FROM fdw_s3_finish();
COMMIT;
SELECT path, etag AS etag_before, last_modified AS time_before FROM fdw_s3_list('s3_transaction', 's3-transaction', 'same/a') \gset
BEGIN;
INSERT INTO same VALUES ('same/a', 'one');
INSERT INTO same SELECT 'same/large', megabyte(i) FROM generate_series(1, 12) i;
SELECT path, bytes, uploaded, etag = (fdw_s3_stat('s3_transaction', 's3-transaction', path)).etag AS etag
FROM fdw_s3_finish();
COMMIT;
SELECT etag = :'etag_before' AS etag, last_modified = :'time_before' AS time
FROM fdw_s3_list('s3_transaction', 's3-transaction', 'same/a');
BEGIN;
INSERT INTO same VALUES ('same/a', 'two');
INSERT INTO same SELECT 'same/large', megabyte(CASE i WHEN 12 THEN 99 ELSE i END) FROM generate_series(1, 12) i;
SELECT path, bytes, uploaded, etag = (fdw_s3_stat('s3_transaction', 's3-transaction', path)).etag AS etag
FROM fdw_s3_finish();
COMMIT;
SELECT path, count(*), max(split_part(line, ':', 1)) FROM same GROUP BY path ORDER BY path;
SELECT path FROM fdw_s3_sweep('s3_transaction', 's3-transaction', '0');

SELECT count(fdw_s3_delete('s3_transaction', 's3-transaction', path)) FROM fdw_s3_list('s3_transaction', 's3-transaction');
DROP TABLE deferred;
DROP VIEW standing;
DROP FUNCTION megabyte;
SET client_min_messages = warning;
DROP EXTENSION fdw_s3 CASCADE;
