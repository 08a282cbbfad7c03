--
-- Synthetic readings: made up, said to be so ("_synthetic"), and the same for the same seed, city and time. Each city has a
-- place; its temperature follows the season and the hour there, humidity goes the other way, and both drift from day to day.
--

-- PL/pgSQL throughout: a series is many calls, and a function in SQL costs a query each.
CREATE FUNCTION medallion.synthetic_place(city text, OUT lat numeric, OUT lon numeric, OUT country text, OUT id integer)
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	chance bytea := decode(md5(city), 'hex');
BEGIN
	id := 1000000 + get_byte(chance, 0) * 32768 + get_byte(chance, 1) * 128;
	CASE city
		WHEN 'London' THEN lat := 51.5085; lon := -0.1257; country := 'GB';
		WHEN 'New Delhi' THEN lat := 28.6128; lon := 77.2311; country := 'IN';
		WHEN 'New York' THEN lat := 40.7143; lon := -74.006; country := 'US';
		ELSE
			lat := (get_byte(chance, 2) * 256 + get_byte(chance, 3)) / 65536.0 * 100 - 40;
			lon := (get_byte(chance, 4) * 256 + get_byte(chance, 5)) / 65536.0 * 360 - 180;
			lat := round(lat, 4);
			lon := round(lon, 4);
			country := 'XX';
	END CASE;
END
$$;
COMMENT ON FUNCTION medallion.synthetic_place(text) IS 'where a city lies, as far as synthetic readings know';

-- Five numbers from -1 to 1 that depend on a text as if by chance, and glide from one day's to the next.
CREATE FUNCTION medallion.synthetic_drift(self text, day double precision) RETURNS double precision[]
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	today bytea := decode(md5(self || '|' || floor(day)), 'hex');
	tomorrow bytea := decode(md5(self || '|' || floor(day) + 1), 'hex');
	part double precision := day - floor(day);
	drift double precision[];
BEGIN
	FOR i IN 0 .. 4 LOOP
		drift[i + 1] := ((get_byte(today, 2 * i) * 256 + get_byte(today, 2 * i + 1)) * (1 - part)
						 + (get_byte(tomorrow, 2 * i) * 256 + get_byte(tomorrow, 2 * i + 1)) * part) / 32768 - 1;
	END LOOP;
	RETURN drift;
END
$$;
COMMENT ON FUNCTION medallion.synthetic_drift(text, double precision) IS 'what makes one day of synthetic readings differ from the next';

CREATE FUNCTION medallion.synthetic_weather(city text, at timestamptz, seed integer DEFAULT 0) RETURNS text
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	place record := medallion.synthetic_place(city);
	epoch double precision := extract(epoch FROM at);
	self text := concat_ws('|', seed, city);
	drift double precision[] := medallion.synthetic_drift(self, epoch / 86400);
	noise double precision := get_byte(decode(md5(self || '|' || epoch), 'hex'), 0) / 256.0;
	zone integer := round(place.lon / 15) * 3600;
	noon bigint := (floor((epoch + zone) / 86400) + 0.5) * 86400 - zone;
	-- warmest at three in the afternoon, coldest around January 19 in the north
	hour double precision := cos(2 * pi() * ((epoch - noon) / 86400 - 3 / 24.0));
	season double precision := - sign(place.lat) * cos(2 * pi() * (epoch / 86400 - 18) / 365.25);
	temp numeric := 303.15 - 0.36 * abs(place.lat) + 0.18 * abs(place.lat) * season + 3.5 * hour + 3 * drift[1] + 0.6 * (noise - 0.5);
	humidity integer := least(100, greatest(15, round(66 - 14 * hour + 16 * drift[2] + 4 * (noise - 0.5))));
	clouds integer := round(50 + 49 * drift[5]);
BEGIN
	temp := round(temp, 2);
	RETURN format('{"coord":{"lon":%s,"lat":%s},"weather":[%s],"base":"stations",'
				  '"main":{"temp":%s,"feels_like":%s,"temp_min":%s,"temp_max":%s,"pressure":%s,"humidity":%s},'
				  '"visibility":10000,"wind":{"speed":%s,"deg":%s},"clouds":{"all":%s},"dt":%s,'
				  '"sys":{"country":%s,"sunrise":%s,"sunset":%s},"timezone":%s,"id":%s,"name":%s,"cod":200,"_synthetic":true}',
				  place.lon, place.lat,
				  CASE WHEN clouds < 20 THEN '{"id":800,"main":"Clear","description":"clear sky","icon":"01d"}'
				  ELSE '{"id":803,"main":"Clouds","description":"broken clouds","icon":"04d"}' END,
				  trim_scale(temp), trim_scale(temp - 0.6), trim_scale(temp - 0.9), trim_scale(temp + 0.8),
				  round(1013 + 9 * drift[3]), humidity, trim_scale(round((3.6 + 3 * drift[4] + noise)::numeric, 2)),
				  floor(noise * 360), clouds, (floor((epoch - 60) / 600) * 600)::bigint, to_json(place.country),
				  noon - 6 * 3600, noon + 6 * 3600, zone, place.id, to_json(city));
END
$$;
COMMENT ON FUNCTION medallion.synthetic_weather(text, timestamptz, integer) IS
'a made-up answer of OpenWeather, in standard units: the same for the same city, time and seed';
