-- One line of a bank for several payouts to sellers: which of them have left with it, or come back, and how much of each it stands for.
create table settlement_line_members (
    line_id text not null references settlement_lines (id),
    object_kind text not null check (object_kind in ('payout', 'payout_return')),
    object_id text not null check (length(object_id) between 1 and 300),
    amount bigint not null check (amount <> 0),
    primary key (line_id, object_kind, object_id)
);
create index settlement_line_members_by_object on settlement_line_members (object_id, object_kind);
