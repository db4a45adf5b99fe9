-- What is known of an attempt beside its state, and of a call to a PSP beside the words of its answer.

-- The PSP's name for the charge, where it was made although another attempt of the payment was approved: a person's.
alter table attempts add column second_charge text;
-- How often the job that finds out what became of it has asked in vain.
alter table attempts add column asks bigint not null default 0 check (asks >= 0);
-- The PSP's code, where it refused what was ordered, so that this call did nothing.
alter table psp_calls add column refused_code text;
-- Where the PSP asked for fewer calls: not before.
alter table psp_calls add column not_before bigint;
