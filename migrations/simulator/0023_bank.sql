-- What the stand-in pays out to the gateway's own bank account, that account's statement, and what is planted in both lists.

-- A business day of the stand-in that is over: what happened until then and after the day before belongs to it.
create table closings (
    -- YYYY-MM-DD, Asia/Seoul.
    date    text    primary key check (length(date) = 10),
    -- The last instant that belongs to it.
    ends_at integer not null
) without rowid;

-- What was paid out for a day in one currency. Below zero the stand-in took it from the account.
create table settlement_payouts (
    seq      integer primary key,
    id       text    not null unique,
    batch    text    not null unique,
    date     text    not null references closings (date),
    currency text    not null check (length(currency) = 3),
    amount   integer not null check (amount <> 0),
    ends_at  integer not null
);
create index settlement_payouts_by_end on settlement_payouts (ends_at);

-- When a seller's payout left the account, and when it came back to it.
alter table payouts add column paid_at integer;
alter table payouts add column returned_at integer;
update payouts set paid_at = updated_at where times_paid > 0;
update payouts set returned_at = updated_at where times_returned > 0;
create index payouts_paid on payouts (paid_at) where paid_at is not null;
create index payouts_returned on payouts (returned_at) where returned_at is not null;

-- Mistakes in the two lists, by order of the admin. The record itself stays as it was.
create table planted (
    seq          integer primary key,
    list         text    not null check (list in ('settlement', 'statement')),
    kind         text    not null check (kind in ('drop', 'alter', 'double', 'delay', 'invent')),
    -- The row it is about; null for one that is invented.
    row_id       text,
    type         text,
    currency     text    check (length(currency) = 3),
    gross        integer,
    fee          integer,
    days         integer not null default 0,
    payment_id   text,
    reference    text,
    key          text,
    -- When an invented row happened.
    at           integer,
    check ((kind = 'invent') = (row_id is null)),
    check (kind <> 'invent' or (type is not null and currency is not null and gross is not null and at is not null))
);
create unique index planted_by_row on planted (list, row_id) where row_id is not null;

-- The settlement list as it should be.
create view settlement_true as
    select c.id as id, 'sale' as kind, c.payment_id as payment_id, p.reference as reference, p.order_ids as order_ids, c.key as key,
           null as refund_reference, p.currency as currency, c.amount as gross, c.fee as fee, c.created_at as at
    from captures c join payments p on p.id = c.payment_id
    union all
    select r.id, 'refund', r.payment_id, p.reference, p.order_ids, r.key, r.reference, p.currency, -r.amount, 0, r.created_at
    from refunds r join payments p on p.id = r.payment_id
    union all
    select r.id || '_returned', 'refund_failure', r.payment_id, p.reference, p.order_ids, r.key, r.reference, p.currency, r.amount, 0,
           r.failed_at
    from refunds r join payments p on p.id = r.payment_id where r.failed_at is not null
    union all
    select d.id, 'dispute', d.payment_id, p.reference, p.order_ids, d.id, null, p.currency, -d.amount, d.fee, d.opened_at
    from disputes d join payments p on p.id = d.payment_id where d.opened_at is not null
    union all
    select d.id || '_won', 'dispute_won', d.payment_id, p.reference, p.order_ids, d.id, null, p.currency, d.amount, 0, d.closed_at
    from disputes d join payments p on p.id = d.payment_id where d.status = 'won'
    union all
    select s.id, 'payout', null, null, null, null, null, s.currency, -s.amount, 0, s.ends_at
    from settlement_payouts s;

-- The settlement list as it is told.
create view settlement_told as
    select t.id, t.kind, t.payment_id, t.reference, t.order_ids, t.key, t.refund_reference, t.currency, t.gross, t.fee, t.at,
           t.at as listed_at
    from settlement_true t
    where not exists (select 1 from planted f where f.list = 'settlement' and f.row_id = t.id)
    union all
    select t.id, coalesce(f.type, t.kind), t.payment_id, t.reference, t.order_ids, t.key, t.refund_reference,
           coalesce(f.currency, t.currency), coalesce(f.gross, t.gross), coalesce(f.fee, t.fee), t.at, t.at + f.days * 86400000000
    from planted f join settlement_true t on t.id = f.row_id
    where f.list = 'settlement' and f.kind <> 'drop'
    union all
    select t.id || '_again', t.kind, t.payment_id, t.reference, t.order_ids, t.key, t.refund_reference, t.currency, t.gross, t.fee,
           t.at, t.at
    from planted f join settlement_true t on t.id = f.row_id
    where f.list = 'settlement' and f.kind = 'double'
    union all
    select 'sinv_' || f.seq, f.type, f.payment_id, f.reference, null, f.key, null, f.currency, f.gross, coalesce(f.fee, 0), f.at, f.at
    from planted f where f.list = 'settlement' and f.kind = 'invent';

-- The entries of the account as they should be. Above zero came in.
create view entries_true as
    select 'BNKP' || s.seq as id, 'psp_payout' as kind, s.id as end_to_end, 'SIMULATOR PAYOUT ' || s.batch || ' ' || s.date as words,
           'Simulated PSP' as party, s.currency as currency, s.amount as amount, s.ends_at + 1 as at
    from settlement_payouts s
    union all
    select 'BNKS' || p.seq, 'seller_payout', p.reference, 'PAYOUT ' || p.reference, p.destination, p.currency, -p.amount, p.paid_at
    from payouts p where p.paid_at is not null
    union all
    select 'BNKR' || p.seq, 'seller_return', p.reference, 'RETURN OF ' || p.reference, p.destination, p.currency, p.amount, p.returned_at
    from payouts p where p.returned_at is not null;

-- The entries of the account as the statement tells them.
create view entries_told as
    select t.id, t.kind, t.end_to_end, t.words, t.party, t.currency, t.amount, t.at as listed_at
    from entries_true t
    where not exists (select 1 from planted f where f.list = 'statement' and f.row_id = t.id)
    union all
    select t.id, t.kind, t.end_to_end, t.words, t.party, coalesce(f.currency, t.currency), coalesce(f.gross, t.amount),
           t.at + f.days * 86400000000
    from planted f join entries_true t on t.id = f.row_id
    where f.list = 'statement' and f.kind <> 'drop'
    union all
    select t.id || 'A', t.kind, t.end_to_end, t.words, t.party, t.currency, t.amount, t.at
    from planted f join entries_true t on t.id = f.row_id
    where f.list = 'statement' and f.kind = 'double'
    union all
    select 'BNKI' || f.seq, f.type, coalesce(f.key, 'NOTPROVIDED'), coalesce(f.reference, 'UNKNOWN'), 'Somebody', f.currency, f.gross, f.at
    from planted f where f.list = 'statement' and f.kind = 'invent';
