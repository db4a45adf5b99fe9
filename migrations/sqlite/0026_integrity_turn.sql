-- One process at a time watches over the books: the others would read the same again.
alter table integrity_watch add column taken_until bigint;
