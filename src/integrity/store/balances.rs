//! What is kept of each account.

use super::{Outline, Question};

pub(super) const LAW: Outline = Outline {
    number: None,
    name: "balances_equal_transfers",
    statement: "what is kept of each account, in all and by stretches of time, is the sum of its sealed transfers",
    question: Question::Ask {
        counted: "select count(*) as n from balance_buckets where merchant_id between $1 and $2 and livemode between $3 and $4",
        broken: BALANCES,
    },
};

/// The narrowest stretches are held against the transfers, each wider one against those that lie in it, and what stands on the account
/// against the widest: what is above is added, what is kept is subtracted. Then when each account begins, and the dates of what is sealed.
const BALANCES: &str = "select subject, detail, count(*) over () as found from ( \
     select currency || ':' || account as subject, case width when 63 then 'what stands on it is not the sum of its stretches of time' \
         when 28 then 'what is kept of a stretch of time is not the sum of its transfers' \
         else 'what is kept of a stretch of time is not the sum of those that lie in it' end as detail from ( \
         select t.merchant_id, t.livemode, t.currency, t.debit_account as account, 28 as width, (t.created_at >> 28) << 28 as start_at, \
             t.amount >> 40 as debits_high, t.amount & 1099511627775 as debits_low, 0 as credits_high, 0 as credits_low, \
             t.created_at as moved_at, cast(null as bigint) as first_at \
             from sealed_journals s join transfers t on t.merchant_id = s.merchant_id and t.livemode = s.livemode and t.journal_id = s.journal_id \
             where s.merchant_id between $1 and $2 and s.livemode between $3 and $4 \
         union all select t.merchant_id, t.livemode, t.currency, t.credit_account, 28, (t.created_at >> 28) << 28, \
             0, 0, t.amount >> 40, t.amount & 1099511627775, t.created_at, null \
             from sealed_journals s join transfers t on t.merchant_id = s.merchant_id and t.livemode = s.livemode and t.journal_id = s.journal_id \
             where s.merchant_id between $1 and $2 and s.livemode between $3 and $4 \
         union all select merchant_id, livemode, currency, account, width, start_at, \
             -debits_high, -debits_low, -credits_high, -credits_low, null, null \
             from balance_buckets where merchant_id between $1 and $2 and livemode between $3 and $4 \
         union all select merchant_id, livemode, currency, account, case width when 28 then 36 when 36 then 44 else 63 end, \
             case width when 28 then (start_at >> 36) << 36 when 36 then (start_at >> 44) << 44 else 0 end, \
             debits_high, debits_low, credits_high, credits_low, null, null \
             from balance_buckets where merchant_id between $1 and $2 and livemode between $3 and $4 \
         union all select merchant_id, livemode, currency, account, 63, 0, -debits_high, -debits_low, -credits_high, -credits_low, null, null \
             from account_balances where merchant_id between $1 and $2 and livemode between $3 and $4 \
         union all select merchant_id, livemode, currency, account, 28, (first_at >> 28) << 28, 0, 0, 0, 0, null, first_at \
             from account_balances where merchant_id between $1 and $2 and livemode between $3 and $4 \
     ) sides group by merchant_id, livemode, currency, account, width, start_at \
         having sum(debits_high) * 1099511627776 + sum(debits_low) <> 0 or sum(credits_high) * 1099511627776 + sum(credits_low) <> 0 \
         or min(first_at) <> min(moved_at) or (min(first_at) is not null and min(moved_at) is null) \
     union all select a.currency || ':' || a.account, 'it begins before it is said to' from account_balances a join ( \
         select merchant_id, livemode, currency, account, min(start_at) as start_at from balance_buckets where width = 28 \
         and merchant_id between $1 and $2 and livemode between $3 and $4 group by merchant_id, livemode, currency, account) b \
         on b.merchant_id = a.merchant_id and b.livemode = a.livemode and b.currency = a.currency and b.account = a.account \
         where b.start_at <> (a.first_at >> 28) << 28 \
     union all select t.journal_id, 'its date is not among those of what is sealed' from sealed_journals s \
         join transfers t on t.merchant_id = s.merchant_id and t.livemode = s.livemode and t.journal_id = s.journal_id \
         left join sealed_times d on d.merchant_id = t.merchant_id and d.livemode = t.livemode and d.posted_at = t.created_at \
             and d.journal_id = t.journal_id \
         where s.merchant_id between $1 and $2 and s.livemode between $3 and $4 and d.journal_id is null group by t.journal_id \
     union all select d.journal_id, 'it has a date among what is sealed that is not its own' from sealed_times d \
         left join sealed_journals s on s.merchant_id = d.merchant_id and s.livemode = d.livemode and s.journal_id = d.journal_id \
         left join transfers t on t.merchant_id = s.merchant_id and t.livemode = s.livemode and t.journal_id = s.journal_id \
             and t.created_at = d.posted_at \
         where d.merchant_id between $1 and $2 and d.livemode between $3 and $4 and t.journal_id is null group by d.journal_id \
     ) b order by subject, detail limit $5";
