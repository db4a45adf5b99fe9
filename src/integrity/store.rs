//! The SQL of the invariants. Each question is one statement, so it sees one state of the database even while payments go on.
//!
//! `$1` to `$4` are the scope: merchants from `$1` to `$2`, modes from `$3` to `$4`.

use super::check::{Finding, Scope};
use crate::db::{Db, DbError, On, Query, query};

/// How many broken rows are named.
const NAMED: i64 = 5;

/// One invariant and how it is asked.
pub(super) struct Outline {
    pub number: Option<u8>,
    pub name: &'static str,
    pub statement: &'static str,
    pub question: Question,
}

pub(super) enum Question {
    /// Two statements: how many rows are looked at, and which are wrong (`subject`, `detail`, and `found`: how many in all).
    Ask { counted: &'static str, broken: &'static str },
    /// The triggers that guard the books.
    Guards,
    /// The same, of what somebody else has to tell first; `untold` is said while nobody has.
    AskIfTold { counted: &'static str, broken: &'static str, untold: &'static str },
}

/// The invariants in the order of their numbers.
pub(super) const CHECKS: &[Outline] = &[
    Outline {
        number: Some(1),
        name: "debits_equal_credits",
        statement: "debits equal credits, in every journal, per currency and in total",
        question: Question::Ask {
            counted: "select count(*) as n from journals where merchant_id between $1 and $2 and livemode between $3 and $4",
            broken: BOOKS,
        },
    },
    Outline {
        number: Some(2),
        name: "wallets_equal_ledger",
        statement: "a wallet equals the sum of its accounts' transfers",
        question: Question::Ask {
            counted: "select count(*) as n from wallets where merchant_id between $1 and $2 and livemode between $3 and $4",
            broken: WALLETS,
        },
    },
    Outline {
        number: Some(3),
        name: "orders_are_posted",
        statement: "every SUCCESS order is posted by exactly one sale journal, and no other order is",
        question: Question::Ask {
            counted: "select count(*) as n from payment_orders where merchant_id between $1 and $2 and livemode between $3 and $4",
            broken: ORDERS,
        },
    },
    Outline {
        number: Some(4),
        name: "refunds_within_captured",
        statement: "what was refunded or is held for refunds is at most what was captured",
        question: Question::Ask {
            counted: "select count(*) as n from payments where merchant_id between $1 and $2 and livemode between $3 and $4",
            broken: REFUNDS,
        },
    },
    Outline {
        number: Some(5),
        name: "one_capture_per_checkout",
        statement: "at most one payment per checkout is captured, once, and for what was posted",
        question: Question::Ask {
            counted: "select count(*) as n from payments where merchant_id between $1 and $2 \
                 and livemode between $3 and $4 and captured > 0",
            broken: CAPTURES,
        },
    },
    Outline {
        number: Some(6),
        name: "final_states_are_told",
        statement: "every final state has its event",
        question: Question::Ask {
            counted: "select count(*) as n from ( \
                 select id from payments where merchant_id between $1 and $2 and livemode between $3 and $4 \
                     and status in ('succeeded', 'failed', 'canceled', 'authorized') \
                 union all select id from checkout_sessions where merchant_id between $1 and $2 \
                     and livemode between $3 and $4 and status <> 'open' \
                 union all select id from refunds where merchant_id between $1 and $2 \
                 and livemode between $3 and $4 and status <> 'pending' \
                 union all select id from payouts where merchant_id between $1 and $2 \
                 and livemode between $3 and $4 and settled_at is not null \
                 union all select id from disputes where merchant_id between $1 and $2 \
                 and livemode between $3 and $4) x",
            broken: EVENTS,
        },
    },
    Outline {
        number: Some(7),
        name: "provider_agrees",
        statement: "what the provider says it captured is what was posted",
        question: Question::AskIfTold {
            counted: "select count(distinct object_id) as n from settlement_lines where merchant_id between $1 and $2 \
                 and livemode between $3 and $4 and object_kind = 'charge'",
            broken: PROVIDER,
            untold: "no settlement list has told of these payments yet: see `tollgate reconcile`",
        },
    },
    Outline {
        number: None,
        name: "orders_wait_for_delivery",
        statement: "what a paid order has pending is what the books say of it, and nothing once it is delivered",
        question: Question::Ask {
            counted: "select count(*) as n from payment_orders where merchant_id between $1 and $2 \
                 and livemode between $3 and $4 and paid_at is not null",
            broken: PENDING,
        },
    },
    Outline {
        number: None,
        name: "payouts_are_posted",
        statement: "every payout is posted once as held, and once as what became of it",
        question: Question::Ask {
            counted: "select count(*) as n from payouts where merchant_id between $1 and $2 and livemode between $3 and $4",
            broken: PAYOUTS,
        },
    },
    Outline {
        number: None,
        name: "payouts_are_held",
        statement: "what a seller has on its way is the sum of its open payouts, and never more left than had become available",
        question: Question::Ask {
            counted: "select count(*) as n from wallets where merchant_id between $1 and $2 and livemode between $3 and $4",
            broken: HELD,
        },
    },
    Outline {
        number: None,
        name: "balances_equal_transfers",
        statement: "what is kept of each account as of each sealed block is the sum of its transfers",
        question: Question::Ask {
            counted: "select count(*) as n from balance_checkpoints where merchant_id between $1 and $2 and livemode between $3 and $4",
            broken: BALANCES,
        },
    },
    Outline {
        number: None,
        name: "disputes_are_held",
        statement: "contested money is what open disputes contest, and each dispute is in the books once for what it is",
        question: Question::Ask {
            counted: "select count(*) as n from payments where merchant_id between $1 and $2 and livemode between $3 and $4",
            broken: DISPUTES,
        },
    },
    Outline {
        number: None,
        name: "suspense_is_explained",
        statement: "what differences have put into suspense is what open breaks hold there",
        question: Question::Ask {
            counted: "select count(*) as n from journals where merchant_id between $1 and $2 and livemode between $3 and $4",
            broken: SUSPENSE,
        },
    },
    Outline {
        number: None,
        name: "books_are_guarded",
        statement: "the triggers that keep journals and transfers from being changed are in place",
        question: Question::Guards,
    },
];

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
         (t.debit_account in ('bank', 'fees:platform', 'fees:psp', 'disputes', 'suspense', 'rounding') or t.debit_account like 'psp:_%' \
             or t.debit_account like 'seller:_%:pending' or t.debit_account like 'seller:_%:available' \
             or t.debit_account like 'seller:_%:paying_out' or t.debit_account like 'seller:_%:reserved') \
         and (t.credit_account in ('bank', 'fees:platform', 'fees:psp', 'disputes', 'suspense', 'rounding') or t.credit_account like 'psp:_%' \
             or t.credit_account like 'seller:_%:pending' or t.credit_account like 'seller:_%:available' \
             or t.credit_account like 'seller:_%:paying_out' or t.credit_account like 'seller:_%:reserved')) \
         group by t.journal_id \
     union all select min(j.id), 'the same fact is posted more than once' from journals j \
         where j.merchant_id between $1 and $2 and j.livemode between $3 and $4 \
         group by j.merchant_id, j.livemode, j.kind, j.source_id having count(*) > 1 \
     ) b order by subject, detail limit $5";

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
     ) sides group by merchant_id, livemode, currency, account having sum(amount) <> 0 \
     ) b order by subject, detail limit $5";

/// An order's amounts are decimal strings with exactly their currency's decimals: without the point they are minor units.
const ORDERS: &str = "select subject, detail, count(*) over () as found from ( \
     select o.payment_order_id as subject, case \
         when o.payment_order_status <> 'SUCCESS' then 'it is not SUCCESS and has a sale journal' \
         when not o.wallet_updated or not o.ledger_updated then 'it is SUCCESS and not marked as posted' \
         when s.n is null then 'it is SUCCESS and has no sale journal' \
         when o.captured is null then 'it is SUCCESS and does not say what was taken of it' \
         else 'its sale journal has another amount or another payment' end as detail \
     from payment_orders o left join ( \
         select j.merchant_id, j.livemode, j.source_id, count(*) as n, sum(j.control_total) as total, \
             min(j.payment_id) as payment_id from journals j \
         where j.kind = 'sale' and j.merchant_id between $1 and $2 and j.livemode between $3 and $4 \
         group by j.merchant_id, j.livemode, j.source_id \
     ) s on s.merchant_id = o.merchant_id and s.livemode = o.livemode and s.source_id = o.payment_order_id \
     where o.merchant_id between $1 and $2 and o.livemode between $3 and $4 and case \
         when o.payment_order_status = 'SUCCESS' then not o.wallet_updated or not o.ledger_updated or s.n is null or s.n <> 1 \
             or o.captured is null or s.total <> cast(replace(o.captured, '.', '') as bigint) or s.payment_id <> o.payment_id \
         else s.n is not null end \
     union all select o.payment_order_id, 'more was taken of it, or of its fee, than there was' from payment_orders o \
         where o.merchant_id between $1 and $2 and o.livemode between $3 and $4 and o.captured is not null \
         and (cast(replace(o.captured, '.', '') as bigint) > cast(replace(o.amount, '.', '') as bigint) \
             or cast(replace(o.captured_fee, '.', '') as bigint) > cast(replace(o.fee, '.', '') as bigint)) \
     union all select j.source_id, 'a sale journal without an order' from journals j left join payment_orders o \
         on o.payment_order_id = j.source_id and o.merchant_id = j.merchant_id and o.livemode = j.livemode \
         where j.kind = 'sale' and j.merchant_id between $1 and $2 and j.livemode between $3 and $4 and o.payment_order_id is null \
     ) b order by subject, detail limit $5";

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
         select payment_id, sum(amount) as total from refunds where status <> 'failed' group by payment_id \
     ) r on r.payment_id = p.id where p.merchant_id between $1 and $2 and p.livemode between $3 and $4 \
         and p.refunded <> coalesce(r.total, 0) \
     ) b order by subject, detail limit $5";

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

/// A state and its event are written in one transaction. That a payment expired is told by its session.
const EVENTS: &str = "select subject, detail, count(*) over () as found from ( \
     select p.id as subject, 'it is ' || p.status || ' and no event says so' as detail from payments p \
         where p.merchant_id between $1 and $2 and p.livemode between $3 and $4 \
         and p.status in ('succeeded', 'failed', 'canceled', 'authorized') and not exists (select 1 from events e \
             where e.merchant_id = p.merchant_id and e.livemode = p.livemode and e.object_id = p.id \
             and (e.kind = 'payment.' || p.status \
                 or (e.kind = 'payment.late_success_refunded' and p.status in ('succeeded', 'authorized')))) \
     union all select c.id, 'it is ' || c.status || ' and no event says so' from checkout_sessions c \
         where c.merchant_id between $1 and $2 and c.livemode between $3 and $4 \
         and c.status <> 'open' and not exists (select 1 from events e \
             where e.merchant_id = c.merchant_id and e.livemode = c.livemode and e.object_id = c.id \
             and e.kind = case c.status when 'complete' then 'checkout.session.completed' \
                 else 'checkout.session.expired' end) \
     union all select r.id, 'it has ' || r.status || ' and no event says so' from refunds r \
         where r.merchant_id between $1 and $2 and r.livemode between $3 and $4 \
         and r.status <> 'pending' and not exists (select 1 from events e \
             where e.merchant_id = r.merchant_id and e.livemode = r.livemode and e.object_id = r.id \
             and e.kind = 'refund.' || r.status) \
     union all select o.id, 'it is ' || o.status || ' and no event says so' from payouts o \
         where o.merchant_id between $1 and $2 and o.livemode between $3 and $4 \
         and o.settled_at is not null and not exists (select 1 from events e \
             where e.merchant_id = o.merchant_id and e.livemode = o.livemode and e.object_id = o.id \
             and e.kind = 'payout.' || o.status) \
     union all select d.id, 'it was opened and no event says so' from disputes d \
         where d.merchant_id between $1 and $2 and d.livemode between $3 and $4 and not exists (select 1 from events e \
             where e.merchant_id = d.merchant_id and e.livemode = d.livemode and e.object_id = d.id \
             and e.kind = 'dispute.opened') \
     union all select d.id, 'it is ' || d.status || ' and no event says so' from disputes d \
         where d.merchant_id between $1 and $2 and d.livemode between $3 and $4 \
         and d.status in ('won', 'lost') and not exists (select 1 from events e \
             where e.merchant_id = d.merchant_id and e.livemode = d.livemode and e.object_id = d.id \
             and e.kind = 'dispute.closed') \
     ) b order by subject, detail limit $5";

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
     ) b order by subject, detail limit $5";

/// What matching has accepted as one payment must come to what was posted of it; what it could not accept is open.
const PROVIDER: &str = "select subject, detail, count(*) over () as found from ( \
     select p.id as subject, 'the provider says that it took another amount than was posted' as detail from payments p join ( \
         select l.object_id, sum(l.gross) as total from settlement_lines l \
         where l.merchant_id between $1 and $2 and l.livemode between $3 and $4 and l.object_kind = 'charge' \
             and l.result in ('matched', 'fee_differs') group by l.object_id \
     ) s on s.object_id = p.id \
         where p.merchant_id between $1 and $2 and p.livemode between $3 and $4 \
             and (p.status <> 'succeeded' or p.captured <> s.total) \
     union all select b.object_id, 'the provider and the books do not agree: ' || b.type from breaks b \
         where b.merchant_id between $1 and $2 and b.livemode between $3 and $4 and b.object_kind = 'charge' \
             and b.status <> 'resolved' and b.type in ('missing_at_psp', 'amount_differs', 'state_differs', 'currency_differs') \
     ) b order by subject, detail limit $5";

/// Suspense by the journals of breaks, beside what each open break says of itself. Corrections by hand are not in it.
const SUSPENSE: &str = "select subject, detail, count(*) over () as found from ( \
     select x.merchant_id || ' ' || x.currency as subject, 'suspense does not hold what open breaks say' as detail from ( \
         select t.merchant_id, t.livemode, t.currency, case when t.credit_account = 'suspense' then t.amount else -t.amount end as amount \
             from journals j join transfers t on t.merchant_id = j.merchant_id and t.livemode = j.livemode and t.journal_id = j.id \
             where j.merchant_id between $1 and $2 and j.livemode between $3 and $4 \
                 and j.kind in ('break_parked', 'break_released', 'break_closed') \
                 and (t.debit_account = 'suspense' or t.credit_account = 'suspense') \
         union all select k.merchant_id, k.livemode, k.currency, -k.amount from break_parkings k \
             where k.merchant_id between $1 and $2 and k.livemode between $3 and $4 and not k.released \
     ) x group by x.merchant_id, x.livemode, x.currency having sum(x.amount) <> 0 \
     ) b order by subject, detail limit $5";

/// The triggers of the migrations that made the ledger and its seals.
pub(super) fn wanted_guards(db: &Db) -> &'static [&'static str] {
    match db {
        Db::Sqlite { .. } => &[
            "journals_refuse_update",
            "journals_refuse_delete",
            "journals_refuse_replace",
            "transfers_refuse_update",
            "transfers_refuse_delete",
            "transfers_refuse_replace",
            "ledger_blocks_refuse_update",
            "ledger_blocks_refuse_delete",
            "sealed_journals_refuse_update",
            "sealed_journals_refuse_delete",
        ],
        Db::Postgres(_) => &[
            "journals_refuse_change",
            "journals_refuse_truncate",
            "transfers_refuse_change",
            "transfers_refuse_truncate",
            "ledger_blocks_refuse_change",
            "ledger_blocks_refuse_truncate",
            "sealed_journals_refuse_change",
            "sealed_journals_refuse_truncate",
        ],
    }
}

/// The triggers on the books and their seals that are there and switched on.
pub(super) async fn guards(db: &Db) -> Result<Vec<String>, DbError> {
    query(db.pick(
        "select name from sqlite_master where type = 'trigger' and tbl_name in ('journals', 'transfers', 'ledger_blocks', 'sealed_journals')",
        "select cast(tgname as text) as name from pg_trigger where tgrelid in (cast('journals' as regclass), cast('transfers' as regclass), \
         cast('ledger_blocks' as regclass), cast('sealed_journals' as regclass)) \
         and not tgisinternal and tgenabled in ('O', 'A')",
    ))
    .all(db)
    .await?
    .iter()
    .map(|row| row.get("name"))
    .collect()
}

/// What an invariant's two statements say: how many rows they looked at, how many are wrong, and the first few of those.
pub(super) async fn ask(
    db: &Db,
    scope: Scope<'_>,
    counted: &'static str,
    broken: &'static str,
) -> Result<(i64, i64, Vec<Finding>), DbError> {
    match db {
        // Reading here must not wait for the one writer, nor make it wait.
        Db::Sqlite { .. } => {
            let checked = count(db, scope, counted).await?;
            let (wrong, findings) = find(db, scope, broken).await?;
            Ok((checked, wrong, findings))
        }
        Db::Postgres(_) => {
            let mut tx = db.begin().await?;
            // Whoever plans these joins for few rows (no statistics yet, or a plan kept for every tenant) loops through the
            // whole table for each row: seconds for a thousand payments, and hours for a million.
            query(tx.pick(
                "select 1 as done",
                "select set_config('enable_nestloop', 'off', true), set_config('plan_cache_mode', 'force_custom_plan', true)",
            ))
            .all(&mut tx)
            .await?;
            let checked = count(&mut tx, scope, counted).await?;
            let (wrong, findings) = find(&mut tx, scope, broken).await?;
            tx.rollback().await?;
            Ok((checked, wrong, findings))
        }
    }
}

async fn count(on: impl Into<On<'_>>, scope: Scope<'_>, sql: &'static str) -> Result<i64, DbError> {
    within(query(sql), scope).one(on).await?.get("n")
}

async fn find(on: impl Into<On<'_>>, scope: Scope<'_>, sql: &'static str) -> Result<(i64, Vec<Finding>), DbError> {
    let rows = within(query(sql), scope).bind(NAMED).all(on).await?;
    let found = rows.first().map_or(Ok(0), |row| row.get("found"))?;
    let findings = rows
        .iter()
        .map(|row| Ok(Finding { subject: row.get("subject")?, detail: row.get("detail")? }))
        .collect::<Result<_, DbError>>()?;
    Ok((found, findings))
}

fn within(query: Query, scope: Scope<'_>) -> Query {
    match scope {
        // Sorts after every id, in whatever collation.
        Scope::Everything => query.bind("").bind("zzzz").bind(false).bind(true),
        Scope::Tenant(tenant) => {
            query.bind(&tenant.merchant).bind(&tenant.merchant).bind(tenant.mode).bind(tenant.mode)
        }
    }
}
