//! Law 5: money is taken once.

use super::{Outline, Question};

pub(super) const LAW: Outline = Outline {
    number: Some(5),
    name: "one_capture_per_checkout",
    statement: "at most one payment per checkout is captured, once, and for what was posted",
    question: Question::Ask {
        counted: "select count(*) as n from payments where merchant_id between $1 and $2 \
             and livemode between $3 and $4 and captured > 0",
        broken: CAPTURES,
    },
};

/// Also what a payment says of itself against the books.
const CAPTURES: &str = "select subject, detail, count(*) over () as found from ( \
     select p.checkout_id as subject, 'more than one of its payments is captured' as detail from payments p \
         where p.merchant_id between $1 and $2 and p.livemode between $3 and $4 and p.checkout_id is not null and p.captured > 0 \
         group by p.merchant_id, p.livemode, p.checkout_id having count(*) > 1 \
     union all select a.payment_id, 'more than one of its attempts is approved' from attempts a \
         where a.merchant_id between $1 and $2 and a.livemode between $3 and $4 and a.state = 'approved' \
         group by a.payment_id having count(*) > 1 \
     union all select p.id, 'what it says was captured is not the sum of its sales' from payments p left join ( \
         select j.merchant_id, j.livemode, j.payment_id, sum(j.control_total) as total from journals j \
         where j.kind = 'sale' and j.merchant_id between $1 and $2 and j.livemode between $3 and $4 \
         group by j.merchant_id, j.livemode, j.payment_id \
     ) s on s.merchant_id = p.merchant_id and s.livemode = p.livemode and s.payment_id = p.id \
         where p.merchant_id between $1 and $2 and p.livemode between $3 and $4 and p.captured <> coalesce(s.total, 0) \
     union all select p.id, 'what a card holds for it is neither waiting, nor taken once, nor let go once, as it says' \
         from payments p left join ( \
         select payment_id, sum(case when status = 'pending' then 1 else 0 end) as open, \
             sum(case when status = 'succeeded' and operation = 'capture' then amount else 0 end) as taken, \
             sum(case when status = 'succeeded' then 1 else 0 end) as done, \
             min(case when status = 'pending' then operation end) as asked \
         from captures where merchant_id between $1 and $2 and livemode between $3 and $4 group by payment_id \
     ) c on c.payment_id = p.id where p.merchant_id between $1 and $2 and p.livemode between $3 and $4 \
         and p.capture = 'manual' and (coalesce(p.pending_operation, '') <> coalesce(c.asked, '') or p.captured <> coalesce(c.taken, 0) \
             or coalesce(c.open, 0) + coalesce(c.done, 0) > 1 or (p.status = 'authorized' and coalesce(c.done, 0) > 0) \
             or (p.status <> 'authorized' and p.pending_operation is not null)) \
     ) b order by subject, detail limit $5";
