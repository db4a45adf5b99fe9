-- Keys of calls that ask a PSP: taken in one transaction, answered in another, and finished by whoever comes after a crash.

-- What the call took on, such as the refund: from here its work is finished when the first caller's process died.
alter table idempotency_keys add column object_id text check (length(object_id) between 1 and 60);
-- Until then somebody is carrying it out.
alter table idempotency_keys add column leased_until bigint check (leased_until is null or object_id is not null);
-- The payment the key belongs to: the key lives as long as it does, and the answer no longer.
alter table idempotency_keys add column payment_id text references payments (id) on delete cascade;

drop index idempotency_keys_age;
create index idempotency_keys_age on idempotency_keys (created_at) where payment_id is null and object_id is null;
