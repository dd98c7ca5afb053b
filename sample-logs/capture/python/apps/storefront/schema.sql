create table products (id int primary key, name text, category text, price numeric(8,2), sold int, stock int);
insert into products select i,
  (array['Trail','Summit','River','Forest','Glacier','Ridge'])[1 + i % 6] || ' ' ||
  (array['tent','jacket','stove','boots','rope','lamp','pack','bottle'])[1 + i % 8] || ' ' || i,
  (array['tents','jackets','stoves','boots','ropes','lamps','packs','bottles'])[1 + i % 8],
  9.9 + (i * 37) % 290, (i * 7919) % 4000, case when i % 83 = 0 then 0 else 1 + (i * 13) % 250 end
  from generate_series(1, 640) i;
create table vouchers (code text primary key, percent int, expires_on date);
insert into vouchers values ('WELCOME10', 10, '2030-12-31'), ('MAY15', 15, '2030-05-31'), ('SPRING20', 20, '2023-05-07');
create table basket_items (id serial primary key, basket_id text, product_id int references products, quantity int);
create index on basket_items (basket_id);
create table orders (id serial primary key, basket_id text, total numeric(10,2), paid boolean default false);
insert into orders (basket_id, total, paid) select 'b' || i, 20 + i % 300, true from generate_series(1, 3000) i;
select setval('orders_id_seq', 3000);
