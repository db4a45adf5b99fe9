-- The books' own witness: journals sealed into blocks after commit, and what stood on each account after each block. See docs/adr/0018.

-- Journals that no block holds yet: written with the journal, taken away by the sealer. No payment waits here for another.
create table unsealed_journals (
    journal_id text not null,
    merchant_id text not null,
    livemode boolean not null check (livemode in (0, 1)),
    primary key (journal_id, merchant_id, livemode)
) without rowid;
-- Books that are older than this table are sealed from their beginning.
insert into unsealed_journals (journal_id, merchant_id, livemode) select id, merchant_id, livemode from journals;

-- One row: how far the chain has come. Whoever updates it is the only one who seals.
create table ledger_chain (
    id bigint primary key check (id = 1),
    blocks bigint not null check (blocks >= 0),
    positions bigint not null check (positions >= 0)
);
insert into ledger_chain (id, blocks, positions) values (1, 0, 0);

create table ledger_blocks (
    number bigint primary key check (number > 0),
    -- Places of its journals in the one row of all sealed journals.
    first_position bigint not null check (first_position > 0),
    last_position bigint not null check (last_position >= first_position),
    transfers bigint not null check (transfers > 0),
    -- The earliest journal in it; the latest in it or before it; and the most by which a block's journals lie before those of earlier blocks.
    first_at bigint not null,
    until_at bigint not null,
    reach bigint not null check (reach >= 0),
    sealed_at bigint not null,
    -- SHA-256: the hash of the block before, the Merkle root over its journals, and the hash of all that stands in this row.
    previous blob not null check (length(previous) = 32),
    root blob not null check (length(root) = 32),
    hash blob not null check (length(hash) = 32),
    -- Ed25519 (RFC 8032) over the hash.
    signature blob not null check (length(signature) = 64)
);
create index ledger_blocks_by_time on ledger_blocks (until_at, number);

create table sealed_journals (
    position bigint primary key check (position > 0),
    block bigint not null,
    merchant_id text not null,
    livemode boolean not null check (livemode in (0, 1)),
    journal_id text not null,
    -- SHA-256 of the journal and its transfers at this place.
    leaf blob not null check (length(leaf) = 32),
    -- Eight bytes for the journal's row and for each transfer's: they prove nothing, they only tell which one was touched.
    marks blob not null,
    unique (merchant_id, livemode, journal_id)
);

-- What stands on an account as of the last block that changed it. Written by the sealer alone.
create table account_balances (
    merchant_id text not null,
    livemode boolean not null check (livemode in (0, 1)),
    currency text not null,
    account text not null,
    first_block bigint not null,
    block bigint not null,
    debits bigint not null check (typeof(debits) = 'integer' and debits >= 0),
    credits bigint not null check (typeof(credits) = 'integer' and credits >= 0),
    primary key (merchant_id, livemode, currency, account)
) without rowid;

-- The same after each block that changed it.
create table balance_checkpoints (
    merchant_id text not null,
    livemode boolean not null check (livemode in (0, 1)),
    currency text not null,
    account text not null,
    block bigint not null,
    debits bigint not null check (typeof(debits) = 'integer' and debits >= 0),
    credits bigint not null check (typeof(credits) = 'integer' and credits >= 0),
    primary key (merchant_id, livemode, currency, account, block)
) without rowid;

-- A seller's statement reads one account by time. Only sellers' accounts are read so, and all others would be the hottest places of the index.
create index transfers_by_debited_seller on transfers (debit_account, created_at) where debit_account >= 'seller:' and debit_account < 'seller;';
create index transfers_by_credited_seller on transfers (credit_account, created_at) where credit_account >= 'seller:' and credit_account < 'seller;';

-- Who corrected the books, and why: asked for by one person, posted when another has agreed.
create table corrections (
    merchant_id text not null check (length(merchant_id) between 1 and 64),
    livemode boolean not null check (livemode in (0, 1)),
    id text not null check (length(id) between 1 and 64),
    reason text not null check (length(reason) between 1 and 500),
    -- The journal that it corrects, if it is one.
    corrects text check (length(corrects) between 1 and 64),
    payment_id text check (length(payment_id) between 1 and 64),
    transfers text not null check (length(transfers) between 2 and 20000),
    status text not null check (status in ('asked', 'posted', 'refused')),
    asked_by text not null check (length(asked_by) between 1 and 254),
    asked_at bigint not null,
    decided_by text check (length(decided_by) between 1 and 254),
    decided_at bigint,
    journal_id text check (length(journal_id) between 1 and 64),
    primary key (merchant_id, livemode, id),
    check ((status = 'asked') = (decided_by is null) and (status = 'asked') = (decided_at is null) and (status = 'posted') = (journal_id is not null))
) without rowid;
create index corrections_by_status on corrections (status, id);

-- Breaks of an invariant that the watch has found and that no later look has found mended.
create table integrity_breaks (
    check_name text not null,
    merchant_id text not null,
    livemode boolean not null check (livemode in (0, 1)),
    subject text not null,
    detail text not null,
    found_at bigint not null,
    primary key (check_name, merchant_id, livemode, subject, detail)
) without rowid;

-- One row: how far the watch has looked, and when it last looked at everything.
create table integrity_watch (
    id bigint primary key check (id = 1),
    position bigint not null,
    event_position bigint not null,
    watched_at bigint,
    payments bigint not null,
    full_at bigint
);
insert into integrity_watch (id, position, event_position, watched_at, payments, full_at) values (1, 0, 0, null, 0, null);

create trigger ledger_blocks_refuse_update before update on ledger_blocks begin
    select raise(abort, 'ledger_blocks is append-only');
end;
create trigger ledger_blocks_refuse_delete before delete on ledger_blocks begin
    select raise(abort, 'ledger_blocks is append-only');
end;
create trigger sealed_journals_refuse_update before update on sealed_journals begin
    select raise(abort, 'sealed_journals is append-only');
end;
create trigger sealed_journals_refuse_delete before delete on sealed_journals begin
    select raise(abort, 'sealed_journals is append-only');
end;
