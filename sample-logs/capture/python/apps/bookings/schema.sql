create table rooms (id int primary key, house text, beds int, price numeric(8,2));
insert into rooms select i, 'House ' || (1 + i % 40), 1 + i % 4, 60 + (i * 17) % 140 from generate_series(1, 400) i;
create table nights (room_id int references rooms, night date, free boolean, primary key (room_id, night));
insert into nights select r, date '2023-05-01' + d, (r * 31 + d * 7) % 5 > 0 from generate_series(1, 400) r, generate_series(0, 89) d;
create table reservations (id serial primary key, room_id int, arrival date, guest text);
insert into reservations (room_id, arrival, guest) select 1 + i % 400, date '2023-05-01' + i % 60, 'guest ' || i from generate_series(1, 3000) i;
-- the house's price server is asked for the stay: a constant four seconds, by day and by night
create function stay_price(wanted int, arrival date, nights int) returns numeric language plpgsql as $$
begin
  perform pg_sleep(4);
  return (select price * nights from rooms where id = wanted);
end $$;
