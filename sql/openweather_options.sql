-- Options of servers and user mappings of openweather, and what may be asked without a service.
SET client_min_messages = warning;
CREATE EXTENSION medallion CASCADE;
RESET client_min_messages;

CREATE SERVER s FOREIGN DATA WRAPPER openweather OPTIONS (uri 'https://x/');                              -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER openweather OPTIONS (api_key 'not here please');                     -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER openweather OPTIONS (url 'api.openweathermap.org');                  -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER openweather OPTIONS (url 'ftp://api.openweathermap.org/');           -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER openweather OPTIONS (url 'file:///etc/passwd');                      -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER openweather OPTIONS (url 'https://');                                -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER openweather OPTIONS (url 'https:///path');                           -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER openweather OPTIONS (url 'https://user:word@x/');                    -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER openweather OPTIONS (url 'https://x/?appid=1');                      -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER openweather OPTIONS (url 'https://x/#a');                            -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER openweather OPTIONS (url 'https://x y/');                            -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER openweather OPTIONS (url 'http://api.openweathermap.org/');          -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER openweather OPTIONS (url 'http://127.0.0.1.example.org/');           -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER openweather OPTIONS (url 'http://localhost.example.org/');           -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER openweather OPTIONS (units 'kelvin');                                -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER openweather OPTIONS (lang 'de&appid=1');                             -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER openweather OPTIONS (timeout 'soon');                                -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER openweather OPTIONS (timeout '0');                                   -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER openweather OPTIONS (retries '-1');                                  -- ERROR
CREATE SERVER s FOREIGN DATA WRAPPER openweather OPTIONS (url 'http://proxy.example.org/', allow_plaintext_key 'true');
ALTER SERVER s OPTIONS (DROP allow_plaintext_key);                                                        -- ERROR
ALTER SERVER s OPTIONS (SET url 'http://[::1]:8080/data', DROP allow_plaintext_key);
ALTER SERVER s OPTIONS (SET url 'https://api.openweathermap.org/data/2.5/weather', ADD units 'metric', ADD lang 'pt_br', ADD timeout '5');

CREATE USER MAPPING FOR CURRENT_USER SERVER s;                                                            -- ERROR
CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (api_key '');                                       -- ERROR
CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (api_key 'short');                                  -- ERROR
CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (api_key 'canary&q=London');                        -- ERROR
CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (appid 'canary0123456789');                         -- ERROR
CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (api_key 'canary0123456789', url 'https://x/');     -- ERROR
\set VERBOSITY sqlstate
SELECT * FROM medallion.openweather('{London}', 's');                                                     -- ERROR
\set VERBOSITY default
SELECT * FROM medallion.openweather('{London}');                                                          -- ERROR
CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (api_key 'canary0123456789');

-- The wrapper has no tables.
CREATE FOREIGN TABLE t (a int) SERVER s;
SELECT * FROM t;                                                                                          -- ERROR
DROP FOREIGN TABLE t;

SELECT * FROM medallion.openweather('{}', 's');
SELECT city, status_code, body, error, attempts FROM medallion.openweather('{NULL,""," "}', 's');
SELECT name, places, type, default_value FROM medallion.openweather_options();
EXPLAIN (VERBOSE, COSTS OFF) SELECT * FROM medallion.openweather('{London}', 's');

SET client_min_messages = warning;
DROP EXTENSION medallion, fdw_mysql, fdw_s3, fdw_kafka CASCADE;
