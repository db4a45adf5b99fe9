-- Disputes: money that a shopper's bank contests. It has left the PSP and is held apart from the sellers until it is decided.

-- Contested and not won back, in minor units: no refund may take it too.
alter table payments add column disputed bigint not null default 0 check (disputed >= 0);

create table disputes (
    id text primary key,
    payment_id text not null references payments (id),
    merchant_id text not null,
    livemode boolean not null,
    psp text not null,
    -- The PSP's own name for it: however often we hear of it, it is one.
    psp_reference text not null,
    currency text not null check (length(currency) = 3),
    -- Minor units: what is contested, and what the PSP charges for it.
    amount bigint not null check (amount > 0),
    fee bigint not null check (fee >= 0),
    reason text not null check (length(reason) between 1 and 60),
    status text not null check (status in ('needs_response', 'under_review', 'won', 'lost')),
    evidence_due_by bigint,
    -- When the PSP opened it; we may have heard of it later.
    opened_at bigint not null,
    created_at bigint not null,
    closed_at bigint,
    -- When the PSP is asked again, in case its webhook was lost; none once it is decided.
    next_look_at bigint,
    -- Whether the merchant was told that the time for evidence runs out.
    warned boolean not null default false,
    check ((status in ('won', 'lost')) = (closed_at is not null)),
    check ((status in ('won', 'lost')) = (next_look_at is null)),
    unique (psp, psp_reference)
);
create index disputes_by_tenant on disputes (merchant_id, livemode, id);
create index disputes_by_payment on disputes (payment_id, id);
create index disputes_to_look_at on disputes (next_look_at) where next_look_at is not null;
create index disputes_unwarned on disputes (evidence_due_by) where status = 'needs_response' and not warned;

-- What of a dispute each seller's order bears, and how much of that was still pending when it was taken.
create table dispute_parts (
    dispute_id text not null references disputes (id),
    payment_order_id text not null references payment_orders (payment_order_id),
    seller_account text not null,
    -- Minor units.
    amount bigint not null check (amount > 0),
    from_pending bigint not null check (from_pending between 0 and amount),
    primary key (dispute_id, payment_order_id)
);
create index dispute_parts_by_order on dispute_parts (payment_order_id);

-- Evidence handed in, written down before the PSP gets it. Its id is its key there.
create table dispute_evidence (
    id text primary key,
    dispute_id text not null references disputes (id),
    -- A JSON object of texts.
    texts text not null,
    status text not null check (status in ('sending', 'taken', 'refused')),
    failure_code text,
    created_at bigint not null,
    -- Past it, evidence whose fate is not known is a person's.
    deadline_at bigint not null,
    settled_at bigint,
    check ((status = 'sending') = (settled_at is null)),
    check ((status = 'refused') = (failure_code is not null))
);
create index dispute_evidence_by_dispute on dispute_evidence (dispute_id, id);
-- A PSP takes evidence once.
create unique index dispute_evidence_one on dispute_evidence (dispute_id) where status in ('sending', 'taken');

-- How far each PSP was asked for disputes that nobody told us of.
create table dispute_watch (
    psp text primary key,
    looked_until bigint not null,
    next_at bigint not null
);
