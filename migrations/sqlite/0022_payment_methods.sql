-- Saved cards: a PSP's own reusable token for a card, with which a merchant charges without the shopper.

create table payment_methods (
    id text primary key check (length(id) <= 40),
    merchant_id text not null,
    livemode boolean not null,
    psp text not null check (length(psp) between 1 and 40),
    card_brand text not null check (length(card_brand) between 1 and 40),
    card_last4 text not null check (length(card_last4) = 4),
    customer_email text check (length(customer_email) <= 254),
    -- The payment it was saved with: each saves one at most.
    payment_id text not null unique references payments (id),
    -- The PSP's token, sealed with the master key; gone when it was detached.
    token blob,
    created_at bigint not null,
    detached_at bigint,
    check ((token is null) = (detached_at is not null))
);
create index payment_methods_by_tenant on payment_methods (merchant_id, livemode, id) where detached_at is null;

alter table checkout_sessions add column save_payment_method boolean not null default false;
-- Whether the card is to be saved when it has paid.
alter table payments add column save_payment_method boolean not null default false;
-- The card that was saved with it, or that it is charged to.
alter table payments add column payment_method_id text references payment_methods (id);
