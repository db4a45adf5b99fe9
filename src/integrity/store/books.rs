//! Law 1: every journal is what was posted.

use super::{Outline, Question};

pub(super) const LAW: Outline = Outline {
    number: Some(1),
    name: "debits_equal_credits",
    statement: "debits equal credits, in every journal, per currency and in total",
    question: Question::Ask {
        counted: "select count(*) as n from journals where merchant_id between $1 and $2 and livemode between $3 and $4",
        broken: BOOKS,
    },
};

/// A transfer cannot be out of balance, so what can be wrong is that a journal is not what was posted: a transfer changed, taken
/// away, added, orphaned, or one that no program of ours would write.
const BOOKS: &str = "select subject, detail, count(*) over () as found from ( \
     select j.id as subject, 'its transfers are not the ones that were posted' as detail \
     from journals j left join ( \
         select t.merchant_id, t.livemode, t.journal_id, count(*) as n, sum(t.amount) as total, \
             sum(case when t.debit_account = t.credit_account or t.amount <= 0 then 1 else 0 end) as senseless, \
             min(t.created_at) as first, max(t.created_at) as last, min(t.line) as lowest, max(t.line) as highest \
         from transfers t where t.merchant_id between $1 and $2 and t.livemode between $3 and $4 \
         group by t.merchant_id, t.livemode, t.journal_id \
     ) s on s.merchant_id = j.merchant_id and s.livemode = j.livemode and s.journal_id = j.id \
     where j.merchant_id between $1 and $2 and j.livemode between $3 and $4 \
         and (s.n is null or s.n <> j.transfer_count or s.total <> j.control_total or s.senseless > 0 \
             or s.lowest <> 0 or s.highest <> s.n - 1 or s.first <> j.created_at or s.last <> j.created_at) \
     union all select t.journal_id, 'transfers without a journal' from transfers t left join journals j \
         on j.merchant_id = t.merchant_id and j.livemode = t.livemode and j.id = t.journal_id \
         where t.merchant_id between $1 and $2 and t.livemode between $3 and $4 and j.id is null group by t.journal_id \
     union all select t.journal_id, 'a transfer names an account that does not exist' from transfers t \
         where t.merchant_id between $1 and $2 and t.livemode between $3 and $4 and not ( \
         (t.debit_account in ('bank', 'fees:platform', 'fees:psp', 'disputes', 'suspense', 'rounding', 'exchange') or t.debit_account like 'psp:_%' \
             or t.debit_account like 'seller:_%:pending' or t.debit_account like 'seller:_%:available' \
             or t.debit_account like 'seller:_%:paying_out' or t.debit_account like 'seller:_%:reserved') \
         and (t.credit_account in ('bank', 'fees:platform', 'fees:psp', 'disputes', 'suspense', 'rounding', 'exchange') or t.credit_account like 'psp:_%' \
             or t.credit_account like 'seller:_%:pending' or t.credit_account like 'seller:_%:available' \
             or t.credit_account like 'seller:_%:paying_out' or t.credit_account like 'seller:_%:reserved')) \
         group by t.journal_id \
     union all select min(j.id), 'the same fact is posted more than once' from journals j \
         where j.merchant_id between $1 and $2 and j.livemode between $3 and $4 \
         group by j.merchant_id, j.livemode, j.kind, j.source_id having count(*) > 1 \
     ) b order by subject, detail limit $5";
