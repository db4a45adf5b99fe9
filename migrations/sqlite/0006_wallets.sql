-- What each seller has, per currency: always the sum of that seller's four accounts in the ledger.
-- `available` may be negative where a policy lets a seller owe money; the other three never may.
-- typeof: SQLite turns a sum that overflows into a float instead of failing; here that is refused.
create table wallets (
    merchant_id text not null check (length(merchant_id) between 1 and 64),
    livemode boolean not null check (livemode in (0, 1)),
    seller_id text not null,
    currency text not null check (length(currency) = 3),
    pending bigint not null check (typeof(pending) = 'integer' and pending >= 0),
    available bigint not null check (typeof(available) = 'integer'),
    paying_out bigint not null check (typeof(paying_out) = 'integer' and paying_out >= 0),
    reserved bigint not null check (typeof(reserved) = 'integer' and reserved >= 0),
    created_at bigint not null check (typeof(created_at) = 'integer'),
    updated_at bigint not null check (typeof(updated_at) = 'integer'),
    primary key (merchant_id, livemode, seller_id, currency),
    -- The tenant is part of the reference: a wallet cannot belong to another merchant's seller.
    foreign key (merchant_id, livemode, seller_id) references sellers (merchant_id, livemode, id)
) without rowid;
