-- Refunds: money given back, reserved in the books before the PSP is asked for it.

create table refunds (
    id text primary key,
    payment_id text not null references payments (id),
    merchant_id text not null,
    livemode boolean not null,
    currency text not null check (length(currency) = 3),
    -- Minor units.
    amount bigint not null check (amount > 0),
    reason text check (length(reason) <= 200),
    status text not null check (status in ('pending', 'succeeded', 'failed')),
    psp text not null,
    -- The idempotency key at the PSP: the same for every repeat.
    psp_key text not null,
    psp_reference text,
    failure_code text,
    metadata text not null,
    created_at bigint not null,
    -- Past it, a refund whose outcome is not known is a person's.
    deadline_at bigint not null,
    settled_at bigint,
    check ((status = 'pending') = (settled_at is null)),
    check ((status = 'succeeded') = (psp_reference is not null)),
    check ((status = 'failed') = (failure_code is not null)),
    unique (psp, psp_key)
);
create index refunds_by_tenant on refunds (merchant_id, livemode, id);
create index refunds_by_payment on refunds (payment_id, id);

-- What of a refund each seller's order bears.
create table refund_parts (
    refund_id text not null references refunds (id),
    payment_order_id text not null references payment_orders (payment_order_id),
    seller_account text not null,
    -- Minor units: all of it, and the platform's fee in it.
    amount bigint not null check (amount > 0),
    fee bigint not null check (fee between 0 and amount),
    primary key (refund_id, payment_order_id)
);
create index refund_parts_by_order on refund_parts (payment_order_id);
