//! Law 7: the provider says the same.

use super::{Outline, Question};
use crate::db::{Db, DbError, query};
use crate::words::Tenant;

pub(super) const LAW: Outline = Outline {
    number: Some(7),
    name: "provider_agrees",
    statement: "what the provider says it captured is what was posted",
    question: Question::AskIfTold {
        counted: "select count(distinct object_id) as n from settlement_lines where merchant_id between $1 and $2 \
             and livemode between $3 and $4 and object_kind = 'charge'",
        broken: PROVIDER,
        open: OPEN,
        untold: "no settlement list has told of these payments yet: see `tollgate reconcile`",
    },
};

/// Whether any settlement list has told of a payment of this tenant.
pub(in crate::integrity) async fn has_told(db: &Db, tenant: &Tenant) -> Result<bool, DbError> {
    let told = query(
        "select 1 as told from settlement_lines where merchant_id = $1 and livemode = $2 and object_kind = 'charge' limit 1",
    );
    Ok(told.bind(&tenant.merchant).bind(tenant.mode).optional(db).await?.is_some())
}

/// What matching has accepted as one payment must come to what was posted of it.
const PROVIDER: &str = "select subject, detail, count(*) over () as found from ( \
     select p.id as subject, 'the provider says that it took another amount than was posted' as detail from payments p join ( \
         select l.object_id, sum(l.stands_for) as total from settlement_lines l \
         where l.merchant_id between $1 and $2 and l.livemode between $3 and $4 and l.object_kind = 'charge' \
             and l.standing <> 'new' group by l.object_id \
     ) s on s.object_id = p.id \
         where p.merchant_id between $1 and $2 and p.livemode between $3 and $4 and p.captured <> s.total \
             and not exists (select 1 from breaks w where w.object_id = p.id and w.object_kind = 'charge' \
                 and w.type = 'missing_at_psp' and w.journal_id is not null) \
     ) b order by subject, detail limit $5";

/// What matching could not accept and nobody has closed.
const OPEN: &str = "select b.object_id as subject, 'the provider and the books do not agree: ' || b.type as detail, b.opened_at, \
         count(*) over () as found from breaks b \
     where b.merchant_id between $1 and $2 and b.livemode between $3 and $4 and b.object_kind = 'charge' \
         and b.status <> 'resolved' and b.type in ('missing_at_psp', 'amount_differs', 'state_differs', 'currency_differs') \
     order by b.opened_at, b.id limit $5";
