-- Operators sign in with an e-mail of up to 254 characters, and what they do about differences carries it.
alter table breaks drop constraint breaks_proposed_by_check;
alter table breaks add constraint breaks_proposed_by_check check (length(proposed_by) between 1 and 254);
alter table breaks drop constraint breaks_closed_by_check;
alter table breaks add constraint breaks_closed_by_check check (length(closed_by) between 1 and 254);
alter table break_notes drop constraint break_notes_by_check;
alter table break_notes add constraint break_notes_by_check check (length(by) between 1 and 254);
alter table settlement_files drop constraint settlement_files_received_by_check;
alter table settlement_files add constraint settlement_files_received_by_check check (length(received_by) between 1 and 254);
