-- People who may use the console, their sessions, their wrong passwords, and what they did.
create table operators (
    id text primary key check (length(id) <= 40),
    -- Lower case, as it is compared.
    email text not null unique check (length(email) between 3 and 254),
    -- A PHC string (argon2id); the password itself is kept nowhere.
    password_hash text not null check (length(password_hash) between 20 and 255),
    created_at bigint not null,
    password_set_at bigint not null,
    signed_in_at bigint
);

create table operator_sessions (
    id text primary key check (length(id) between 20 and 40),
    operator_id text not null references operators (id),
    created_at bigint not null,
    expires_at bigint not null,
    -- Signed out, or the password was changed.
    ended_at bigint
);
create index operator_sessions_by_operator on operator_sessions (operator_id) where ended_at is null;
create index operator_sessions_by_expiry on operator_sessions (expires_at);

-- Wrong passwords per e-mail and per address. The subject is a hash: people type passwords into the e-mail field.
create table sign_in_failures (
    subject text primary key check (length(subject) between 1 and 100),
    failures bigint not null check (failures >= 0),
    last_at bigint not null
);
create index sign_in_failures_by_age on sign_in_failures (last_at);

create table audit_entries (
    id text primary key check (length(id) <= 40),
    at bigint not null,
    -- Null when nobody was signed in.
    operator_id text references operators (id),
    action text not null check (length(action) between 1 and 60),
    object_id text check (length(object_id) between 1 and 60),
    note text not null default '' check (length(note) <= 500),
    -- Where the request came from, as the connection says.
    address text not null check (length(address) <= 60)
);

create function audit_entries_refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'audit_entries is append-only';
end;
$$;
create trigger audit_entries_refuse_change before update or delete on audit_entries
    for each row execute function audit_entries_refuse_change();
create trigger audit_entries_refuse_truncate before truncate on audit_entries
    for each statement execute function audit_entries_refuse_change();
