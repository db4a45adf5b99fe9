-- Merchants, the sellers they are paid for, and the keys they call with.
create table merchants (
    id text primary key check (length(id) <= 40),
    name text not null check (length(name) between 1 and 200),
    created_at bigint not null
);

create table sellers (
    id text primary key check (length(id) <= 40),
    merchant_id text not null references merchants (id),
    livemode boolean not null,
    name text not null check (length(name) between 1 and 200),
    -- The merchant itself as a seller: the one that is paid when no other is named.
    is_self boolean not null,
    -- A token of the bank account at the PSP; never an account number.
    payout_destination text check (length(payout_destination) between 1 and 255),
    metadata text not null check (length(metadata) <= 32768),
    created_at bigint not null
);
create unique index sellers_self on sellers (merchant_id, livemode) where is_self;
-- Unique for wallets, whose reference names the tenant too.
create unique index sellers_newest on sellers (merchant_id, livemode, id);

create table api_keys (
    id text primary key check (length(id) <= 40),
    merchant_id text not null references merchants (id),
    livemode boolean not null,
    kind text not null check (kind in ('secret', 'restricted', 'publishable')),
    -- Space-separated; empty unless the key is restricted.
    scopes text not null check (length(scopes) <= 100),
    name text check (length(name) between 1 and 200),
    -- SHA-256 of the whole key in hex: the key has 178 random bits, so nothing slower is needed.
    hash text not null check (length(hash) = 64),
    last4 text not null check (length(last4) = 4),
    created_at bigint not null,
    last_used_at bigint,
    expires_at bigint,
    revoked_at bigint,
    -- The key that took this one's place in a rotation.
    replaced_by text references api_keys (id),
    check (kind = 'restricted' or scopes = '')
);
create unique index api_keys_hash on api_keys (hash);
create index api_keys_newest on api_keys (merchant_id, livemode, id);
