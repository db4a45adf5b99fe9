-- Of a payment that was charged more than once one charge can be given back by its name. A charge beyond the first has an account of
-- its own: its refunds are none of the payment's.
alter table refunds add column charge text references attempts (id);

-- A second charge has an attempt of its own that succeeded: until now this index refused it, and `charge_again` answered 500 instead.
drop index attempts_one_success;
