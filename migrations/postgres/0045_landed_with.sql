-- What has landed with a line of a bank: rehearsals ask.
create index settlement_lines_landed_with on settlement_lines (landed_by) where landed_by is not null;
