-- Since when, and why, nothing is paid out to a seller's destination: money did not arrive there. Null while it is not known
-- to be dead; another destination, or a verification that is given again, ends it.
alter table sellers add column payout_failed_at bigint;
alter table sellers add column payout_failure_code text check (length(payout_failure_code) <= 200);
