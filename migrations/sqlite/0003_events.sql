-- Facts that merchants may hear of, written with the state they tell about.
create table events (
    id text primary key check (length(id) <= 40),
    merchant_id text not null check (length(merchant_id) <= 40),
    livemode boolean not null,
    kind text not null check (length(kind) between 3 and 60),
    object_id text not null check (length(object_id) between 1 and 60),
    -- 1, 2, 3 .. for each object.
    sequence bigint not null check (sequence > 0),
    data text not null check (length(data) <= 262144),
    created_at bigint not null,
    -- Place in the log, without gaps; given after commit.
    position bigint check (position > 0),
    unique (merchant_id, livemode, object_id, sequence)
);
create unique index events_position on events (position) where position is not null;
create index events_unplaced on events (created_at, id) where position is null;
create index events_by_tenant on events (merchant_id, livemode, id);

-- One row: the last place given. Whoever updates it is the only one who gives places.
create table event_log (
    id bigint primary key check (id = 1),
    last_position bigint not null check (last_position >= 0)
);
insert into event_log (id, last_position) values (1, 0);

-- How far each reader of the log has come.
create table event_consumers (
    name text primary key check (length(name) between 1 and 60),
    position bigint not null check (position >= 0)
);
insert into event_consumers (name, position) values ('webhooks', 0);
