-- A payment may be captured more than once: by order of the admin (`charge_again`) the stand-in is a PSP that knows charges and no
-- payments, and the record of a second charge is what a double charge is found by.
create table captures_again (
    seq        integer primary key,
    id         text    not null unique,
    payment_id text    not null references payments (id),
    key        text    not null,
    amount     integer not null check (amount > 0),
    fee        integer not null check (fee >= 0),
    created_at integer not null
);
insert into captures_again (seq, id, payment_id, key, amount, fee, created_at)
    select seq, id, payment_id, key, amount, fee, created_at from captures;
drop table captures;
alter table captures_again rename to captures;
create index captures_by_time on captures (created_at);
create index captures_by_payment on captures (payment_id, seq);
