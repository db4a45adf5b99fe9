-- How many rows each check found broken: integrity_breaks names the first few of them only.
create table integrity_counts (
    check_name text not null,
    merchant_id text not null,
    livemode boolean not null,
    broken bigint not null check (broken > 0),
    primary key (check_name, merchant_id, livemode)
);

-- When a look last saw the break: what a look at everything does not see is mended.
alter table integrity_breaks add column seen_at bigint not null default 0;

-- Charges on which the provider and the books do not agree, as long as nobody has closed them.
create index breaks_of_charges on breaks (merchant_id, livemode, object_id) where status <> 'resolved' and object_kind = 'charge';
