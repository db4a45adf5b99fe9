-- Where an order's money stands: pending until it is delivered, and how much of that a refund took.

-- What of the seller's share is still pending, in minor units.
alter table payment_orders add column pending bigint not null default 0 check (pending >= 0);
alter table payment_orders add column paid_at bigint;
-- When it was delivered, or counted as delivered. From then on nothing of it is pending.
alter table payment_orders add column fulfilled_at bigint;

-- What of a refund's part was taken from the order's pending money; the rest of the seller's share came from what was available.
alter table refund_parts add column from_pending bigint not null default 0 check (from_pending >= 0);
-- What of the platform's fee was kept although its sale was given back.
alter table refund_parts add column fee_kept bigint not null default 0 check (fee_kept >= 0);
-- A refund that had succeeded, and came back weeks later: the PSP's name for it, and when it had succeeded.
alter table refunds add column late_reference text;
alter table refunds add column succeeded_at bigint;

update refund_parts set from_pending = amount - fee;
update refunds set succeeded_at = settled_at where status = 'succeeded';
update payment_orders set
    paid_at = (select p.succeeded_at from payments p where p.id = payment_orders.payment_id),
    pending = cast(replace(captured, '.', '') as bigint) - cast(replace(captured_fee, '.', '') as bigint)
        - cast(coalesce((select sum(p.amount - p.fee) from refund_parts p join refunds r on r.id = p.refund_id
            where p.payment_order_id = payment_orders.payment_order_id and r.status <> 'failed'), 0) as bigint)
    where payment_order_status = 'SUCCESS';

create index payment_orders_to_fulfill on payment_orders (merchant_id, livemode, paid_at)
    where fulfilled_at is null and paid_at is not null;
