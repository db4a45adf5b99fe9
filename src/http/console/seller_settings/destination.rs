//! The form for where a seller's payouts go. Of the account it shows what people may see; the token never comes out again.

use super::Typed;
use crate::http::api::sellers::{Account, Changed};
use crate::http::console::components::choices;
use crate::http::console::editor::{Editor, Field};
use crate::merchants::sellers::Seller;

const WHAT: [(&str, &str); 2] = [("account", "The account below"), ("none", "None any more")];

/// The fields that name an account; also part of a new seller's form.
pub(in crate::http::console) fn account_fields() -> Vec<Field> {
    vec![
        Field::text("token", "Token", 255)
            .named("payout_destination.token")
            .hint("of your PSP or bank partner, never an account number")
            .never_shown_again(),
        Field::text("bank_name", "Bank", 100).named("payout_destination.bank_name"),
        Field::text("last4", "Last four characters", 4).named("payout_destination.last4"),
    ]
}

/// The account that was typed.
pub(in crate::http::console) fn account(typed: &Typed) -> Account {
    Account {
        token: typed.text("token").to_owned(),
        bank_name: typed.optional("bank_name"),
        last4: typed.optional("last4"),
    }
}

pub(super) fn form(action: String, seller: &Seller) -> Editor {
    let to = seller.destination.as_ref();
    let (bank, last4) = (to.and_then(|to| to.bank_name.clone()), to.and_then(|to| to.last4.clone()));
    let mut fields = vec![Field::choice("what", "Payouts go to", choices(&WHAT, "account"))];
    fields.extend(
        account_fields()
            .into_iter()
            .zip([String::new(), bank.unwrap_or_default(), last4.unwrap_or_default()])
            .map(|(field, value)| field.holding(value)),
    );
    Editor::new("destination", action, "Save destination", fields)
}

pub(super) fn read(typed: &Typed) -> Changed {
    let wanted = if typed.text("what") == "none" { None } else { Some(account(typed)) };
    Changed { payout_destination: Some(wanted), ..Changed::default() }
}
