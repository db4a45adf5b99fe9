-- Operators sign in with an e-mail of up to 254 characters, and what they do about differences carries it.
--
-- SQLite cannot alter a check, and other tables refer to these, so that they cannot be made anew beside themselves either. A check that
-- is only widened leaves every row as it stands: the text of the tables is changed, as SQLite's manual describes it for that case.
pragma writable_schema = on;
update sqlite_schema set sql = replace(sql, 'length(proposed_by) between 1 and 60', 'length(proposed_by) between 1 and 254')
    where type = 'table' and name = 'breaks';
update sqlite_schema set sql = replace(sql, 'length(closed_by) between 1 and 60', 'length(closed_by) between 1 and 254')
    where type = 'table' and name = 'breaks';
update sqlite_schema set sql = replace(sql, 'length(by) between 1 and 60', 'length(by) between 1 and 254')
    where type = 'table' and name = 'break_notes';
update sqlite_schema set sql = replace(sql, 'length(received_by) between 1 and 60', 'length(received_by) between 1 and 254')
    where type = 'table' and name = 'settlement_files';
pragma writable_schema = reset;
-- Making something counts the schema's version up, by which every other connection reads it anew.
drop trigger break_notes_refuse_replace;
create trigger break_notes_refuse_replace before insert on break_notes
when exists (select 1 from break_notes where break_id = new.break_id and number = new.number)
begin
    select raise(abort, 'break_notes is append-only');
end;
