-- Signatures, buckets and objects through the SQL functions; what a service refuses, and to whom.
\getenv endpoint S3_ENDPOINT
\getenv access_key S3_ACCESS_KEY
\getenv secret_key S3_SECRET_KEY
\set VERBOSITY default
CREATE EXTENSION fdw_s3;

-- AWS's own examples of signature version 4
CREATE FUNCTION s3_functions_sign(method text, path text, query text, headers text[], payload text, at text, region text,
    access_key text, secret_key text) RETURNS text LANGUAGE C STRICT AS '$libdir/fdw_s3', 'fdw_s3_sign';
CREATE FUNCTION signature(method text, path text, query text, headers text[], payload text) RETURNS text LANGUAGE sql AS $$
    SELECT regexp_replace(s3_functions_sign(method, path, query,
        ARRAY['host', 'examplebucket.s3.amazonaws.com'] || headers
            || ARRAY['x-amz-content-sha256', encode(sha256(payload::bytea), 'hex'), 'x-amz-date', '20130524T000000Z'],
        encode(sha256(payload::bytea), 'hex'), '20130524T000000Z', 'us-east-1',
        'AKIAIOSFODNN7EXAMPLE', 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'), '^.*Signature=', '') $$;
SELECT signature('GET', '/test.txt', '', '{range,bytes=0-9}', '')
    = 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41' AS get_object;
SELECT regexp_replace(s3_functions_sign('PUT', '/test%24file.text', '',
        ARRAY['date', 'Fri, 24 May 2013 00:00:00 GMT', 'host', 'examplebucket.s3.amazonaws.com',
            'x-amz-content-sha256', encode(sha256('Welcome to Amazon S3.'), 'hex'),
            'x-amz-date', '20130524T000000Z', 'x-amz-storage-class', 'REDUCED_REDUNDANCY'],
        encode(sha256('Welcome to Amazon S3.'), 'hex'), '20130524T000000Z', 'us-east-1',
        'AKIAIOSFODNN7EXAMPLE', 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'), '^.*Signature=', '')
    = '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd' AS put_object;
SELECT signature('GET', '/', 'lifecycle=', '{}', '')
    = 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543' AS bucket_lifecycle;
SELECT signature('GET', '/', 'max-keys=2&prefix=J', '{}', '')
    = '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7' AS list_objects;

-- buckets
CREATE SERVER s3_functions FOREIGN DATA WRAPPER fdw_s3 OPTIONS (endpoint :'endpoint');
\set VERBOSITY sqlstate
SELECT fdw_s3_list('s3_functions', 's3-functions');						-- ERROR: no user mapping
\set VERBOSITY default
CREATE USER MAPPING FOR CURRENT_USER SERVER s3_functions
    OPTIONS (access_key :'access_key', secret_key :'secret_key');
SELECT fdw_s3_list('s3_functions', 's3-functions-none');				-- ERROR
SELECT * FROM fdw_s3_stat('s3_functions', 's3-functions-none', 'x');	-- ERROR
SELECT fdw_s3_create_bucket('s3_functions', 's3-functions') IS NOT NULL AS it_stands;
SELECT fdw_s3_create_bucket('s3_functions', 's3-functions') AS made_again;
SELECT fdw_s3_create_bucket('s3_functions', 'a/b');						-- ERROR
SELECT fdw_s3_create_bucket('s3_functions', '../x');					-- ERROR
SELECT * FROM fdw_s3_list('s3_functions', 's3-functions');

-- keys that have to be encoded, once
CREATE FOREIGN TABLE s3_functions_lines (path text OPTIONS (metadata 'path'), line text)
    SERVER s3_functions OPTIONS (bucket 's3-functions', prefix 'keys/', format 'text');
INSERT INTO s3_functions_lines
SELECT 'keys/' || name, name
FROM unnest('{a b,a+b,a%20b,"a&b=c",a=1/b=2,äöü,😀,a;b,a''b,"a\"b",a<b>,a:b@c,a~b-c_d.e,"(a)[b]{c}",a#b?c,"a,b"}'::text[]) name;
SELECT path, size, etag = md5(substr(path, 6) || E'\n') AS etag_is_md5, last_modified > now() - interval '1 hour' AS fresh
FROM fdw_s3_list('s3_functions', 's3-functions') ORDER BY path COLLATE "C";
SELECT count(*), bool_and(path = 'keys/' || line) AS each_in_its_place FROM s3_functions_lines;
SELECT count(*) FROM fdw_s3_list('s3_functions', 's3-functions', 'keys/a=1/');
SELECT count(*) FROM fdw_s3_list('s3_functions', 's3-functions', 'keys/a+');

-- one object
SELECT size, etag = md5(E'a+b\n') AS etag_is_md5, last_modified > now() - interval '1 hour' AS fresh
FROM fdw_s3_stat('s3_functions', 's3-functions', 'keys/a+b');
SELECT * FROM fdw_s3_stat('s3_functions', 's3-functions', 'keys/none');
SELECT fdw_s3_stat('s3_functions', 's3-functions', '');					-- ERROR
SELECT fdw_s3_stat('s3_functions', 's3-functions', repeat('k', 1025));	-- ERROR
SELECT fdw_s3_delete('s3_functions', 's3-functions', 'keys/a+b');
SELECT fdw_s3_delete('s3_functions', 's3-functions', 'keys/a+b');
SELECT count(*) FROM s3_functions_lines;

-- copies: of every key, over what stands there, of nothing
SELECT count(fdw_s3_copy('s3_functions', 's3-functions', path, 'copy/' || path)::text)
FROM fdw_s3_list('s3_functions', 's3-functions', 'keys/');
SELECT count(*), bool_and(c.etag = k.etag AND c.size = k.size) AS same_bytes
FROM fdw_s3_list('s3_functions', 's3-functions', 'keys/') k
    JOIN fdw_s3_list('s3_functions', 's3-functions', 'copy/keys/') c ON c.path = 'copy/' || k.path;
SELECT fdw_s3_copy('s3_functions', 's3-functions', 'keys/a b', 'copy/keys/äöü');
SELECT etag = md5(E'a b\n') AS replaced FROM fdw_s3_stat('s3_functions', 's3-functions', 'copy/keys/äöü');
SELECT fdw_s3_copy('s3_functions', 's3-functions', 'keys/none', 'copy/keys/äöü');	-- ERROR
SELECT fdw_s3_copy('s3_functions', 's3-functions', 'keys/a b', '');		-- ERROR
SELECT fdw_s3_copy('s3_functions', 's3-functions', '', 'copy/x');		-- ERROR
SELECT fdw_s3_copy('s3_functions', 's3-functions-none', 'keys/a b', 'x');	-- ERROR
SELECT etag = md5(E'a b\n') AS as_it_was FROM fdw_s3_stat('s3_functions', 's3-functions', 'copy/keys/äöü');
SELECT bool_and(fdw_s3_delete('s3_functions', 's3-functions', path)) FROM fdw_s3_list('s3_functions', 's3-functions', 'copy/');

-- more than a page
INSERT INTO s3_functions_lines SELECT 'keys/page/' || to_char(i, 'FM0000'), i FROM generate_series(1, 1100) i;
SELECT count(*), count(DISTINCT path), min(path), max(path)
FROM fdw_s3_list('s3_functions', 's3-functions', 'keys/page/');
SELECT count(*), sum(line::int) FROM s3_functions_lines WHERE path LIKE 'keys/page/%';

-- what is wrong with a server or a mapping
ALTER USER MAPPING FOR CURRENT_USER SERVER s3_functions OPTIONS (SET secret_key 'not-the-secret-key');
SELECT fdw_s3_list('s3_functions', 's3-functions');						-- ERROR
ALTER USER MAPPING FOR CURRENT_USER SERVER s3_functions OPTIONS (SET access_key 'nobody');
SELECT fdw_s3_list('s3_functions', 's3-functions');						-- ERROR
ALTER USER MAPPING FOR CURRENT_USER SERVER s3_functions OPTIONS (DROP access_key);	-- ERROR
ALTER USER MAPPING FOR CURRENT_USER SERVER s3_functions OPTIONS (DROP access_key, DROP secret_key);
SELECT fdw_s3_list('s3_functions', 's3-functions');						-- ERROR
ALTER USER MAPPING FOR CURRENT_USER SERVER s3_functions
    OPTIONS (ADD access_key :'access_key', ADD secret_key :'secret_key', ADD session_token 'not-a-token');
\set VERBOSITY terse
SELECT fdw_s3_list('s3_functions', 's3-functions');						-- ERROR
\set VERBOSITY default
ALTER USER MAPPING FOR CURRENT_USER SERVER s3_functions OPTIONS (DROP session_token);
ALTER SERVER s3_functions OPTIONS (SET endpoint 'http://user@127.0.0.1:9');
SELECT fdw_s3_list('s3_functions', 's3-functions');						-- ERROR
ALTER SERVER s3_functions OPTIONS (SET endpoint 'http://127.0.0.1:9/path');
SELECT fdw_s3_list('s3_functions', 's3-functions');						-- ERROR
ALTER SERVER s3_functions OPTIONS (SET endpoint 'http://127.0.0.1:9', ADD retries '0');
\set VERBOSITY terse
SELECT fdw_s3_list('s3_functions', 's3-functions');						-- ERROR
\set VERBOSITY default
ALTER SERVER s3_functions OPTIONS (SET endpoint :'endpoint');
SELECT count(*) FROM fdw_s3_list('s3_functions', 's3-functions', 'keys/page/');
CREATE FOREIGN DATA WRAPPER s3_functions_other;
CREATE SERVER s3_functions_other FOREIGN DATA WRAPPER s3_functions_other;
SELECT fdw_s3_list('s3_functions_other', 's3-functions');				-- ERROR
SELECT fdw_s3_list('s3_functions_none', 's3-functions');				-- ERROR

-- privileges
CREATE ROLE s3_functions_user;
SET ROLE s3_functions_user;
SELECT fdw_s3_list('s3_functions', 's3-functions');						-- ERROR
SELECT fdw_s3_finish();													-- ERROR
RESET ROLE;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO s3_functions_user;
SET ROLE s3_functions_user;
SELECT fdw_s3_create_bucket('s3_functions', 's3-functions');			-- ERROR
SELECT fdw_s3_list('s3_functions', 's3-functions');						-- ERROR
SELECT fdw_s3_stat('s3_functions', 's3-functions', 'x');				-- ERROR
SELECT fdw_s3_delete('s3_functions', 's3-functions', 'x');				-- ERROR
SELECT fdw_s3_sweep('s3_functions', 's3-functions');					-- ERROR
SELECT * FROM fdw_s3_finish();
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER s3_functions TO s3_functions_user;
SET ROLE s3_functions_user;
\set VERBOSITY sqlstate
SELECT fdw_s3_list('s3_functions', 's3-functions');						-- ERROR: no user mapping
\set VERBOSITY default
RESET ROLE;

SELECT count(*) FROM (SELECT fdw_s3_delete('s3_functions', 's3-functions', path)
    FROM fdw_s3_list('s3_functions', 's3-functions')) deleted;
DROP FOREIGN DATA WRAPPER s3_functions_other CASCADE;
DROP FUNCTION signature;
DROP FUNCTION s3_functions_sign;
SET client_min_messages = warning;
DROP EXTENSION fdw_s3 CASCADE;
DROP ROLE s3_functions_user;
