-- What the console's search box and its first page ask for over all merchants.
create index payments_by_time on payments (created_at);
create index payments_by_amount on payments (amount);
create index webhook_deliveries_pending on webhook_deliveries (id) where status = 'pending';
create index webhook_deliveries_failed on webhook_deliveries (id) where status = 'failed';
-- text_pattern_ops: a "like" with a fixed beginning uses the index in every collation.
create index payments_by_reference_text on payments (lower(reference) text_pattern_ops) where reference is not null;
create index payments_by_email_text on payments (lower(customer_email) text_pattern_ops) where customer_email is not null;
create index payments_by_psp_payment_text on payments (psp_payment text_pattern_ops) where psp_payment is not null;
create index attempts_by_psp_reference_text on attempts (psp_reference text_pattern_ops) where psp_reference is not null;
