-- What moved on each account within stretches of time, so that a balance of the past costs the same whatever the clocks did; and sums
-- that do not overflow. See docs/adr/0034. All of it is written by the sealer alone.

-- An additive sum for each stretch of 2^width microseconds (44: 203 days, 36: 19 hours, 28: 4.5 minutes) in which an account moved,
-- by the dates of its transfers. A sum is high * 2^40 + low.
create table balance_buckets (
    merchant_id text not null,
    livemode boolean not null,
    currency text not null,
    account text not null,
    width bigint not null check (width in (28, 36, 44)),
    start_at bigint not null,
    debits_high bigint not null check (debits_high >= 0),
    debits_low bigint not null check (debits_low between 0 and 1099511627775),
    credits_high bigint not null check (credits_high >= 0),
    credits_low bigint not null check (credits_low between 0 and 1099511627775),
    primary key (merchant_id, livemode, currency, account, width, start_at)
);

-- When each sealed journal's transfers are dated: what is later than the last whole stretch is read by these.
create table sealed_times (
    merchant_id text not null,
    livemode boolean not null,
    posted_at bigint not null,
    journal_id text not null,
    primary key (merchant_id, livemode, posted_at, journal_id)
);

-- As before, with sums of two parts, and from when on the account is there instead of from which block.
drop table account_balances;
create table account_balances (
    merchant_id text not null,
    livemode boolean not null,
    currency text not null,
    account text not null,
    first_at bigint not null,
    debits_high bigint not null check (debits_high >= 0),
    debits_low bigint not null check (debits_low between 0 and 1099511627775),
    credits_high bigint not null check (credits_high >= 0),
    credits_low bigint not null check (credits_low between 0 and 1099511627775),
    primary key (merchant_id, livemode, currency, account)
);

-- What is sealed already.
insert into sealed_times (merchant_id, livemode, posted_at, journal_id)
    select distinct t.merchant_id, t.livemode, t.created_at, t.journal_id from sealed_journals s join transfers t
        on t.merchant_id = s.merchant_id and t.livemode = s.livemode and t.journal_id = s.journal_id;
insert into balance_buckets (merchant_id, livemode, currency, account, width, start_at, debits_high, debits_low, credits_high, credits_low)
    select merchant_id, livemode, currency, account, 28, (moved_at >> 28) << 28,
        cast(sum(debit >> 40) as bigint) + (cast(sum(debit & 1099511627775) as bigint) >> 40), cast(sum(debit & 1099511627775) as bigint) & 1099511627775,
        cast(sum(credit >> 40) as bigint) + (cast(sum(credit & 1099511627775) as bigint) >> 40), cast(sum(credit & 1099511627775) as bigint) & 1099511627775
    from (
        select t.merchant_id, t.livemode, t.currency, t.debit_account as account, t.created_at as moved_at, t.amount as debit, 0 as credit
            from sealed_journals s join transfers t
            on t.merchant_id = s.merchant_id and t.livemode = s.livemode and t.journal_id = s.journal_id
        union all select t.merchant_id, t.livemode, t.currency, t.credit_account, t.created_at, 0, t.amount
            from sealed_journals s join transfers t
            on t.merchant_id = s.merchant_id and t.livemode = s.livemode and t.journal_id = s.journal_id
    ) sides group by merchant_id, livemode, currency, account, (moved_at >> 28) << 28;
insert into balance_buckets (merchant_id, livemode, currency, account, width, start_at, debits_high, debits_low, credits_high, credits_low)
    select merchant_id, livemode, currency, account, 36, (start_at >> 36) << 36,
        cast(sum(debits_high) as bigint) + (cast(sum(debits_low) as bigint) >> 40), cast(sum(debits_low) as bigint) & 1099511627775,
        cast(sum(credits_high) as bigint) + (cast(sum(credits_low) as bigint) >> 40), cast(sum(credits_low) as bigint) & 1099511627775
    from balance_buckets where width = 28 group by merchant_id, livemode, currency, account, (start_at >> 36) << 36;
insert into balance_buckets (merchant_id, livemode, currency, account, width, start_at, debits_high, debits_low, credits_high, credits_low)
    select merchant_id, livemode, currency, account, 44, (start_at >> 44) << 44,
        cast(sum(debits_high) as bigint) + (cast(sum(debits_low) as bigint) >> 40), cast(sum(debits_low) as bigint) & 1099511627775,
        cast(sum(credits_high) as bigint) + (cast(sum(credits_low) as bigint) >> 40), cast(sum(credits_low) as bigint) & 1099511627775
    from balance_buckets where width = 36 group by merchant_id, livemode, currency, account, (start_at >> 44) << 44;
insert into account_balances (merchant_id, livemode, currency, account, first_at, debits_high, debits_low, credits_high, credits_low)
    select b.merchant_id, b.livemode, b.currency, b.account, f.first_at,
        cast(sum(b.debits_high) as bigint) + (cast(sum(b.debits_low) as bigint) >> 40), cast(sum(b.debits_low) as bigint) & 1099511627775,
        cast(sum(b.credits_high) as bigint) + (cast(sum(b.credits_low) as bigint) >> 40), cast(sum(b.credits_low) as bigint) & 1099511627775
    from balance_buckets b join (
        select merchant_id, livemode, currency, account, min(moved_at) as first_at from (
            select t.merchant_id, t.livemode, t.currency, t.debit_account as account, t.created_at as moved_at
                from sealed_journals s join transfers t
                on t.merchant_id = s.merchant_id and t.livemode = s.livemode and t.journal_id = s.journal_id
            union all select t.merchant_id, t.livemode, t.currency, t.credit_account, t.created_at
                from sealed_journals s join transfers t
                on t.merchant_id = s.merchant_id and t.livemode = s.livemode and t.journal_id = s.journal_id
        ) sides group by merchant_id, livemode, currency, account
    ) f on f.merchant_id = b.merchant_id and f.livemode = b.livemode and f.currency = b.currency and f.account = b.account
    where b.width = 44 group by b.merchant_id, b.livemode, b.currency, b.account, f.first_at;

drop table balance_checkpoints;
-- Only balances of the past were read by it.
drop index ledger_blocks_by_time;
