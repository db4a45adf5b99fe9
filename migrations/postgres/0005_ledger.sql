-- The books. One row per movement, with a debit and a credit account, so that a movement cannot be out of balance.
-- No foreign key to merchants on purpose: its share lock would make the merchant's row one that all payments touch.
create table journals (
    merchant_id text not null check (length(merchant_id) between 1 and 64),
    livemode boolean not null,
    id text not null check (length(id) between 1 and 64),
    kind text not null check (length(kind) between 1 and 64),
    source_id text not null check (length(source_id) between 1 and 128),
    payment_id text check (length(payment_id) between 1 and 64),
    -- What was posted, said a second time: a transfer taken away, added or changed later no longer agrees with these.
    transfer_count bigint not null check (transfer_count > 0),
    control_total bigint not null check (control_total > 0),
    created_at bigint not null,
    primary key (merchant_id, livemode, id),
    unique (merchant_id, livemode, kind, source_id)
);
create index journals_by_payment on journals (merchant_id, livemode, payment_id, id) where payment_id is not null;

create table transfers (
    merchant_id text not null,
    livemode boolean not null,
    journal_id text not null,
    line bigint not null check (line >= 0),
    debit_account text not null check (length(debit_account) between 1 and 100),
    credit_account text not null check (length(credit_account) between 1 and 100),
    amount bigint not null check (amount > 0),
    currency text not null check (length(currency) = 3),
    created_at bigint not null,
    primary key (merchant_id, livemode, journal_id, line),
    -- The tenant is part of the reference: a transfer cannot join a journal of another merchant or mode.
    foreign key (merchant_id, livemode, journal_id) references journals (merchant_id, livemode, id),
    check (debit_account <> credit_account)
);

create function ledger_refuses() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only: correct a mistake by another journal', tg_table_name using errcode = 'integrity_constraint_violation';
end
$$;

create trigger journals_refuse_change before update or delete on journals for each row execute function ledger_refuses();
create trigger journals_refuse_truncate before truncate on journals for each statement execute function ledger_refuses();
create trigger transfers_refuse_change before update or delete on transfers for each row execute function ledger_refuses();
create trigger transfers_refuse_truncate before truncate on transfers for each statement execute function ledger_refuses();
-- "always": also in a session that calls itself a replica.
alter table journals enable always trigger journals_refuse_change;
alter table journals enable always trigger journals_refuse_truncate;
alter table transfers enable always trigger transfers_refuse_change;
alter table transfers enable always trigger transfers_refuse_truncate;
