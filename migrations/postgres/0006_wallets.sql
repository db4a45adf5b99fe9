-- What each seller has, per currency: always the sum of that seller's four accounts in the ledger.
-- `available` may be negative where a policy lets a seller owe money; the other three never may.
create table wallets (
    merchant_id text not null check (length(merchant_id) between 1 and 64),
    livemode boolean not null,
    seller_id text not null,
    currency text not null check (length(currency) = 3),
    pending bigint not null check (pending >= 0),
    available bigint not null,
    paying_out bigint not null check (paying_out >= 0),
    reserved bigint not null check (reserved >= 0),
    created_at bigint not null,
    updated_at bigint not null,
    primary key (merchant_id, livemode, seller_id, currency),
    -- The tenant is part of the reference: a wallet cannot belong to another merchant's seller.
    foreign key (merchant_id, livemode, seller_id) references sellers (merchant_id, livemode, id)
) with (fillfactor = 50); -- room for new versions on the same page: these few rows change with every sale
