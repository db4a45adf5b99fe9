-- What a list may be narrowed to is found by an index. Without one, what is rare is looked for among all rows of a tenant.
create index payments_by_status on payments (merchant_id, livemode, status, id);
create index payments_by_creation on payments (merchant_id, livemode, created_at, id);
drop index payments_by_reference;
create index payments_by_reference on payments (merchant_id, livemode, reference, id) where reference is not null;
create index checkout_sessions_by_status on checkout_sessions (merchant_id, livemode, status, id);
create index checkout_sessions_by_creation on checkout_sessions (merchant_id, livemode, created_at, id);
create index events_by_kind on events (merchant_id, livemode, kind, id);
create index events_by_creation on events (merchant_id, livemode, created_at, id);
create index payouts_by_status on payouts (merchant_id, livemode, status, id);
create index disputes_by_status on disputes (merchant_id, livemode, status, id);
create index webhook_deliveries_by_status on webhook_deliveries (merchant_id, livemode, status, id);
create index payment_methods_by_email on payment_methods (merchant_id, livemode, customer_email, id) where detached_at is null;
create index breaks_open_of_tenant on breaks (merchant_id, livemode, id) where status <> 'resolved';
-- A PSP's account over the books of all merchants.
create index account_balances_of_psps on account_balances (account, livemode) where account >= 'psp:' and account < 'psp;';
