//! Law 3: a paid order and its sale journal belong together.

use super::{Outline, Question};

pub(super) const LAW: Outline = Outline {
    number: Some(3),
    name: "orders_are_posted",
    statement: "every SUCCESS order is posted by exactly one sale journal, and no other order is",
    question: Question::Ask {
        counted: "select count(*) as n from payment_orders where merchant_id between $1 and $2 and livemode between $3 and $4",
        broken: ORDERS,
    },
};

/// An order's amounts are decimal strings with exactly their currency's decimals: without the point they are minor units.
const ORDERS: &str = "select subject, detail, count(*) over () as found from ( \
     select o.payment_order_id as subject, case \
         when o.payment_order_status <> 'SUCCESS' then 'it is not SUCCESS and has a sale journal' \
         when not o.wallet_updated or not o.ledger_updated then 'it is SUCCESS and not marked as posted' \
         when s.n is null then 'it is SUCCESS and has no sale journal' \
         when o.captured is null then 'it is SUCCESS and does not say what was taken of it' \
         else 'its sale journal has another amount or another payment' end as detail \
     from payment_orders o left join ( \
         select j.merchant_id, j.livemode, j.source_id, count(*) as n, sum(j.control_total) as total, \
             min(j.payment_id) as payment_id from journals j \
         where j.kind = 'sale' and j.merchant_id between $1 and $2 and j.livemode between $3 and $4 \
         group by j.merchant_id, j.livemode, j.source_id \
     ) s on s.merchant_id = o.merchant_id and s.livemode = o.livemode and s.source_id = o.payment_order_id \
     where o.merchant_id between $1 and $2 and o.livemode between $3 and $4 and case \
         when o.payment_order_status = 'SUCCESS' then not o.wallet_updated or not o.ledger_updated or s.n is null or s.n <> 1 \
             or o.captured is null or s.total <> cast(replace(o.captured, '.', '') as bigint) or s.payment_id <> o.payment_id \
         else s.n is not null end \
     union all select o.payment_order_id, 'more was taken of it, or of its fee, than there was' from payment_orders o \
         where o.merchant_id between $1 and $2 and o.livemode between $3 and $4 and o.captured is not null \
         and (cast(replace(o.captured, '.', '') as bigint) > cast(replace(o.amount, '.', '') as bigint) \
             or cast(replace(o.captured_fee, '.', '') as bigint) > cast(replace(o.fee, '.', '') as bigint)) \
     union all select j.source_id, 'a sale journal without an order' from journals j left join payment_orders o \
         on o.payment_order_id = j.source_id and o.merchant_id = j.merchant_id and o.livemode = j.livemode \
         where j.kind = 'sale' and j.merchant_id between $1 and $2 and j.livemode between $3 and $4 and o.payment_order_id is null \
     ) b order by subject, detail limit $5";
