//! What is kept of each account as of sealed blocks.

use super::{Outline, Question};

pub(super) const LAW: Outline = Outline {
    number: None,
    name: "balances_equal_transfers",
    statement: "what is kept of each account as of each sealed block is the sum of its transfers",
    question: Question::Ask {
        counted: "select count(*) as n from balance_checkpoints where merchant_id between $1 and $2 and livemode between $3 and $4",
        broken: BALANCES,
    },
};

/// Each block's transfers added, what its checkpoints say they changed subtracted; and the last checkpoint against what is read first.
const BALANCES: &str = "select subject, detail, count(*) over () as found from ( \
     select currency || ':' || account as subject, 'what is kept as of a sealed block is not the sum of its transfers' as detail from ( \
         select s.merchant_id, s.livemode, t.currency, t.debit_account as account, s.block, t.amount as debit, 0 as credit \
             from sealed_journals s join transfers t on t.merchant_id = s.merchant_id and t.livemode = s.livemode and t.journal_id = s.journal_id \
             where s.merchant_id between $1 and $2 and s.livemode between $3 and $4 \
         union all select s.merchant_id, s.livemode, t.currency, t.credit_account, s.block, 0, t.amount \
             from sealed_journals s join transfers t on t.merchant_id = s.merchant_id and t.livemode = s.livemode and t.journal_id = s.journal_id \
             where s.merchant_id between $1 and $2 and s.livemode between $3 and $4 \
         union all select merchant_id, livemode, currency, account, block, \
             lag(debits, 1, cast(0 as bigint)) over (partition by merchant_id, livemode, currency, account order by block) - debits, \
             lag(credits, 1, cast(0 as bigint)) over (partition by merchant_id, livemode, currency, account order by block) - credits \
             from balance_checkpoints where merchant_id between $1 and $2 and livemode between $3 and $4 \
     ) sides group by merchant_id, livemode, currency, account, block having sum(debit) <> 0 or sum(credit) <> 0 \
     union all select a.currency || ':' || a.account, 'what is read first is not what is kept as of the last sealed block' \
         from account_balances a left join balance_checkpoints c on c.merchant_id = a.merchant_id and c.livemode = a.livemode \
             and c.currency = a.currency and c.account = a.account and c.block = a.block \
         where a.merchant_id between $1 and $2 and a.livemode between $3 and $4 \
         and (c.block is null or c.debits <> a.debits or c.credits <> a.credits) \
     ) b order by subject, detail limit $5";
