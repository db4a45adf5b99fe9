-- How much of ours each line stands for, in our currency and sign. The lines of one movement together stand for all of it and for
-- nothing more, whatever they say: what a line says beyond that is in suspense. What is left of a movement is read from here.
alter table settlement_lines add column stands_for bigint not null default 0;
-- And how much of a fee that the books knew before the line told it.
alter table settlement_lines add column fee_known bigint not null default 0;
update settlement_lines set stands_for = gross
    where object_kind not in ('batch', 'fee') and result in ('matched', 'fee_differs');
update settlement_lines set stands_for = (select coalesce(max(b.expected), 0) from breaks b
        where b.line_id = settlement_lines.id and b.type = 'amount_differs')
    where object_kind not in ('batch', 'fee') and result = 'amount_differs';
update settlement_lines set stands_for = (select coalesce(sum(-k.amount), 0) from break_parkings k
        join breaks b on b.id = k.break_id
        where b.line_id = settlement_lines.id and b.type = 'currency_differs' and k.currency <> settlement_lines.currency)
    where object_kind not in ('batch', 'fee') and result = 'currency_differs';
-- What came right by itself says what ours says.
update settlement_lines set stands_for = gross
    where object_kind not in ('batch', 'fee') and result in ('state_differs', 'missing_here', 'amount_differs', 'unknown')
        and exists (select 1 from breaks b where b.line_id = settlement_lines.id and b.type = settlement_lines.result
            and b.resolution = 'the other side was asked, and both agree now');
update settlement_lines set fee_known = (select coalesce(max(d.fee), 0) from disputes d where d.id = settlement_lines.object_id)
    where object_kind = 'dispute' and stands_for <> 0;
