-- Authorize first, take the money later: captures and voids, and room in the record of calls for what else is asked of PSPs.

-- SQLite cannot change a check, so the table is made anew.
create table psp_calls_new (
    id text primary key,
    -- About which payment or payout: exactly one of the two.
    payment_id text references payments (id),
    payout_id text,
    attempt_id text references attempts (id),
    merchant_id text not null,
    livemode boolean not null,
    psp text not null,
    operation text not null check (operation in ('register', 'confirm', 'look_up', 'abandon', 'capture', 'void', 'refund',
        'look_up_refund', 'dispute_evidence', 'look_up_dispute', 'payout', 'look_up_payout')),
    psp_key text not null,
    sent_at bigint not null,
    answered_at bigint,
    result text,
    check ((payment_id is null) <> (payout_id is null))
);
insert into psp_calls_new (id, payment_id, attempt_id, merchant_id, livemode, psp, operation, psp_key, sent_at, answered_at,
    result)
select id, payment_id, attempt_id, merchant_id, livemode, psp, operation, psp_key, sent_at, answered_at, result from psp_calls;
drop table psp_calls;
alter table psp_calls_new rename to psp_calls;
create index psp_calls_by_payment on psp_calls (payment_id, id);
create index psp_calls_by_payout on psp_calls (payout_id, id) where payout_id is not null;

-- Set when an attempt of a payment with manual capture is approved: the card holds the money until then.
alter table payments add column authorized_at bigint;
alter table payments add column authorization_expires_at bigint;
-- Whether the merchant was told that the hold ends soon.
alter table payments add column expiry_told boolean not null default false;
-- What the PSP was asked for and has not answered: while it stands nothing else is asked.
alter table payments add column pending_operation text check (pending_operation in ('capture', 'void'));
alter table payments add column cancellation_reason text check (length(cancellation_reason) between 1 and 60);
create index payments_authorized on payments (authorization_expires_at) where status = 'authorized';

-- What was taken of an order and the platform's fee in it, as decimal strings; null until it is paid.
alter table payment_orders add column captured text check (length(captured) between 1 and 20);
alter table payment_orders add column captured_fee text check (length(captured_fee) between 1 and 20);
update payment_orders set captured = amount, captured_fee = fee where payment_order_status = 'SUCCESS';

-- Orders to a PSP to take held money, or to let it go.
create table captures (
    id text primary key,
    payment_id text not null references payments (id),
    merchant_id text not null,
    livemode boolean not null,
    operation text not null check (operation in ('capture', 'void')),
    currency text not null check (length(currency) = 3),
    -- Minor units: what is taken, or what is let go.
    amount bigint not null check (amount > 0),
    -- Why it is let go.
    reason text check (length(reason) between 1 and 60),
    status text not null check (status in ('pending', 'succeeded', 'failed')),
    psp text not null,
    -- The idempotency key at the PSP: the same for every repeat.
    psp_key text not null,
    psp_reference text,
    failure_code text,
    created_at bigint not null,
    -- Past it, one whose outcome is not known is a person's.
    deadline_at bigint not null,
    settled_at bigint,
    check ((operation = 'void') = (reason is not null)),
    check ((status = 'pending') = (settled_at is null)),
    check ((status = 'failed') = (failure_code is not null)),
    unique (psp, psp_key)
);
create index captures_by_payment on captures (payment_id, id);
-- Held money is taken or let go, once: of a capture and a void that come together one finds this taken.
create unique index captures_one on captures (payment_id) where status <> 'failed';
