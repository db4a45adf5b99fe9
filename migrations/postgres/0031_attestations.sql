-- What two people say that a PSP has confirmed of something whose outcome nobody could find out.
create table attestations (
    id text primary key check (length(id) <= 40),
    merchant_id text not null references merchants (id),
    livemode boolean not null,
    -- The kind of the job that was given up, and what it was about.
    kind text not null check (length(kind) between 3 and 60),
    object_id text not null check (length(object_id) between 1 and 60),
    -- The PSP's name for what was done; null when it was not done.
    psp_reference text check (length(psp_reference) between 1 and 200),
    reason text not null check (length(reason) between 1 and 500),
    status text not null check (status in ('asked', 'settled', 'refused')),
    asked_by text not null check (length(asked_by) between 1 and 254),
    asked_at bigint not null,
    decided_by text check (length(decided_by) between 1 and 254),
    decided_at bigint,
    check (decided_by is null or decided_by <> asked_by or status <> 'settled'),
    check ((status = 'asked') = (decided_at is null))
);
create unique index attestations_waiting on attestations (object_id) where status = 'asked';
create index attestations_by_object on attestations (object_id, id);
