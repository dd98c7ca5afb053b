create table customers (id int primary key auto_increment, name varchar(80), plan varchar(20));
insert into customers (name, plan) select concat('Customer ', seq), elt(1 + seq % 3, 'basic', 'team', 'business') from seq_1_to_900;
create table tickets (id int primary key auto_increment, customer_id int, subject varchar(120), state varchar(20), opened datetime,
  index (customer_id), index (state));
insert into tickets (customer_id, subject, state, opened)
  select 1 + seq * 7 % 900, concat('Ticket about thing ', seq), elt(1 + seq % 4, 'open', 'waiting', 'closed', 'closed'),
  '2023-06-01' + interval seq * 31 minute from seq_1_to_4000;
create table comments (id int primary key auto_increment, ticket_id int, body text, index (ticket_id));
insert into comments (ticket_id, body) select 1 + seq % 4000, concat('Comment ', seq) from seq_1_to_9000;
create table attachments (id int primary key auto_increment, ticket_id int, name varchar(80), kind varchar(40));
insert into attachments (ticket_id, name, kind)
  select 1 + seq % 4000, concat('file-', seq), if(seq % 61 = 0, null, elt(1 + seq % 3, 'image/png', 'text/plain', 'application/pdf')) from seq_1_to_1500;
