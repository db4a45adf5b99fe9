-- Whoever reads a charge in the PSP's own pages looks for its payment, also where it is not the charge that paid.
create index attempts_by_second_charge_text on attempts (second_charge text_pattern_ops) where second_charge is not null;
