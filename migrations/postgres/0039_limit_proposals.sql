-- The limit above which payouts need a second person is raised or removed by two people: what one of them asks for waits here.
create table limit_proposals (
    id text primary key check (length(id) <= 40),
    merchant_id text not null references merchants (id),
    livemode boolean not null,
    -- Amounts by currency, as JSON: what held when it was asked for, and what is to hold.
    before_value text not null check (length(before_value) <= 20000),
    after_value text not null check (length(after_value) <= 20000),
    status text not null check (status in ('asked', 'agreed', 'refused')),
    asked_by text not null check (length(asked_by) between 1 and 254),
    asked_at bigint not null,
    decided_by text check (length(decided_by) between 1 and 254),
    decided_at bigint,
    check (status <> 'agreed' or decided_by <> asked_by),
    check ((status = 'asked') = (decided_by is null)),
    check ((decided_by is null) = (decided_at is null))
);
-- One at a time: whoever agrees must know what holds.
create unique index limit_proposals_waiting on limit_proposals (merchant_id, livemode) where status = 'asked';
