//! Law 4: nobody gets back more than was taken.

use super::{Outline, Question};

pub(super) const LAW: Outline = Outline {
    number: Some(4),
    name: "refunds_within_captured",
    statement: "what was refunded or is held for refunds is at most what was captured, and of a second charge what it came to",
    question: Question::Ask {
        counted: "select count(*) as n from payments where merchant_id between $1 and $2 and livemode between $3 and $4",
        broken: REFUNDS,
    },
};

/// Refunds are held in `reserved` before the provider is asked, so what went there and did not come back is refunded or held.
const REFUNDS: &str = "select subject, detail, count(*) over () as found from ( \
     select s.payment_id as subject, 'more was refunded, or is held for refunds, than was captured' as detail from ( \
         select j.merchant_id, j.livemode, j.payment_id, \
             sum(case when j.kind = 'sale' and t.debit_account like 'psp:%' then t.amount else 0 end) as captured, \
             sum(case when t.credit_account like 'seller:%:reserved' then t.amount \
                 when t.debit_account like 'seller:%:reserved' and t.credit_account not like 'psp:%' then -t.amount \
                 when j.kind = 'refund_failed' and t.debit_account like 'psp:%' then -t.amount \
                 else 0 end) as refunded \
         from journals j join transfers t on t.merchant_id = j.merchant_id and t.livemode = j.livemode and t.journal_id = j.id \
         where j.merchant_id between $1 and $2 and j.livemode between $3 and $4 and j.payment_id is not null \
             and j.kind not like 'dispute%' \
         group by j.merchant_id, j.livemode, j.payment_id \
     ) s where s.refunded > s.captured \
     union all select p.id, 'it says that more was refunded than captured, or captured than asked' from payments p \
         where p.merchant_id between $1 and $2 and p.livemode between $3 and $4 and (p.refunded > p.captured or p.captured > p.amount) \
     union all select p.id, 'its refunds do not add up to what it says was refunded' from payments p left join ( \
         select payment_id, sum(amount) as total from refunds where status <> 'failed' and attempt_id is null group by payment_id \
     ) r on r.payment_id = p.id where p.merchant_id between $1 and $2 and p.livemode between $3 and $4 \
         and p.refunded <> coalesce(r.total, 0) \
     union all select a.payment_id, 'another amount goes back than was charged twice' from refunds r join attempts a on a.id = r.attempt_id \
         where r.merchant_id between $1 and $2 and r.livemode between $3 and $4 and r.status <> 'failed' \
         and (a.second_charge_amount is null or a.second_charge_amount <> r.amount or a.payment_id <> r.payment_id) \
     union all select a.payment_id, 'a second charge is in the books with another amount, or twice' from attempts a left join ( \
         select j.merchant_id, j.livemode, j.source_id, sum(t.amount) as total from journals j \
         join transfers t on t.merchant_id = j.merchant_id and t.livemode = j.livemode and t.journal_id = j.id \
         where j.merchant_id between $1 and $2 and j.livemode between $3 and $4 and j.kind = 'second_charge' \
         group by j.merchant_id, j.livemode, j.source_id \
     ) s on s.merchant_id = a.merchant_id and s.livemode = a.livemode and s.source_id = a.id \
         where a.merchant_id between $1 and $2 and a.livemode between $3 and $4 \
         and a.second_charge is not null and coalesce(a.second_charge_amount, 0) <> coalesce(s.total, 0) \
     ) b order by subject, detail limit $5";
