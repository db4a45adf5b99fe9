-- What was already done under a caller's key, and what was answered. The primary key is the promise: a second insert fails.
create table idempotency_keys (
    merchant_id text not null references merchants (id),
    livemode boolean not null,
    key text not null check (length(key) between 1 and 255),
    -- SHA-256 of method, path and canonical body, in hex.
    fingerprint text not null check (length(fingerprint) = 64),
    -- Both null until the answer is known.
    status bigint check (status between 200 and 599),
    body text,
    created_at bigint not null,
    primary key (merchant_id, livemode, key),
    check ((status is null) = (body is null))
);
create index idempotency_keys_age on idempotency_keys (created_at);
