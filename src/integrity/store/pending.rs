//! What waits for delivery, order by order.

use super::{Outline, Question};

pub(super) const LAW: Outline = Outline {
    number: None,
    name: "orders_wait_for_delivery",
    statement: "what a paid order has pending is what the books say of it, and nothing once it is delivered",
    question: Question::Ask {
        counted: "select count(*) as n from payment_orders where merchant_id between $1 and $2 \
             and livemode between $3 and $4 and paid_at is not null",
        broken: PENDING,
    },
};

/// A seller has one order in a payment, so what the payment's journals moved on its pending account is that order's: the sale,
/// less what refunds and disputes took of it, less what the delivery made available.
const PENDING: &str = "select subject, detail, count(*) over () as found from ( \
     select o.payment_order_id as subject, case when o.fulfilled_at is not null and o.pending <> 0 \
         then 'it is delivered and something of it is still pending' \
         else 'what it has pending is not what the books say' end as detail \
     from payment_orders o left join ( \
         select m.payment_id, m.account, sum(m.amount) as total from ( \
             select j.payment_id, t.credit_account as account, t.amount as amount \
                 from journals j join transfers t \
                 on t.merchant_id = j.merchant_id and t.livemode = j.livemode and t.journal_id = j.id \
                 where j.merchant_id between $1 and $2 and j.livemode between $3 and $4 and j.payment_id is not null \
                 and t.credit_account like 'seller:%:pending' \
             union all select j.payment_id, t.debit_account, -t.amount \
                 from journals j join transfers t \
                 on t.merchant_id = j.merchant_id and t.livemode = j.livemode and t.journal_id = j.id \
                 where j.merchant_id between $1 and $2 and j.livemode between $3 and $4 and j.payment_id is not null \
                 and t.debit_account like 'seller:%:pending' \
         ) m group by m.payment_id, m.account \
     ) s on s.payment_id = o.payment_id and s.account = 'seller:' || o.seller_account || ':pending' \
     where o.merchant_id between $1 and $2 and o.livemode between $3 and $4 and ( \
         o.pending <> coalesce(s.total, 0) or (o.fulfilled_at is not null and o.pending <> 0) \
         or (o.fulfilled_at is not null and o.paid_at is null)) \
     ) b order by subject, detail limit $5";
