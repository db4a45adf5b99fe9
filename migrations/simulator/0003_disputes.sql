-- Disputes: what shoppers' banks contest, how the merchant answered, how it was decided.
alter table payments add column disputed_amount integer not null default 0 check (disputed_amount >= 0);

create table disputes (
    seq          integer primary key,
    id           text    not null unique,
    payment_id   text    not null references payments (id),
    -- Zero while it is only scheduled: what is contested is known when it is opened.
    amount       integer not null check (amount >= 0),
    fee          integer not null check (fee >= 0),
    reason       text    not null,
    status       text    not null check (status in ('scheduled', 'needs_response', 'under_review', 'won', 'lost')),
    -- The answer as it came, a JSON object of texts, and the key it came under.
    evidence     text,
    evidence_key text,
    -- How it will be decided at `due_at`, when the evidence says so.
    fate         text    check (fate in ('won', 'lost')),
    -- When the stand-in goes on by itself: it opens a scheduled one, or decides. Machine time.
    due_at       integer,
    -- Unanswered by then it is lost. Time of the record.
    respond_by   integer not null,
    opened_at    integer,
    closed_at    integer,
    created_at   integer not null,
    updated_at   integer not null,
    check ((status in ('won', 'lost')) = (closed_at is not null)),
    check ((status = 'scheduled') = (opened_at is null))
);
create index disputes_by_payment on disputes (payment_id, seq);
create index disputes_due on disputes (due_at) where due_at is not null;
create index disputes_unanswered on disputes (respond_by) where status = 'needs_response';
create index disputes_by_opening on disputes (opened_at) where opened_at is not null;
