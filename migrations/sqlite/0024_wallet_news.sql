-- How far merchants were told of changed wallets: the place of the last sealed journal that was read for it. One row; whoever
-- updates it is the only one who tells. Books that are older than this table are not told anew. See docs/adr/0022.
create table wallet_news (
    id bigint primary key check (id = 1),
    position bigint not null check (position >= 0)
);
insert into wallet_news (id, position) select 1, positions from ledger_chain where id = 1;
