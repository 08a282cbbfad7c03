-- RetailDB, generated: the schema and the habits of the well-known training database, every value a function of its key,
-- so that each run makes the same rows. @scale multiplies customers, orders and items; 1 makes about 172,000 items.
-- Draws come from MD5(kind and key). Runs in the database `retaildb`, needs MariaDB's sequence engine.
--
-- Oddities, all meant: categories 49-58 belong to a department that is not there, 24 products to a category that is not
-- there, and both kinds are sold; items of a product, of an order, and orders of a customer that are not there; prices of
-- 0 and above 10,000 in FLOAT columns; zip codes that begin with 0; accents, quotes, commas, outer and double blanks,
-- names cut at 45 characters, repeated names; empty descriptions; orders without items, customers without orders, a day
-- without orders, repeated (order, product) pairs.

SET SESSION sql_mode = CONCAT(@@sql_mode, ',ONLY_FULL_GROUP_BY'), unique_checks = 0, foreign_key_checks = 0;
SET @customers = 12435 * @scale, @orders = 68883 * @scale;

CREATE TABLE departments (
  department_id int(11) NOT NULL AUTO_INCREMENT,
  department_name varchar(45) NOT NULL,
  PRIMARY KEY (department_id)
) ENGINE=InnoDB;

CREATE TABLE categories (
  category_id int(11) NOT NULL AUTO_INCREMENT,
  category_department_id int(11) NOT NULL,
  category_name varchar(45) NOT NULL,
  PRIMARY KEY (category_id)
) ENGINE=InnoDB;

CREATE TABLE products (
  product_id int(11) NOT NULL AUTO_INCREMENT,
  product_category_id int(11) NOT NULL,
  product_name varchar(45) NOT NULL,
  product_description varchar(255) NOT NULL,
  product_price float NOT NULL,
  product_image varchar(255) NOT NULL,
  PRIMARY KEY (product_id)
) ENGINE=InnoDB;

CREATE TABLE customers (
  customer_id int(11) NOT NULL AUTO_INCREMENT,
  customer_fname varchar(45) NOT NULL,
  customer_lname varchar(45) NOT NULL,
  customer_email varchar(45) NOT NULL,
  customer_password varchar(45) NOT NULL,
  customer_street varchar(255) NOT NULL,
  customer_city varchar(45) NOT NULL,
  customer_state varchar(45) NOT NULL,
  customer_zipcode varchar(45) NOT NULL,
  PRIMARY KEY (customer_id)
) ENGINE=InnoDB;

CREATE TABLE orders (
  order_id int(11) NOT NULL AUTO_INCREMENT,
  order_date datetime NOT NULL,
  order_customer_id int(11) NOT NULL,
  order_status varchar(45) NOT NULL,
  PRIMARY KEY (order_id)
) ENGINE=InnoDB;

CREATE TABLE order_items (
  order_item_id int(11) NOT NULL AUTO_INCREMENT,
  order_item_order_id int(11) NOT NULL,
  order_item_product_id int(11) NOT NULL,
  order_item_quantity tinyint(4) NOT NULL,
  order_item_subtotal float NOT NULL,
  order_item_product_price float NOT NULL,
  PRIMARY KEY (order_item_id)
) ENGINE=InnoDB;

INSERT INTO departments VALUES
  (2, 'Fitness'), (3, 'Footwear'), (4, 'Apparel'), (5, 'Golf'), (6, 'Outdoors'), (7, 'Fan Corner');

INSERT INTO categories VALUES
  (1, 2, 'Rugby'), (2, 2, 'Running'), (3, 2, 'Bats & Balls'), (4, 2, 'Hoops'), (5, 2, 'Field Games'), (6, 2, 'Rackets'),
  (7, 2, 'Ice'), (8, 2, 'Other Sports'), (9, 3, 'Treadmills'), (10, 3, 'Weights'), (11, 3, 'Mats, Bands & Rollers'),
  (12, 3, 'Boxing'), (13, 3, 'Electronics'), (14, 3, 'Balance & Stretching'), (15, 3, 'Training Plans'),
  (16, 3, 'Seen on  Screen!'), (17, 4, 'Studded Shoes'), (18, 4, 'Men''s Shoes'), (19, 4, 'Women''s Shoes'),
  (20, 4, 'Kids'' Shoes'), (21, 4, 'Shop Windows'), (22, 4, 'Accessories'), (23, 5, 'Men''s Clothes'),
  (24, 5, 'Women''s Clothes'), (25, 5, 'Boys'' Clothes'), (26, 5, 'Girls'' Clothes'), (27, 5, 'Accessories'),
  (28, 5, 'Best of All'), (29, 5, 'By Sport'), (30, 6, 'Men''s Clubs'), (31, 6, 'Women''s Clubs'), (32, 6, 'Polos'),
  (33, 6, 'Spikeless Shoes'), (34, 6, 'Bags & Trolleys'), (35, 6, 'Gloves'), (36, 6, 'Balls'), (37, 6, 'Electronics'),
  (38, 6, 'Kids'' Clubs'), (39, 6, 'Club Colours'), (40, 6, 'Accessories'), (41, 6, 'Second Hand'), (42, 7, 'Wheels'),
  (43, 7, 'Tents & Stoves'), (44, 7, 'Archery'), (45, 7, 'Angling'), (46, 7, 'Garden Games'), (47, 7, 'Boats'),
  (48, 7, 'Surf & Dive'), (49, 8, 'Home Team'), (50, 8, 'Away Team'), (51, 8, 'Northern League'),
  (52, 8, 'Southern League'), (53, 8, 'Universities'), (54, 8, 'Premier'), (55, 8, 'Abroad'), (56, 8, 'World Cup'),
  (57, 8, 'Players'), (58, 8, 'Legends');

-- 1,345 products: the last 24 in category 59, none in 1, 14, 23 and 28.
INSERT INTO products
SELECT seq,
       category + (category IN (1, 14, 23, 28)),
       LEFT(CONCAT(
         IF(seq % 97 = 0, ' ', ''), ELT(1 + CONV(SUBSTR(h, 1, 4), 16, 10) % 9,
           'Northpine', 'Altura', 'Kestrel', 'Bramble & Co', 'O''Dell', 'Ridgeline', 'Élan Vital', 'Fjällvik', 'Tern'), ' ',
         ELT(1 + CONV(SUBSTR(h, 5, 4), 16, 10) % 4, 'Men''s', 'Women''s', 'Kids''', 'Adult'), ' ',
         ELT(1 + CONV(SUBSTR(h, 9, 4), 16, 10) % 6, 'All-Weather', 'Trail', 'Pro', 'Featherweight', 'Classic', 'Deluxe'), ' ',
         ELT(1 + CONV(SUBSTR(h, 13, 4), 16, 10) % 8,
           'Jacket', 'Shoe', 'Kayak 10'' 6"', 'Irons - (Steel) 4-PW, AW', 'Ball, Size 5', 'Backpack with Rain Cover',
           'Inflatable  Canopy', 'Glove ')), 45),
       '',
       CASE WHEN seq IN (38, 388, 414, 517, 547, 934, 1284) THEN 0
            WHEN seq = 700 THEN 12345.67 WHEN seq = 1080 THEN 10000.01 WHEN seq = 1340 THEN 23456.78
            ELSE ELT(1 + CONV(SUBSTR(h, 17, 4), 16, 10) % 16, 9.99, 14.95, 19.99, 24.99, 29.99, 31.99, 49.98, 50, 59.99,
                     99.99, 129.99, 149.5, 199.99, 299.98, 399.98, 1999.99) END,
       CONCAT('http://images.example.com/', seq, '+', ELT(1 + seq % 3, 'front', 'side%27s', 'detail...'))
FROM (SELECT seq, MD5(CONCAT('product', seq)) AS h, IF(seq > 1321, 59, 1 + seq * 58 DIV 1322) AS category
      FROM seq_1_to_1345) AS p;

INSERT INTO customers
SELECT seq,
       IF(CONV(SUBSTR(h, 1, 2), 16, 10) < 95, 'Mary', ELT(1 + CONV(SUBSTR(h, 3, 4), 16, 10) % 20,
         'James', 'Ana', 'José', 'Zoë', 'Robert', 'Linda', 'Siân', 'Michael', 'Élodie', 'William', 'Barbara', 'David',
         'Jennifer', 'D''Arcy', 'Richard', 'Susan', 'Thomas', 'Karen', 'Jean-Luc', 'Nancy')),
       IF(CONV(SUBSTR(h, 7, 2), 16, 10) < 95, 'Smith', ELT(1 + CONV(SUBSTR(h, 9, 4), 16, 10) % 20,
         'Johnson', 'O''Neil', 'García', 'Müller', 'Brown', 'Jones', 'Núñez', 'Davis', 'Wilson', 'St. Clair', 'Anderson',
         'Thomas', 'Łukasz', 'Moore', 'Jackson', 'Martin', 'Lee', 'Pérez', 'Thompson', 'White')),
       'XXXXXXXXX', 'XXXXXXXXX',
       CONCAT(1 + CONV(SUBSTR(h, 13, 4), 16, 10) % 9999, ' ',
         ELT(1 + CONV(SUBSTR(h, 17, 2), 16, 10) % 8,
           'Silver', 'Quiet', 'Amber', 'Old', 'Hidden', 'Rocky', 'Cinder', 'Misty'), ' ',
         ELT(1 + CONV(SUBSTR(h, 19, 2), 16, 10) % 8,
           'Fox', 'River', 'Pioneer', 'Elk', 'Wagon ', 'Meadow', 'Lantern', 'Willow'), ' ',
         ELT(1 + CONV(SUBSTR(h, 21, 2), 16, 10) % 6, 'Lane', 'Plaza', 'Bend', 'Villas', 'Parkway', 'Close'),
         CASE WHEN seq % 128 = 5 THEN ' ' WHEN seq % 251 = 7 THEN ', Apt. "B"' ELSE '' END),
       SUBSTRING_INDEX(place, '|', 1), SUBSTRING_INDEX(SUBSTRING_INDEX(place, '|', 2), '|', -1),
       SUBSTRING_INDEX(place, '|', -1)
FROM (SELECT seq, h, IF(CONV(SUBSTR(h, 25, 2), 16, 10) < 94, 'Caguas|PR|00725',
        ELT(1 + CONV(SUBSTR(h, 27, 4), 16, 10) % 30,
          'Chicago|IL|60625', 'Brooklyn|NY|11220', 'Los Angeles|CA|90033', 'New York|NY|10040', 'Philadelphia|PA|19124',
          'Bronx|NY|10456', 'San Diego|CA|92109', 'Houston|TX|77083', 'Miami|FL|33142', 'Las Vegas|NV|89110',
          'Dallas|TX|75228', 'San Jose|CA|95127', 'Phoenix|AZ|85037', 'Detroit|MI|48227', 'Mayagüez|PR|00680',
          'Española|NM|87532', 'Boston|MA|02127', 'Newark|NJ|07104', 'Providence|RI|02909', 'Hartford|CT|06106',
          'Portland|ME|04103', 'Nashua|NH|03060', 'St. Paul|MN|55106', 'Coeur d''Alene|ID|83815', 'Honolulu|HI|96818',
          'Memphis|TN|38127', 'Cleveland|OH|44107', 'Denver|CO|80219', 'Seattle|WA|98118', 'Jersey City|NJ|07305')) AS place
      FROM (SELECT seq, MD5(CONCAT('customer', seq)) AS h FROM seq_1_to_100000000 WHERE seq <= @customers) AS k) AS c;

-- Orders come in the order of their days; 2014-03-09 has none. A day's share is drawn from 100 to 299.
CREATE TEMPORARY TABLE days (PRIMARY KEY (day)) AS
SELECT seq AS day, (100 + CRC32(MD5(CONCAT('day', seq))) % 200) * (seq <> 227) AS weight
FROM seq_0_to_364;
CREATE TEMPORARY TABLE shares (PRIMARY KEY (day)) AS
SELECT day, CAST(SUM(weight) OVER (ORDER BY day) - weight AS int) * @orders DIV SUM(weight) OVER () AS before_it,
       CAST(SUM(weight) OVER (ORDER BY day) AS int) * @orders DIV SUM(weight) OVER () AS up_to_it
FROM days;

-- Orders 30,000, 60,000, … are of a customer that is not there.
INSERT INTO orders
SELECT o.seq, TIMESTAMP '2013-07-25 00:00:00' + INTERVAL s.day DAY,
       IF(o.seq % 30000 = 0, @customers + 1, 1 + CRC32(MD5(CONCAT('buyer', o.seq))) % @customers),
       ELT(INTERVAL(CRC32(MD5(CONCAT('status', o.seq))) % 1000, 0, 21, 131, 463, 518, 529, 639, 857, 977),
         'CANCELED', 'CLOSED', 'COMPLETE', 'ON_HOLD', 'PAYMENT_REVIEW', 'PENDING', 'PENDING_PAYMENT', 'PROCESSING',
         'SUSPECTED_FRAUD')
FROM shares AS s STRAIGHT_JOIN seq_1_to_100000000 AS o ON o.seq > s.before_it AND o.seq <= s.up_to_it;

-- What sells: 99 products of 1,345, from the most to the least popular, those of the orphans and the dear ones among
-- them, and one that is not there.
CREATE TEMPORARY TABLE sold (PRIMARY KEY (place)) AS
SELECT p.seq AS place, COALESCE(product_id, 9999) AS product_id, COALESCE(product_price, 19.99) AS price
FROM seq_0_to_98 AS p
     LEFT JOIN products
     ON product_id = CASE p.seq WHEN 60 THEN 1330 WHEN 70 THEN 1200 WHEN 88 THEN 9999 WHEN 94 THEN 1080 WHEN 95 THEN 700
                     WHEN 96 THEN 1340 ELSE 1 + (p.seq * 421 + 17) % 1090 END;

-- None to five items an order; two for the order of a customer that is not there. One draw per item says which product
-- (a product of two numbers leans to the popular ones) and how many (one of what costs 100 or more). The LIMIT, which
-- never bites, makes the server draw once and keep it.
INSERT INTO order_items (order_item_order_id, order_item_product_id, order_item_quantity, order_item_subtotal,
                         order_item_product_price)
SELECT order_id, product_id, quantity, CAST(price AS decimal(12, 2)) * quantity, price
FROM (SELECT i.order_id, s.product_id, s.price, IF(s.price >= 100, 1, 1 + i.draw DIV 10000 % 5) AS quantity
      FROM (SELECT o.seq AS order_id, CRC32(MD5(CONCAT('item', o.seq * 5 + n.seq))) AS draw
            FROM seq_1_to_100000000 AS o STRAIGHT_JOIN seq_1_to_5 AS n IGNORE INDEX (PRIMARY)
                 ON n.seq <= IF(o.seq % 30000 = 0, 2, CRC32(MD5(CONCAT('basket', o.seq))) % 6)
            WHERE o.seq <= @orders
            LIMIT 1000000000) AS i
           STRAIGHT_JOIN sold AS s ON s.place = (i.draw % 100) * (i.draw DIV 100 % 100) DIV 100) AS b;

-- Three items of orders that are not there. The keys go on without the gap that the bulk load reserved.
ALTER TABLE order_items AUTO_INCREMENT = 1;
INSERT INTO order_items (order_item_order_id, order_item_product_id, order_item_quantity, order_item_subtotal,
                         order_item_product_price)
SELECT @orders + 1000 + seq, product_id, 1, price, price FROM seq_1_to_3 JOIN sold ON place = seq;
