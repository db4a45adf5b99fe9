-- The table of causes is asked again about differences that are open. Whether one was handed to a person because what its cause
-- promises did not help: its class is then no longer the table's.
alter table breaks add column escalated boolean not null default false;
-- How often in a row who was asked about it said nothing.
alter table breaks add column unanswered bigint not null default 0;
update breaks set escalated = true
    where exists (select 1 from break_notes n where n.break_id = breaks.id and n.what = 'overdue');
-- What is open of a source, in order.
create index breaks_open_of_source on breaks (source, id) where status <> 'resolved';
