-- What the console's search box and its first page ask for over all merchants.
create index payments_by_time on payments (created_at);
create index payments_by_amount on payments (amount);
create index attempts_by_psp_reference on attempts (psp_reference) where psp_reference is not null;
create index webhook_deliveries_pending on webhook_deliveries (id) where status = 'pending';
create index webhook_deliveries_failed on webhook_deliveries (id) where status = 'failed';
create index payments_by_reference_text on payments (lower(reference) collate nocase) where reference is not null;
create index payments_by_email_text on payments (lower(customer_email) collate nocase) where customer_email is not null;
