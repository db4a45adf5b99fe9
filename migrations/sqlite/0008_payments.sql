-- Payments, their orders (one per seller), attempts at PSPs, calls made and webhooks received.

create table payments (
    id text primary key,
    merchant_id text not null,
    livemode boolean not null,
    checkout_id text,
    status text not null check (status in
        ('requires_payment', 'processing', 'authorized', 'succeeded', 'failed', 'canceled', 'expired')),
    currency text not null check (length(currency) = 3),
    -- Minor units.
    amount bigint not null check (amount > 0),
    captured bigint not null default 0 check (captured between 0 and amount),
    refunded bigint not null default 0 check (refunded between 0 and captured),
    capture text not null check (capture in ('automatic', 'manual')),
    reference text check (length(reference) <= 200),
    description text not null check (length(description) <= 200),
    customer_email text check (length(customer_email) <= 254),
    metadata text not null,
    psp text,
    psp_payment text,
    psp_token text,
    form_url text,
    created_at bigint not null,
    updated_at bigint not null,
    succeeded_at bigint,
    check ((status = 'succeeded') = (succeeded_at is not null)),
    check (status <> 'succeeded' or captured > 0),
    check ((psp_payment is null) = (psp_token is null) and (psp_payment is null) = (form_url is null))
);
create index payments_by_tenant on payments (merchant_id, livemode, id);
create index payments_by_reference on payments (merchant_id, livemode, reference) where reference is not null;
create index payments_by_email on payments (customer_email, created_at) where customer_email is not null;
create unique index payments_by_checkout on payments (checkout_id) where checkout_id is not null;
create unique index payments_by_psp_payment on payments (psp, psp_payment) where psp_payment is not null;

create table payment_orders (
    payment_order_id text primary key,
    payment_id text not null references payments (id),
    merchant_id text not null,
    livemode boolean not null,
    checkout_id text,
    seller_account text not null,
    -- Decimal strings with exactly the currency's decimals.
    amount text not null check (length(amount) between 1 and 20),
    fee text not null check (length(fee) between 1 and 20),
    currency text not null check (length(currency) = 3),
    payment_order_status text not null check (payment_order_status in ('NOT_STARTED', 'EXECUTING', 'SUCCESS', 'FAILED')),
    wallet_updated boolean not null default false,
    ledger_updated boolean not null default false,
    created_at bigint not null,
    updated_at bigint not null,
    check ((payment_order_status = 'SUCCESS') = wallet_updated),
    check ((payment_order_status = 'SUCCESS') = ledger_updated),
    unique (payment_id, seller_account)
);

create table attempts (
    id text primary key,
    payment_id text not null references payments (id),
    merchant_id text not null,
    livemode boolean not null,
    psp text not null,
    -- The idempotency key at the PSP: one per attempt, the same for every repeat.
    psp_key text not null,
    -- The PSP's token for the card.
    method text not null,
    state text not null check (state in
        ('sent', 'action_required', 'pending', 'unknown', 'approved', 'declined')),
    psp_reference text,
    decline_code text,
    psp_code text,
    card_brand text,
    card_last4 text check (length(card_last4) = 4),
    action_url text,
    note text,
    sent_at bigint not null,
    -- Past it, an attempt whose outcome is not known is a person's.
    deadline_at bigint not null,
    settled_at bigint,
    -- Whether a job was left that asks what became of it.
    recovering boolean not null default false,
    check ((state in ('approved', 'declined')) = (settled_at is not null)),
    check ((state = 'declined') = (decline_code is not null)),
    check ((state = 'approved') = (psp_reference is not null)),
    check ((state = 'action_required') = (action_url is not null)),
    unique (psp, psp_key)
);
create index attempts_by_payment on attempts (payment_id, id);
create index attempts_by_time on attempts (merchant_id, livemode, sent_at);
-- An attempt whose outcome is not known blocks every other one.
create unique index attempts_one_open on attempts (payment_id)
    where state in ('sent', 'action_required', 'pending', 'unknown');
-- A checkout is captured once, ever.
create unique index attempts_one_approved on attempts (payment_id) where state = 'approved';
create index attempts_silent on attempts (sent_at)
    where state in ('sent', 'action_required', 'pending', 'unknown') and not recovering;

create table psp_calls (
    id text primary key,
    payment_id text not null references payments (id),
    attempt_id text references attempts (id),
    merchant_id text not null,
    livemode boolean not null,
    psp text not null,
    operation text not null check (operation in ('register', 'confirm', 'look_up', 'abandon', 'refund')),
    psp_key text not null,
    sent_at bigint not null,
    answered_at bigint,
    result text
);
create index psp_calls_by_payment on psp_calls (payment_id, id);

create table psp_events (
    id text primary key,
    psp text not null,
    -- The PSP's own id of the event: a repeat changes nothing.
    event_id text not null,
    kind text not null,
    psp_payment text,
    payment_id text references payments (id),
    raw_body blob not null,
    received_at bigint not null,
    processed_at bigint,
    result text,
    unique (psp, event_id)
);
create index psp_events_by_payment on psp_events (payment_id, id) where payment_id is not null;
