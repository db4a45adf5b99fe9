-- Dead letters for people: whose they are, and what somebody decided about them.

-- With merchant_id, whose work it is; null for the gateway's own, and for jobs from before this step.
alter table jobs add column livemode boolean;
-- A dead job that somebody has dealt with keeps its row and leaves the list of open ones.
alter table jobs add column resolved_at bigint;
alter table jobs add column resolved_by text check (length(resolved_by) between 1 and 254);
alter table jobs add column resolution text check (length(resolution) between 1 and 500);

drop index jobs_dead;
create index jobs_dead on jobs (due_at) where status = 'dead' and resolved_at is null;
create index jobs_dead_by_tenant on jobs (merchant_id, livemode, id) where status = 'dead';
