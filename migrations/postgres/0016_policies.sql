-- What a merchant has decided: one row per named decision, as JSON, so that a later decision needs no migration. What was never
-- decided has its default in the program.
create table policies (
    merchant_id text not null references merchants (id),
    livemode boolean not null,
    name text not null check (length(name) between 1 and 60),
    value text not null check (length(value) <= 20000),
    updated_at bigint not null,
    primary key (merchant_id, livemode, name)
);

-- The same for one seller, where it differs from the others.
create table seller_policies (
    merchant_id text not null,
    livemode boolean not null,
    seller_id text not null,
    name text not null check (length(name) between 1 and 60),
    value text not null check (length(value) <= 20000),
    updated_at bigint not null,
    primary key (merchant_id, livemode, seller_id, name),
    -- The tenant is part of the reference: terms cannot be those of another merchant's seller.
    foreign key (merchant_id, livemode, seller_id) references sellers (merchant_id, livemode, id)
);

-- Who changed what, and from what to what. Only grows.
create table policy_changes (
    id text primary key,
    merchant_id text not null references merchants (id),
    livemode boolean not null,
    -- Empty when it holds for all sellers.
    seller_id text not null,
    name text not null,
    -- JSON; null for the default.
    before_value text,
    after_value text,
    -- The API key or the operator.
    changed_by text not null check (length(changed_by) between 1 and 64),
    changed_at bigint not null
);
create index policy_changes_by_tenant on policy_changes (merchant_id, livemode, id);
