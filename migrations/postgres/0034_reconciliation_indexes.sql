-- What reconciliation asks for, found by an index: what of ours happened in a stretch of time, what waits, and a run's differences.
create index refunds_by_success on refunds (psp, succeeded_at, id) where succeeded_at is not null;
create index refunds_by_end on refunds (psp, settled_at, id) where settled_at is not null;
create index disputes_by_opening on disputes (psp, opened_at, id);
create index disputes_by_end on disputes (psp, closed_at, id) where closed_at is not null;
create index payouts_by_end on payouts (provider, settled_at, id) where settled_at is not null;
create index payouts_by_return on payouts (provider, returned_at, id) where returned_at is not null;
create index payouts_by_reference on payouts (provider, provider_reference) where provider_reference is not null;
create index settlement_lines_of_banks on settlement_lines (source) where side = 'bank';
create index breaks_by_run on breaks (run_id, id) where run_id is not null;
create index breaks_without_line on breaks (source, id) where line_id is null and status <> 'resolved';
