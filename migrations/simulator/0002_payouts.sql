-- Payouts at the stand-in: its own record of what was sent to which destination, and what came back.

create table payouts (
    seq          integer primary key,
    id           text    not null unique,
    key          text    not null unique,
    reference    text    not null,
    destination  text    not null,
    amount       integer not null check (amount > 0),
    currency     text    not null check (length(currency) = 3),
    status       text    not null check (status in ('processing', 'paid', 'failed', 'returned')),
    failure_code text,
    -- What becomes of it when its time has come; null when nothing more will.
    next         text    check (next in ('paid', 'failed', 'returned')),
    -- What comes after that: a paid one may be sent back.
    afterwards   text    check (afterwards in ('returned')),
    -- Machine time.
    due_at       integer,
    -- How often money left and how often it came back: the witness.
    times_paid     integer not null default 0,
    times_returned integer not null default 0,
    created_at   integer not null,
    updated_at   integer not null,
    check ((next is null) = (due_at is null))
);
create index payouts_due on payouts (due_at) where due_at is not null;

-- An event is about a payment or about a payout. SQLite cannot take a `not null` away, so the table is made anew.
create table events_new (
    seq          integer primary key,
    id           text    not null unique,
    type         text    not null,
    payment_id   text    references payments (id),
    payout_id    text    references payouts (id),
    payload      text    not null,
    copies_left  integer not null check (copies_left >= 0),
    tries        integer not null default 0,
    delivered    integer not null default 0,
    last_result  text,
    due_at       integer,
    created_at   integer not null,
    check ((payment_id is null) <> (payout_id is null))
);
insert into events_new (seq, id, type, payment_id, payload, copies_left, tries, delivered, last_result, due_at, created_at)
    select seq, id, type, payment_id, payload, copies_left, tries, delivered, last_result, due_at, created_at from events;
drop table events;
alter table events_new rename to events;
create index events_due on events (due_at) where due_at is not null;
create index events_by_payment on events (payment_id, seq);
