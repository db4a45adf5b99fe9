-- Work that is due at some time. A finished job is deleted; a dead one waits for a person.
create table jobs (
    id text primary key check (length(id) <= 40),
    -- The part of the kind before the first dot. Lanes do not wait for each other.
    lane text not null check (length(lane) between 1 and 40),
    kind text not null check (length(kind) between 3 and 60),
    key text not null check (length(key) between 1 and 200),
    payload text not null check (length(payload) <= 65536),
    -- Whose work it is, for fairness; null for the gateway's own.
    merchant_id text check (length(merchant_id) <= 40),
    status text not null check (status in ('waiting', 'running', 'dead')),
    -- Waiting: when it may run. Running: when its lease ends and another worker may take it. Dead: when it died.
    due_at bigint not null,
    -- Enqueued again while it ran: it runs once more, then.
    again_at bigint,
    tries bigint not null default 0 check (tries >= 0),
    lease text check (length(lease) <= 40),
    last_error text check (length(last_error) <= 500),
    check ((status = 'running') = (lease is not null))
);
create unique index jobs_unfinished on jobs (kind, key) where status <> 'dead';
create index jobs_due on jobs (lane, due_at) where status <> 'dead';
create index jobs_running on jobs (lane, merchant_id) where status = 'running';
create index jobs_dead on jobs (due_at) where status = 'dead';
