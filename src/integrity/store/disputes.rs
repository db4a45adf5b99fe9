//! Contested money.

use super::{Outline, Question};

pub(super) const LAW: Outline = Outline {
    number: None,
    name: "disputes_are_held",
    statement: "contested money is what open disputes contest, and each dispute is in the books once for what it is",
    question: Question::Ask {
        counted: "select count(*) as n from payments where merchant_id between $1 and $2 and livemode between $3 and $4",
        broken: DISPUTES,
    },
};

/// The account of contested money from both sides, what a payment says of its disputes, and the journals of each dispute.
const DISPUTES: &str = "select subject, detail, count(*) over () as found from ( \
     select merchant_id as subject, 'the account of disputes is not the sum of the open ones in ' || currency as detail from ( \
         select t.merchant_id, t.livemode, t.currency, t.amount as amount from transfers t \
             where t.merchant_id between $1 and $2 and t.livemode between $3 and $4 and t.debit_account = 'disputes' \
         union all select t.merchant_id, t.livemode, t.currency, -t.amount from transfers t \
             where t.merchant_id between $1 and $2 and t.livemode between $3 and $4 and t.credit_account = 'disputes' \
         union all select d.merchant_id, d.livemode, d.currency, -d.amount from disputes d \
             where d.merchant_id between $1 and $2 and d.livemode between $3 and $4 \
             and d.status in ('needs_response', 'under_review') \
     ) sides group by merchant_id, livemode, currency having sum(amount) <> 0 \
     union all select p.id, 'what it says is contested is not the sum of its disputes' from payments p left join ( \
         select d.payment_id, sum(d.amount) as total from disputes d \
         where d.merchant_id between $1 and $2 and d.livemode between $3 and $4 and d.status <> 'won' group by d.payment_id \
     ) s on s.payment_id = p.id \
         where p.merchant_id between $1 and $2 and p.livemode between $3 and $4 and p.disputed <> coalesce(s.total, 0) \
     union all select d.id, 'its parts are not the whole' from disputes d left join ( \
         select p.dispute_id, sum(p.amount) as total from dispute_parts p group by p.dispute_id \
     ) s on s.dispute_id = d.id \
         where d.merchant_id between $1 and $2 and d.livemode between $3 and $4 and d.amount <> coalesce(s.total, 0) \
     union all select d.id, 'its journals do not tell that it is ' || d.status from disputes d left join ( \
         select j.merchant_id, j.livemode, j.source_id, \
             sum(case when j.kind = 'dispute_opened' then 1 else 0 end) as opened, \
             sum(case when j.kind = 'dispute_won' then 1 else 0 end) as won, \
             sum(case when j.kind = 'dispute_lost' then 1 else 0 end) as lost from journals j \
         where j.kind in ('dispute_opened', 'dispute_won', 'dispute_lost') \
             and j.merchant_id between $1 and $2 and j.livemode between $3 and $4 \
         group by j.merchant_id, j.livemode, j.source_id \
     ) s on s.merchant_id = d.merchant_id and s.livemode = d.livemode and s.source_id = d.id \
         where d.merchant_id between $1 and $2 and d.livemode between $3 and $4 and (coalesce(s.opened, 0) <> 1 \
             or s.won <> case d.status when 'won' then 1 else 0 end or s.lost <> case d.status when 'lost' then 1 else 0 end) \
     union all select d.id, 'what the PSP charges for it is not what the books say' from disputes d left join ( \
         select j.merchant_id, j.livemode, j.source_id, sum(t.amount) as total from journals j join transfers t \
             on t.merchant_id = j.merchant_id and t.livemode = j.livemode and t.journal_id = j.id \
         where j.kind in ('dispute_opened', 'dispute_charged') and t.debit_account = 'fees:psp' \
             and j.merchant_id between $1 and $2 and j.livemode between $3 and $4 \
         group by j.merchant_id, j.livemode, j.source_id \
     ) s on s.merchant_id = d.merchant_id and s.livemode = d.livemode and s.source_id = d.id \
         where d.merchant_id between $1 and $2 and d.livemode between $3 and $4 and d.fee <> coalesce(s.total, 0) \
     ) b order by subject, detail limit $5";
