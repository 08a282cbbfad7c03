-- A RetailDB of a few rows, with the oddities of the large one: orphans of every kind, an order without items, a customer
-- without orders, a price above 10,000 in a FLOAT column, leading zeros, quotes, commas, accents, outer blanks.
CREATE TABLE departments (department_id int NOT NULL PRIMARY KEY, department_name varchar(45) NOT NULL);
CREATE TABLE categories (category_id int NOT NULL PRIMARY KEY, category_department_id int NOT NULL,
	category_name varchar(45) NOT NULL);
CREATE TABLE products (product_id int NOT NULL PRIMARY KEY, product_category_id int NOT NULL, product_name varchar(45) NOT NULL,
	product_description varchar(255) NOT NULL, product_price float NOT NULL, product_image varchar(255) NOT NULL);
CREATE TABLE customers (customer_id int NOT NULL PRIMARY KEY, customer_fname varchar(45) NOT NULL,
	customer_lname varchar(45) NOT NULL, customer_email varchar(45) NOT NULL, customer_password varchar(45) NOT NULL,
	customer_street varchar(255) NOT NULL, customer_city varchar(45) NOT NULL, customer_state varchar(45) NOT NULL,
	customer_zipcode varchar(45) NOT NULL);
CREATE TABLE orders (order_id int NOT NULL PRIMARY KEY, order_date datetime NOT NULL, order_customer_id int NOT NULL,
	order_status varchar(45) NOT NULL);
CREATE TABLE order_items (order_item_id int NOT NULL PRIMARY KEY, order_item_order_id int NOT NULL,
	order_item_product_id int NOT NULL, order_item_quantity tinyint NOT NULL, order_item_subtotal float NOT NULL,
	order_item_product_price float NOT NULL);

INSERT INTO departments VALUES (2, 'Fitness'), (3, 'Footwear');
INSERT INTO categories VALUES (1, 2, 'Treadmills'), (2, 3, 'Shoes, Men''s'), (3, 8, 'Players');
INSERT INTO products VALUES
	(10, 1, 'Treadmill 6" Deck', '', 12345.67, 'http://images.example.com/10'),
	(11, 2, ' Repliqué Shoe, Size 9 ', '', 59.99, 'http://images.example.com/11'),
	(12, 3, 'Scarf', '', 9.99, 'http://images.example.com/12'),
	(13, 59, 'Mystery Box', '', 0, 'http://images.example.com/13');
INSERT INTO customers VALUES
	(1, 'Mary', 'Smith', 'XXXXXXXXX', 'secret1', '1 Silver Lane ', 'Caguas', 'PR', '00725'),
	(2, 'José', 'O''Neil', 'XXXXXXXXX', 'secret2', '2 Elk "B" Close', 'Chicago', 'IL', '60625'),
	(3, 'Mary', 'Smith', 'XXXXXXXXX', 'secret3', '3 Fox Bend', 'Caguas', 'PR', '00725'),
	(4, 'Zoë', 'Łukasz', 'XXXXXXXXX', 'secret4', '4 Old Plaza', 'Nashua', 'NH', '03060');
INSERT INTO orders VALUES
	(1, '2013-07-25 00:00:00', 1, 'COMPLETE'), (2, '2013-07-25 00:00:00', 2, 'CANCELED'),
	(3, '2013-07-26 00:00:00', 3, 'COMPLETE'), (4, '2013-07-26 00:00:00', 1, 'PENDING'),
	(5, '2013-07-27 00:00:00', 99, 'CLOSED'), (6, '2013-07-28 00:00:00', 2, 'CLOSED');
INSERT INTO order_items VALUES
	(1, 1, 10, 1, 12345.67, 12345.67), (2, 1, 11, 2, 119.98, 59.99), (3, 2, 11, 1, 59.99, 59.99),
	(4, 3, 12, 5, 49.95, 9.99), (5, 3, 13, 1, 0, 0), (6, 3, 500, 1, 19.99, 19.99), (7, 6, 10, 2, 24691.34, 12345.67),
	(8, 999, 10, 1, 12345.67, 12345.67), (9, 5, 11, 1, 59.99, 59.99), (10, 6, 10, 1, 12345.67, 12345.67);
