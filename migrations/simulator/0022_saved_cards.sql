-- A card that the shopper let the caller keep: the token by which it is charged again, good once the attempt went through.
alter table attempts add column saved_card text;
create unique index attempts_by_saved_card on attempts (saved_card) where saved_card is not null;
