create table events (id int primary key, name text, starts_on date);
insert into events select i, 'Concert ' || i, date '2024-04-01' + i from generate_series(1, 120) i;
create table seats (id serial primary key, event_id int references events, block text, state text);
insert into seats (event_id, block, state)
  select e, chr(65 + s % 8), case when e = 77 and s % 8 in (0, 1) then 'sold' else 'free' end
  from generate_series(1, 120) e, generate_series(1, 400) s;
create index on seats (event_id, block);
create table orders (id serial primary key, event_id int, seats int[], email text, placed timestamptz default '2024-03-01');
insert into orders (event_id, seats, email) select 1 + i % 120, array[i], 'fan' || i || '@example.org' from generate_series(1, 2000) i;
