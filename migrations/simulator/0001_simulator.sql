-- The stand-in PSP's own record. It is a company of its own: nothing here is shared with the gateway's tables.
-- Times are microseconds since the epoch, UTC. Amounts are minor units.

create table payments (
    seq             integer primary key,
    id              text    not null unique,
    client_token    text    not null unique,
    register_key    text    not null,
    reference       text    not null,
    order_ids       text    not null,
    amount          integer not null check (amount > 0),
    currency        text    not null check (length(currency) = 3),
    capture         text    not null check (capture in ('automatic', 'manual')),
    parent_origin   text,
    return_url      text,
    status          text    not null check (status in
        ('registered', 'processing', 'requires_action', 'authorized', 'succeeded', 'declined', 'voided')),
    captured_amount integer not null default 0 check (captured_amount between 0 and amount),
    refunded_amount integer not null default 0 check (refunded_amount between 0 and captured_amount),
    created_at      integer not null,
    updated_at      integer not null
);
create index payments_by_reference on payments (reference);

-- One row per confirm call that was executed.
create table attempts (
    seq             integer primary key,
    id              text    not null unique,
    payment_id      text    not null references payments (id),
    key             text    not null unique,
    status          text    not null check (status in
        ('processing', 'requires_action', 'authorized', 'succeeded', 'declined')),
    decline_code    text,
    card            text    not null,
    brand           text    not null,
    last4           text    not null,
    challenge_token text    unique,
    -- When the stand-in goes on by itself: a slow answer comes, a challenge runs out. Machine time.
    due_at          integer,
    created_at      integer not null,
    updated_at      integer not null
);
create index attempts_by_payment on attempts (payment_id, seq);
create index attempts_due on attempts (due_at) where due_at is not null;
-- Whatever the callers do, a payment is paid at most once.
create unique index attempts_one_success on attempts (payment_id) where status in ('authorized', 'succeeded');

create table captures (
    seq        integer primary key,
    id         text    not null unique,
    payment_id text    not null unique references payments (id),
    key        text    not null,
    amount     integer not null check (amount > 0),
    fee        integer not null check (fee >= 0),
    created_at integer not null
);
create index captures_by_time on captures (created_at);

create table refunds (
    seq        integer primary key,
    id         text    not null unique,
    payment_id text    not null references payments (id),
    key        text    not null unique,
    amount     integer not null check (amount > 0),
    reference  text,
    created_at integer not null
);
create index refunds_by_time on refunds (created_at);
create index refunds_by_payment on refunds (payment_id, seq);

-- One row per idempotency key, for ever: what was asked, what was answered, how often.
create table idempotency_keys (
    key         text    primary key,
    operation   text    not null,
    fingerprint text    not null,
    payment_id  text,
    status      integer,
    answer      text,
    calls       integer not null default 1,
    executions  integer not null default 1,
    created_at  integer not null
) without rowid;
create index idempotency_keys_by_payment on idempotency_keys (payment_id);

-- What is kept of a card: enough to show it and to behave as documented, never the number.
create table card_tokens (
    token      text    primary key,
    payment_id text    not null references payments (id),
    card       text    not null,
    brand      text    not null,
    last4      text    not null check (length(last4) = 4),
    created_at integer not null
) without rowid;

-- Webhook events and how far their delivery is.
create table events (
    seq          integer primary key,
    id           text    not null unique,
    type         text    not null,
    payment_id   text    not null references payments (id),
    payload      text    not null,
    copies_left  integer not null check (copies_left >= 0),
    tries        integer not null default 0,
    delivered    integer not null default 0,
    last_result  text,
    due_at       integer,
    created_at   integer not null
);
create index events_due on events (due_at) where due_at is not null;
create index events_by_payment on events (payment_id, seq);
