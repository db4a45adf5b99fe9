//! The form for a fee that holds for one seller alone.

use serde_json::{Value, json};

use super::Typed;
use crate::http::console::components::choices;
use crate::http::console::decimals;
use crate::http::console::editor::{Editor, Field};
use crate::merchants::policies::PlatformFee;

const WHAT: [(&str, &str); 2] = [("merchant", "The merchant's"), ("own", "Its own, below")];

/// The two parts of a fee; also part of the merchant's form.
pub(in crate::http::console) fn fee_fields(fee: &PlatformFee) -> Vec<Field> {
    vec![
        Field::text("percent", "Share in percent", 10)
            .named("platform_fee.ppm")
            .holding(decimals::percent(fee.ppm))
            .hint("1 % is 10000 parts per million"),
        Field::text("fixed", "Fixed, per payment", 400)
            .named("platform_fee.fixed")
            .holding(decimals::written(&fee.fixed))
            .hint("such as USD 0.30, KRW 300"),
    ]
}

/// The fee that was typed.
pub(in crate::http::console) fn fee(typed: &Typed) -> Value {
    json!({ "fixed": decimals::amounts(typed.text("fixed")), "ppm": decimals::ppm(typed.text("percent")) })
}

pub(super) fn form(action: String, own: Option<&PlatformFee>) -> Editor {
    let which = if own.is_some() { "own" } else { "merchant" };
    let mut fields =
        vec![Field::choice("what", "Fee of this seller's sales", choices(&WHAT, which)).named("platform_fee")];
    fields.extend(fee_fields(own.unwrap_or(&PlatformFee::default())));
    Editor::new("fee", action, "Save fee", fields)
}

/// Null when the seller is treated like the others.
pub(super) fn read(typed: &Typed) -> Value {
    if typed.text("what") == "own" { fee(typed) } else { Value::Null }
}
