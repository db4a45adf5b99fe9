-- The books. One row per movement, with a debit and a credit account, so that a movement cannot be out of balance.
-- No foreign key to merchants on purpose: see the PostgreSQL twin of this file.
create table journals (
    merchant_id text not null check (length(merchant_id) between 1 and 64),
    livemode boolean not null check (livemode in (0, 1)),
    id text not null check (length(id) between 1 and 64),
    kind text not null check (length(kind) between 1 and 64),
    source_id text not null check (length(source_id) between 1 and 128),
    payment_id text check (length(payment_id) between 1 and 64),
    -- What was posted, said a second time: a transfer taken away, added or changed later no longer agrees with these.
    transfer_count bigint not null check (typeof(transfer_count) = 'integer' and transfer_count > 0),
    control_total bigint not null check (typeof(control_total) = 'integer' and control_total > 0),
    created_at bigint not null check (typeof(created_at) = 'integer'),
    primary key (merchant_id, livemode, id),
    unique (merchant_id, livemode, kind, source_id)
) without rowid;
create index journals_by_payment on journals (merchant_id, livemode, payment_id, id) where payment_id is not null;

create table transfers (
    merchant_id text not null,
    livemode boolean not null check (livemode in (0, 1)),
    journal_id text not null,
    line bigint not null check (typeof(line) = 'integer' and line >= 0),
    debit_account text not null check (length(debit_account) between 1 and 100),
    credit_account text not null check (length(credit_account) between 1 and 100),
    amount bigint not null check (typeof(amount) = 'integer' and amount > 0),
    currency text not null check (length(currency) = 3),
    created_at bigint not null check (typeof(created_at) = 'integer'),
    primary key (merchant_id, livemode, journal_id, line),
    -- The tenant is part of the reference: a transfer cannot join a journal of another merchant or mode.
    foreign key (merchant_id, livemode, journal_id) references journals (merchant_id, livemode, id),
    check (debit_account <> credit_account)
) without rowid;

create trigger journals_refuse_update before update on journals begin
    select raise(abort, 'journals is append-only: correct a mistake by another journal');
end;
create trigger journals_refuse_delete before delete on journals begin
    select raise(abort, 'journals is append-only: correct a mistake by another journal');
end;
create trigger transfers_refuse_update before update on transfers begin
    select raise(abort, 'transfers is append-only: correct a mistake by another journal');
end;
create trigger transfers_refuse_delete before delete on transfers begin
    select raise(abort, 'transfers is append-only: correct a mistake by another journal');
end;
-- "insert or replace" deletes the old row without asking the triggers above, so a row whose place is taken is not inserted at all.
create trigger journals_refuse_replace before insert on journals
when exists (select 1 from journals where merchant_id = new.merchant_id and livemode = new.livemode and id = new.id)
    or exists (select 1 from journals where merchant_id = new.merchant_id and livemode = new.livemode and kind = new.kind and source_id = new.source_id)
begin
    select raise(ignore);
end;
create trigger transfers_refuse_replace before insert on transfers
when exists (select 1 from transfers where merchant_id = new.merchant_id and livemode = new.livemode and journal_id = new.journal_id and line = new.line)
begin
    select raise(abort, 'transfers is append-only: correct a mistake by another journal');
end;
