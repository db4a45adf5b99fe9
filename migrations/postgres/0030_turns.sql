-- Work that takes its worker down with it is told apart from work that fails, merchants take turns however much waits, and
-- each failure of a job is kept.

-- Runs in a row that were begun and of which nothing was heard; one that is running counts itself.
alter table jobs add column unheard bigint not null default 0 check (unheard >= 0);
-- Runs that a handler called a failure, since it last succeeded.
alter table jobs add column failures bigint not null default 0 check (failures >= 0);

-- The oldest of each merchant, and who has any; the gateway's own work takes turns as one more.
create index jobs_by_merchant on jobs (lane, coalesce(merchant_id, ''), due_at, id) where status <> 'dead';
create index jobs_suspect on jobs (lane, due_at) where status <> 'dead' and unheard >= 2;

-- How a job failed, the latest times.
create table job_failures (
    job_id text not null references jobs (id) on delete cascade,
    number bigint not null check (number > 0),
    at bigint not null,
    error text not null check (length(error) <= 500),
    primary key (job_id, number)
);

-- A delivery that is sent again begins another round: a try of an earlier one does not end it.
alter table webhook_deliveries add column round bigint not null default 1 check (round > 0);

-- Keys of payouts and corrections are not forgotten any more; those that are there are told by what was answered.
update idempotency_keys set object_id = cast(body as json) ->> 'id'
where payment_id is null and object_id is null and body is not null
    and cast(body as json) ->> 'object' in ('payout', 'correction');

-- A queue's rows come and go: without this its indexes are read through many that are gone.
alter table jobs set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
