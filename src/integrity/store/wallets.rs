//! Law 2: wallets and ledger say the same.

use super::{Outline, Question};

pub(super) const LAW: Outline = Outline {
    number: Some(2),
    name: "wallets_equal_ledger",
    statement: "a wallet equals the sum of its accounts' transfers",
    question: Question::Ask {
        counted: "select count(*) as n from wallets where merchant_id between $1 and $2 and livemode between $3 and $4",
        broken: WALLETS,
    },
};

/// Every seller account from both sides: its transfers added, its wallet subtracted. What does not cancel out is wrong.
const WALLETS: &str = "select subject, detail, count(*) over () as found from ( \
     select account as subject, 'the wallet and the ledger differ in ' || currency as detail from ( \
         select t.merchant_id, t.livemode, t.currency, t.credit_account as account, t.amount as amount \
             from transfers t where t.merchant_id between $1 and $2 \
                 and t.livemode between $3 and $4 and t.credit_account like 'seller:%' \
         union all select t.merchant_id, t.livemode, t.currency, t.debit_account, -t.amount \
             from transfers t where t.merchant_id between $1 and $2 \
                 and t.livemode between $3 and $4 and t.debit_account like 'seller:%' \
         union all select w.merchant_id, w.livemode, w.currency, 'seller:' || w.seller_id || ':pending', -w.pending \
             from wallets w where w.merchant_id between $1 and $2 and w.livemode between $3 and $4 \
         union all select w.merchant_id, w.livemode, w.currency, 'seller:' || w.seller_id || ':available', -w.available \
             from wallets w where w.merchant_id between $1 and $2 and w.livemode between $3 and $4 \
         union all select w.merchant_id, w.livemode, w.currency, 'seller:' || w.seller_id || ':paying_out', -w.paying_out \
             from wallets w where w.merchant_id between $1 and $2 and w.livemode between $3 and $4 \
         union all select w.merchant_id, w.livemode, w.currency, 'seller:' || w.seller_id || ':reserved', -w.reserved \
             from wallets w where w.merchant_id between $1 and $2 and w.livemode between $3 and $4 \
     ) sides group by merchant_id, livemode, currency, account having sum(amount >> 40) * 1099511627776 + sum(amount & 1099511627775) <> 0 \
     ) b order by subject, detail limit $5";
