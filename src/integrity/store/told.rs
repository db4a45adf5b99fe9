//! Law 6: what has ended was told.

use super::{Outline, Question};

pub(super) const LAW: Outline = Outline {
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
};

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
