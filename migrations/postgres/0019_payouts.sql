-- Payouts: a seller's available money on its way to their bank, held in the books before anybody is asked to send it.

create table payouts (
    id text primary key check (length(id) <= 40),
    merchant_id text not null,
    livemode boolean not null,
    seller_id text not null,
    currency text not null check (length(currency) = 3),
    -- Minor units.
    amount bigint not null check (amount > 0),
    status text not null check (status in
        ('needs_approval', 'pending', 'processing', 'paid', 'failed', 'returned', 'canceled')),
    provider text not null,
    -- The idempotency key at the provider: the same for every repeat.
    provider_key text not null,
    -- The provider's token for the bank account, as it was when the payout was asked for.
    destination text not null check (length(destination) between 1 and 255),
    bank_name text,
    last4 text,
    provider_reference text,
    failure_code text check (length(failure_code) <= 200),
    -- Which period of the seller's schedule made it; null when somebody asked for it.
    period text check (length(period) <= 10),
    metadata text not null,
    -- A key (key_..), an operator (opr_..) or `schedule`.
    asked_by text not null check (length(asked_by) between 1 and 40),
    -- Who let it go when it needed approval, or refused to.
    decided_by text references operators (id),
    decided_at bigint,
    created_at bigint not null,
    -- When the order to send was first written down.
    sent_at bigint,
    -- When the provider last said that it has it.
    seen_at bigint,
    -- When it was paid, failed or was canceled.
    settled_at bigint,
    returned_at bigint,
    -- When the provider is next asked whether a paid one came back.
    look_at bigint,
    foreign key (merchant_id, livemode, seller_id) references sellers (merchant_id, livemode, id),
    unique (provider, provider_key),
    check ((status in ('needs_approval', 'pending', 'processing')) = (settled_at is null)),
    check (status not in ('processing', 'paid', 'returned') or sent_at is not null),
    check (status not in ('needs_approval', 'pending', 'canceled') or sent_at is null),
    check (status not in ('paid', 'returned') or provider_reference is not null),
    check (status not in ('failed', 'returned') or failure_code is not null),
    check ((status = 'returned') = (returned_at is not null)),
    check ((decided_by is null) = (decided_at is null))
);
create index payouts_by_tenant on payouts (merchant_id, livemode, id);
create index payouts_by_seller on payouts (merchant_id, livemode, seller_id, id);
create index payouts_open on payouts (status, id) where status in ('needs_approval', 'pending', 'processing');
create index payouts_to_look_at on payouts (look_at) where look_at is not null;

-- A period of a seller's schedule is dealt with once, over all processes: this key is what says so.
create table payout_batches (
    merchant_id text not null,
    livemode boolean not null,
    seller_id text not null,
    currency text not null check (length(currency) = 3),
    -- The local date on which it was due.
    period text not null check (length(period) = 10),
    -- What was available then, and what of it could be paid out, in minor units.
    available bigint not null,
    payable bigint not null,
    -- Null when there was nothing to pay out, and `outcome` says why.
    payout_id text references payouts (id),
    outcome text not null check (length(outcome) between 1 and 60),
    created_at bigint not null,
    primary key (merchant_id, livemode, seller_id, currency, period),
    foreign key (merchant_id, livemode, seller_id) references sellers (merchant_id, livemode, id)
);

-- What a provider says of a payout is kept beside what PSPs say of payments.
alter table psp_events add column payout_id text;
create index psp_events_by_payout on psp_events (payout_id, id) where payout_id is not null;
