-- A second charge of one payment is in the books, as money at the PSP that is nobody's, and is given back by its own name.

-- How much of a second charge is in the books, and since when. Nothing where a card only holds the money.
alter table attempts add column second_charge_amount bigint check (second_charge_amount > 0);
alter table attempts add column second_charged_at bigint;
create index attempts_by_second_charge_time on attempts (psp, second_charged_at, id) where second_charged_at is not null;

-- The attempt whose second charge a refund gives back; it bears no part of any order then.
alter table refunds add column attempt_id text references attempts (id);
-- The PSP's name of the charge to be given back, where it has more than one of the payment.
alter table refunds add column charge text;
-- A charge is given back once.
create unique index refunds_by_attempt on refunds (attempt_id) where attempt_id is not null and status <> 'failed';
