-- A refund that was made and comes back later, because the shopper's bank returns it.

-- When it came back, and why.
alter table refunds add column failed_at integer;
alter table refunds add column failure_code text;
-- When the stand-in lets it come back by itself. Machine time.
alter table refunds add column returns_at integer;
create index refunds_returning on refunds (returns_at) where returns_at is not null;
create index refunds_failed on refunds (failed_at) where failed_at is not null;
