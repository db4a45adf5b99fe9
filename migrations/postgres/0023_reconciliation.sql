-- Reconciliation: files of PSPs and banks as they came, their lines, the runs that held them against ours, and every difference.

-- A file is taken whole or not at all, and once per source.
create table settlement_files (
    id text primary key check (length(id) <= 40),
    source text not null check (length(source) between 1 and 60),
    format text not null check (length(format) between 1 and 40),
    -- Which version of its parser read it.
    parser_version bigint not null check (parser_version > 0),
    name text not null check (length(name) between 1 and 255),
    sha256 text not null check (length(sha256) = 64),
    bytes bigint not null check (bytes >= 0),
    business_date text check (length(business_date) = 10),
    status text not null check (status in ('reading', 'accepted', 'refused')),
    -- Why it was refused, and at which row.
    refusal text check (length(refusal) between 1 and 1000),
    row_number bigint check (row_number > 0),
    lines bigint not null default 0 check (lines >= 0),
    -- A JSON object: what its lines come to.
    totals text not null default '{}',
    received_at bigint not null,
    decided_at bigint,
    received_by text not null check (length(received_by) between 1 and 60),
    check ((status = 'reading') = (decided_at is null)),
    check ((status = 'refused') = (refusal is not null)),
    unique (source, sha256)
);
create index settlement_files_by_day on settlement_files (source, business_date);

-- The raw bytes, in pieces.
create table settlement_file_parts (
    file_id text not null references settlement_files (id),
    part bigint not null check (part >= 0),
    bytes bytea not null check (length(bytes) between 1 and 262144),
    primary key (file_id, part)
);

create table settlement_lines (
    id text primary key check (length(id) <= 40),
    file_id text not null references settlement_files (id),
    source text not null check (length(source) between 1 and 60),
    number bigint not null check (number > 0),
    -- What makes the row this row within its source, whichever file brings it.
    identity text not null check (length(identity) between 1 and 300),
    side text not null check (side in ('psp', 'bank')),
    kind text not null check (length(kind) between 1 and 100),
    occurred_at bigint,
    -- By the file's own calendar and cut-off.
    business_date text not null check (length(business_date) = 10),
    currency text not null check (length(currency) = 3),
    -- Minor units, signed: above zero comes to us.
    gross bigint not null,
    fee bigint not null,
    net bigint not null check (net = gross - fee),
    presented_currency text check (length(presented_currency) = 3),
    presented_amount bigint,
    reversal boolean not null default false,
    psp_payment text,
    psp_movement text,
    our_key text,
    ours text,
    batch text,
    -- A JSON array of the texts in which a bank line may name what it belongs to.
    texts text not null default '[]',
    -- The row as it stands in the file, as JSON.
    raw text not null,
    -- new: nobody has looked; matched: agrees with ours; open: differs; closed: differed, and that is settled.
    standing text not null default 'new' check (standing in ('new', 'matched', 'open', 'closed')),
    result text check (result in ('matched', 'missing_at_psp', 'missing_here', 'amount_differs', 'fee_differs',
        'currency_differs', 'state_differs', 'duplicate', 'late', 'unknown')),
    -- In whose books it stands: those of the payment it matches, else those of the source's owner.
    merchant_id text,
    livemode boolean,
    -- What of ours it is.
    object_kind text check (object_kind in ('charge', 'refund', 'refund_failure', 'dispute', 'dispute_reversal',
        'payout', 'payout_return', 'batch', 'fee')),
    object_id text check (length(object_id) between 1 and 300),
    -- The journal that booked its fee.
    fee_journal_id text,
    -- The bank line with which its money landed.
    landed_by text references settlement_lines (id),
    expected_by text check (length(expected_by) = 10),
    check ((presented_currency is null) = (presented_amount is null)),
    check ((merchant_id is null) = (livemode is null)),
    check ((object_kind is null) = (object_id is null)),
    check ((standing = 'new') = (result is null)),
    check (standing = 'new' or merchant_id is not null),
    unique (source, identity)
);
create index settlement_lines_new on settlement_lines (source, side, coalesce(psp_payment, ''), id) where standing = 'new';
create index settlement_lines_by_file on settlement_lines (file_id, number);
create index settlement_lines_by_day on settlement_lines (source, business_date);
create index settlement_lines_by_object on settlement_lines (object_id, object_kind) where object_id is not null;
create index settlement_lines_by_psp_payment on settlement_lines (psp_payment) where psp_payment is not null;
create index settlement_lines_by_batch on settlement_lines (source, batch) where batch is not null;
create index settlement_lines_to_land on settlement_lines (source, batch)
    where landed_by is null and side = 'psp' and kind <> 'payout';

-- One time that a source was held against ours.
create table reconciliation_runs (
    id text primary key check (length(id) <= 40),
    source text not null check (length(source) between 1 and 60),
    business_date text check (length(business_date) = 10),
    file_id text references settlement_files (id),
    trigger text not null check (trigger in ('nightly', 'command', 'console', 'api')),
    -- Nothing was changed: it only says what would be.
    dry boolean not null,
    status text not null check (status in ('running', 'completed', 'failed')),
    failure text check (length(failure) between 1 and 1000),
    -- A JSON object.
    totals text not null default '{}',
    -- Past it, a run that does not end belongs to a process that died.
    lease_until bigint not null,
    started_at bigint not null,
    finished_at bigint,
    check ((status = 'running') = (finished_at is null)),
    check ((status = 'failed') = (failure is not null))
);
create index reconciliation_runs_by_source on reconciliation_runs (source, business_date, id);
-- One at a time, over all processes.
create unique index reconciliation_runs_one on reconciliation_runs (source) where status = 'running';

-- A difference that somebody must close.
create table breaks (
    id text primary key check (length(id) <= 40),
    merchant_id text not null,
    livemode boolean not null,
    source text not null check (length(source) between 1 and 60),
    -- The run that found it first.
    run_id text references reconciliation_runs (id),
    type text not null check (type in ('missing_at_psp', 'missing_here', 'amount_differs', 'fee_differs',
        'currency_differs', 'state_differs', 'duplicate', 'late', 'unknown')),
    class text not null check (class in ('automatic', 'manual', 'investigate')),
    -- Its name in the table of known causes.
    cause text not null check (length(cause) between 1 and 60),
    status text not null check (status in ('open', 'proposed', 'resolved')),
    -- What it is about, by which a later run finds it again: a line's id, or an object of ours with its kind.
    subject text not null check (length(subject) between 1 and 400),
    line_id text references settlement_lines (id),
    object_kind text check (length(object_kind) between 1 and 40),
    object_id text check (length(object_id) between 1 and 300),
    currency text not null check (length(currency) = 3),
    -- Minor units: what ours says, what theirs says, and what may be lost.
    expected bigint,
    actual bigint,
    at_risk bigint not null check (at_risk >= 0),
    -- A JSON object: everything known about it when it was found.
    evidence text not null default '{}',
    -- A JSON object: the journal that would close it.
    proposal text,
    proposed_by text check (length(proposed_by) between 1 and 60),
    proposed_at bigint,
    opened_at bigint not null,
    -- Until when it is waited for.
    expected_by text check (length(expected_by) = 10),
    closed_at bigint,
    closed_by text check (length(closed_by) between 1 and 60),
    resolution text check (length(resolution) between 1 and 500),
    journal_id text,
    check ((status = 'resolved') = (closed_at is not null)),
    check ((status = 'resolved') = (closed_by is not null)),
    check ((status = 'resolved') = (resolution is not null)),
    check (status <> 'proposed' or (proposal is not null and proposed_by is not null)),
    unique (source, subject, type)
);
create index breaks_by_tenant on breaks (merchant_id, livemode, id);
create index breaks_open on breaks (class, opened_at) where status <> 'resolved';
create index breaks_by_line on breaks (line_id) where line_id is not null;
create index breaks_by_object on breaks (object_id) where object_id is not null;

-- What of a break stands in suspense until it is closed, in minor units: above zero was credited to it.
create table break_parkings (
    break_id text not null references breaks (id),
    merchant_id text not null,
    livemode boolean not null,
    currency text not null check (length(currency) = 3),
    amount bigint not null check (amount <> 0),
    journal_id text not null,
    -- Whether the break was closed, and what stood there left it.
    released boolean not null default false,
    primary key (break_id, currency)
);
create index break_parkings_held on break_parkings (merchant_id, livemode, currency) where not released;

-- Who did what about a break, in order, and never changed.
create table break_notes (
    break_id text not null references breaks (id),
    number bigint not null check (number > 0),
    at bigint not null,
    by text not null check (length(by) between 1 and 60),
    what text not null check (length(what) between 1 and 40),
    note text not null check (length(note) <= 2000),
    primary key (break_id, number)
);
create function break_notes_refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'break_notes is append-only';
end;
$$;
create trigger break_notes_refuse_change before update or delete on break_notes
    for each row execute function break_notes_refuse_change();
create trigger break_notes_refuse_truncate before truncate on break_notes
    for each statement execute function break_notes_refuse_change();

-- A PSP's file names a refund by the PSP's own name for it.
create index refunds_by_reference on refunds (psp, psp_reference) where psp_reference is not null;
-- What was taken in a stretch of time, for what is not in any file yet.
create index payments_by_success on payments (psp, succeeded_at) where succeeded_at is not null;
