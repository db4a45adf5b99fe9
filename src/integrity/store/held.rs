//! What is on its way to sellers' banks.

use super::{Outline, Question};

pub(super) const LAW: Outline = Outline {
    number: None,
    name: "payouts_are_held",
    statement: "what a seller has on its way is the sum of its open payouts, and never more left than had become available",
    question: Question::Ask {
        counted: "select count(*) as n from wallets where merchant_id between $1 and $2 and livemode between $3 and $4",
        broken: HELD,
    },
};

/// Money is held under the wallet's own condition; what was credited to a seller's available money bounds what was paid out.
const HELD: &str = "select subject, detail, count(*) over () as found from ( \
     select seller_id as subject, 'its open payouts do not add up to what is on its way in ' || currency as detail from ( \
         select w.merchant_id, w.livemode, w.seller_id, w.currency, w.paying_out as amount from wallets w \
             where w.merchant_id between $1 and $2 and w.livemode between $3 and $4 \
         union all select o.merchant_id, o.livemode, o.seller_id, o.currency, -o.amount from payouts o \
             where o.merchant_id between $1 and $2 and o.livemode between $3 and $4 and o.settled_at is null \
     ) x group by merchant_id, livemode, seller_id, currency having sum(amount) <> 0 \
     union all select o.seller_id, 'more was paid out than ever became available in ' || o.currency from ( \
         select merchant_id, livemode, seller_id, currency, sum(amount) as total from payouts \
         where merchant_id between $1 and $2 and livemode between $3 and $4 and status in ('paid', 'processing', 'pending', 'needs_approval') \
         group by merchant_id, livemode, seller_id, currency \
     ) o left join ( \
         select t.merchant_id, t.livemode, t.credit_account, t.currency, sum(t.amount) as total from transfers t \
         join journals j on j.merchant_id = t.merchant_id and j.livemode = t.livemode and j.id = t.journal_id \
         where t.merchant_id between $1 and $2 and t.livemode between $3 and $4 and t.credit_account like 'seller:%:available' \
             and j.kind not in ('payout_failed', 'payout_returned') \
         group by t.merchant_id, t.livemode, t.credit_account, t.currency \
     ) e on e.merchant_id = o.merchant_id and e.livemode = o.livemode and e.currency = o.currency \
         and e.credit_account = 'seller:' || o.seller_id || ':available' \
     where o.total > coalesce(e.total, 0) \
     ) b order by subject, detail limit $5";
