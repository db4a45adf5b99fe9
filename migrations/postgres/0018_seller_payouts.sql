-- Where a seller is paid out to, whether somebody has checked that it is theirs, and when they are paid by themselves.

-- Nothing is paid out to a seller who is not verified.
alter table sellers add column verification text not null default 'unverified'
    check (verification in ('unverified', 'pending', 'verified', 'rejected'));
alter table sellers add column verified_at bigint;
-- What people may see of the bank account; the token itself says nothing.
alter table sellers add column payout_bank_name text check (length(payout_bank_name) between 1 and 100);
alter table sellers add column payout_last4 text check (length(payout_last4) = 4);
-- Counts changes of the destination, so that nobody verifies one that has changed under their eyes.
alter table sellers add column payout_version bigint not null default 0 check (payout_version >= 0);
-- After a change nothing is paid out before this instant: whoever stole the key wants it at once.
alter table sellers add column payout_held_until bigint;
alter table sellers add column payout_schedule text not null default '{"interval":"manual"}'
    check (length(payout_schedule) <= 4000);
-- When the schedule next has to be looked at; null when payouts are made by hand.
alter table sellers add column payout_due_at bigint;

create index sellers_payout_due on sellers (payout_due_at) where payout_due_at is not null;
