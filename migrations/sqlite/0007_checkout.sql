-- Checkout sessions: what a shopper is asked to pay, and until when.

create table checkout_sessions (
    id text primary key,
    merchant_id text not null,
    livemode boolean not null,
    status text not null check (status in ('open', 'complete', 'expired')),
    currency text not null check (length(currency) = 3),
    -- Decimal strings with exactly the currency's decimals.
    amount text not null check (length(amount) between 1 and 20),
    application_fee text check (length(application_fee) between 1 and 20),
    success_url text not null check (length(success_url) <= 2048),
    cancel_url text check (length(cancel_url) <= 2048),
    reference text check (length(reference) between 1 and 200),
    customer_email text check (length(customer_email) <= 254),
    locale text not null check (locale in ('auto', 'ko', 'en')),
    capture text not null check (capture in ('automatic', 'manual')),
    metadata text not null,
    -- Names the session in the shopper's address bar; opens nothing but its page.
    page_token text not null check (length(page_token) >= 22),
    payment_id text not null,
    created_at bigint not null,
    expires_at bigint not null,
    completed_at bigint,
    expired_at bigint,
    check (expires_at > created_at),
    check ((status = 'complete') = (completed_at is not null)),
    check (status <> 'expired' or expired_at is not null),
    check (status <> 'open' or expired_at is null)
);
create unique index checkout_sessions_by_page_token on checkout_sessions (page_token);
create unique index checkout_sessions_by_payment on checkout_sessions (payment_id);
create index checkout_sessions_by_tenant on checkout_sessions (merchant_id, livemode, id);
create index checkout_sessions_by_reference on checkout_sessions (merchant_id, livemode, reference, id)
    where reference is not null;
create index checkout_sessions_due on checkout_sessions (expires_at) where status = 'open';

create table checkout_line_items (
    session_id text not null references checkout_sessions (id),
    position bigint not null check (position between 0 and 99),
    merchant_id text not null,
    livemode boolean not null,
    name text not null check (length(name) between 1 and 200),
    unit_amount text not null check (length(unit_amount) between 1 and 20),
    quantity bigint not null check (quantity between 1 and 10000),
    seller_id text not null,
    primary key (session_id, position)
);
