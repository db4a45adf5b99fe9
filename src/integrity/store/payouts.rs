//! Every payout and its journals.

use super::{Outline, Question};

pub(super) const LAW: Outline = Outline {
    number: None,
    name: "payouts_are_posted",
    statement: "every payout is posted once as held, and once as what became of it",
    question: Question::Ask {
        counted: "select count(*) as n from payouts where merchant_id between $1 and $2 and livemode between $3 and $4",
        broken: PAYOUTS,
    },
};

/// Of each payout: held once, then paid once or put back once, and come back once if it was returned; each for its amount.
const PAYOUTS: &str = "select subject, detail, count(*) over () as found from ( \
     select o.id as subject, 'its journals do not say what became of it: it is ' || o.status as detail from payouts o left join ( \
         select j.merchant_id, j.livemode, j.source_id, \
             sum(case when j.kind = 'payout_asked' then 1 else 0 end) as asked, \
             sum(case when j.kind = 'payout_paid' then 1 else 0 end) as paid, \
             sum(case when j.kind = 'payout_failed' then 1 else 0 end) as failed, \
             sum(case when j.kind = 'payout_returned' then 1 else 0 end) as returned, \
             min(j.control_total) as least, max(j.control_total) as most from journals j \
         where j.kind in ('payout_asked', 'payout_paid', 'payout_failed', 'payout_returned') \
             and j.merchant_id between $1 and $2 and j.livemode between $3 and $4 \
         group by j.merchant_id, j.livemode, j.source_id \
     ) s on s.merchant_id = o.merchant_id and s.livemode = o.livemode and s.source_id = o.id \
     where o.merchant_id between $1 and $2 and o.livemode between $3 and $4 and (s.asked is null or s.asked <> 1 \
         or s.least <> o.amount or s.most <> o.amount \
         or s.paid <> case when o.status in ('paid', 'returned') then 1 else 0 end \
         or s.failed <> case when o.status in ('failed', 'canceled') then 1 else 0 end \
         or s.returned <> case when o.status = 'returned' then 1 else 0 end) \
     union all select j.source_id, 'a payout journal without a payout' from journals j left join payouts o \
         on o.id = j.source_id and o.merchant_id = j.merchant_id and o.livemode = j.livemode \
         where j.kind in ('payout_asked', 'payout_paid', 'payout_failed', 'payout_returned') \
             and j.merchant_id between $1 and $2 and j.livemode between $3 and $4 and o.id is null \
     ) b order by subject, detail limit $5";
