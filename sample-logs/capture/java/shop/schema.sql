CREATE TABLE products (id int PRIMARY KEY, sku text UNIQUE, name text, category text, price_cents int, stock int);
CREATE TABLE reviews (id serial PRIMARY KEY, product_id int, author text, stars int, body text);
CREATE TABLE cart_items (cart_id int, product_id int, quantity int, PRIMARY KEY (cart_id, product_id));
CREATE TABLE orders (id serial PRIMARY KEY, customer_id int, status text, created_at timestamptz DEFAULT now(), shipped_at timestamptz);
CREATE TABLE order_lines (order_id int, product_id int, quantity int, price_cents int);
CREATE TABLE payments (id serial PRIMARY KEY, order_id int, amount_cents bigint);
CREATE TABLE shipments (id serial PRIMARY KEY, order_id int, tracking text, booked_at timestamptz DEFAULT now());
CREATE TABLE settlements (id serial PRIMARY KEY, day text, payments bigint);
INSERT INTO products SELECT i, 'SKU-' || lpad(i::text, 6, '0'),
  (ARRAY['oak','steel','linen','glass','cork','brass'])[i % 6 + 1] || ' ' || (ARRAY['lamp','chair','shelf','bowl','clock','rug','desk'])[i % 7 + 1] || ' ' || i,
  (ARRAY['light','seating','storage','table','decor'])[i % 5 + 1], 500 + (i * 37) % 20000, 10 + i % 90 FROM generate_series(1, 2000) i;
INSERT INTO reviews (product_id, author, stars, body)
  SELECT i % 2000 + 1, 'customer ' || i % 500, i % 5 + 1, CASE WHEN (i % 2000 + 1) % 97 = 0 THEN NULL ELSE 'fine' END FROM generate_series(1, 6000) i;
INSERT INTO orders (customer_id, status, created_at)
  SELECT i % 500 + 1, CASE WHEN i % 8 = 5 THEN 'cancelled' ELSE 'paid' END, now() - make_interval(hours => 20000 - i) FROM generate_series(1, 20000) i;
INSERT INTO order_lines SELECT i % 20000 + 1, (i * 7) % 2000 + 1, i % 4 + 1, 500 + (i * 37) % 20000 FROM generate_series(1, 60000) i WHERE (i % 20000 + 1) % 6 <> 0;
INSERT INTO cart_items SELECT i % 600 + 1, (i * 13) % 2000 + 1, 1 FROM generate_series(1, 1500) i ON CONFLICT DO NOTHING;
CREATE INDEX orders_customer ON orders (customer_id);
CREATE INDEX order_lines_order ON order_lines (order_id);
CREATE INDEX reviews_product ON reviews (product_id);
-- Contract prices take the database about five seconds: a long calculation, here a wait of the same length.
CREATE FUNCTION contract_price(dealer int, product int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_sleep(4.4 + (dealer * 7 + product) % 25 / 10.0);
  RETURN (SELECT price_cents * (100 - dealer % 20) / 100 FROM products WHERE id = product);
END $$;
ANALYZE;
