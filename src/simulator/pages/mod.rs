//! The pages a shopper sees inside a frame of the gateway's page: the card form and the 3-D Secure challenge.
//!
//! This is the one place of the program where a card number arrives. It is checked, turned into the name of a row in the
//! table of magic cards, and dropped: never stored, never logged, never put into an error.

mod assets;
mod challenge;
mod form;
mod headers;
mod texts;
mod token;

pub use assets::{asset, texts_script};
pub use challenge::{answer as answer_challenge, show as show_challenge};
pub use form::show as show_form;
pub use token::make as make_token;
