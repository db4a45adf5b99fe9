-- Where merchants want to be told, what they are told, and every try to tell them.
create table webhook_endpoints (
    id text primary key check (length(id) <= 40),
    merchant_id text not null check (length(merchant_id) <= 40),
    livemode boolean not null,
    url text not null check (length(url) between 1 and 2048),
    description text not null default '' check (length(description) <= 500),
    -- JSON array of event types, or ["*"].
    events text not null check (length(events) <= 8192),
    metadata text not null default '{}' check (length(metadata) <= 200000),
    status text not null check (status in ('enabled', 'disabled', 'deleted')),
    disabled_reason text check (length(disabled_reason) <= 500),
    -- Signing keys, sealed with the master key.
    secret bytea not null,
    previous_secret bytea,
    previous_secret_until bigint,
    created_at bigint not null,
    check ((previous_secret is null) = (previous_secret_until is null))
);
create index webhook_endpoints_by_tenant on webhook_endpoints (merchant_id, livemode, id) where status <> 'deleted';

create table webhook_deliveries (
    id text primary key check (length(id) <= 40),
    merchant_id text not null check (length(merchant_id) <= 40),
    livemode boolean not null,
    endpoint_id text not null references webhook_endpoints (id),
    event_id text not null references events (id),
    kind text not null check (length(kind) between 3 and 60),
    object_id text not null check (length(object_id) between 1 and 60),
    -- Exactly the bytes that are signed and sent.
    payload text not null check (length(payload) <= 20000),
    status text not null check (status in ('pending', 'succeeded', 'failed')),
    -- Tries in all, and those of the present round (a resend begins a new round).
    attempts bigint not null default 0 check (attempts >= 0),
    round_attempts bigint not null default 0 check (round_attempts >= 0),
    -- When the next try is due; null when there is none.
    next_attempt_at bigint,
    last_status bigint,
    last_error text check (length(last_error) <= 500),
    created_at bigint not null,
    finished_at bigint,
    unique (event_id, endpoint_id),
    check ((status = 'pending') = (finished_at is null))
);
create index webhook_deliveries_by_tenant on webhook_deliveries (merchant_id, livemode, id);
create index webhook_deliveries_by_endpoint on webhook_deliveries (endpoint_id, id);
create index webhook_deliveries_by_object on webhook_deliveries (merchant_id, livemode, object_id);

create table webhook_attempts (
    delivery_id text not null references webhook_deliveries (id),
    number bigint not null check (number > 0),
    at bigint not null,
    -- HTTP status; null when there was no answer.
    status bigint,
    error text check (length(error) <= 500),
    millis bigint not null check (millis >= 0),
    -- The beginning of the answer's body.
    excerpt text not null default '' check (length(excerpt) <= 2000),
    primary key (delivery_id, number)
);
