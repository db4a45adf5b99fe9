-- What a merchant does about a dispute is handed in once: evidence, or the word that it gives in. The latter has no texts.
alter table dispute_evidence add column gives_in boolean not null default false;
