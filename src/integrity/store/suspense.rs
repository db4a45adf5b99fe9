//! What is parked in suspense: differences that nobody has explained yet, and charges that the PSP made twice.

use super::{Outline, Question};

pub(super) const LAW: Outline = Outline {
    number: None,
    name: "suspense_is_explained",
    statement: "what differences and second charges have put into suspense is what open breaks hold there and what has not gone back",
    question: Question::Ask {
        counted: "select count(*) as n from journals where merchant_id between $1 and $2 and livemode between $3 and $4",
        broken: SUSPENSE,
    },
};

/// Suspense by the journals of breaks and of second charges, beside what each open break says of itself, and what of the second charges
/// has not gone back. Corrections by hand are not in it.
const SUSPENSE: &str = "select subject, detail, count(*) over () as found from ( \
     select x.merchant_id || ' ' || x.currency as subject, 'suspense does not hold what open breaks and second charges say' as detail from ( \
         select t.merchant_id, t.livemode, t.currency, case when t.credit_account = 'suspense' then t.amount else -t.amount end as amount \
             from journals j join transfers t on t.merchant_id = j.merchant_id and t.livemode = j.livemode and t.journal_id = j.id \
             where j.merchant_id between $1 and $2 and j.livemode between $3 and $4 \
                 and j.kind in ('break_parked', 'break_released', 'break_closed', \
                     'second_charge', 'second_charge_refund', 'second_charge_refund_failed') \
                 and (t.debit_account = 'suspense' or t.credit_account = 'suspense') \
         union all select k.merchant_id, k.livemode, k.currency, -k.amount from break_parkings k \
             where k.merchant_id between $1 and $2 and k.livemode between $3 and $4 and not k.released \
         union all select p.merchant_id, p.livemode, p.currency, -a.second_charge_amount from attempts a join payments p on p.id = a.payment_id \
             where a.merchant_id between $1 and $2 and a.livemode between $3 and $4 and a.second_charged_at is not null \
         union all select r.merchant_id, r.livemode, r.currency, r.amount from refunds r \
             where r.merchant_id between $1 and $2 and r.livemode between $3 and $4 and r.attempt_id is not null and r.status = 'succeeded' \
     ) x group by x.merchant_id, x.livemode, x.currency having sum(x.amount) <> 0 \
     ) b order by subject, detail limit $5";
