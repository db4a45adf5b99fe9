//! What the demo says about itself: to people on the terminal, to programs in `demo.json`.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::private_files;
use super::town::{Town, spaced};
use crate::simulator::cards::MAGIC_CARDS;

const FILE: &str = "demo.json";

/// Addresses and keys.
pub struct Facts(Value);

impl Facts {
    /// Of a running demo.
    pub fn of(town: &Town) -> Self {
        let (at, kept) = (&town.addresses, &town.kept);
        let merchant = kept.merchant.as_ref();
        Self(json!({
            "gateway": at.gateway,
            "gateway_tls": at.gateway_tls,
            "authority": at.authority,
            "psp": at.psp,
            "psp_admin_key": kept.psp_admin_key,
            "shop": at.shop,
            "console": format!("{}/console", at.gateway),
            "console_email": kept.operator.as_ref().map(|it| &it.email),
            "console_password": kept.operator.as_ref().map(|it| &it.password),
            "merchant": merchant.map(|it| &it.id),
            "secret_key": merchant.map(|it| &it.secret_key),
            "sellers": merchant.map(|it| &it.sellers),
        }))
    }

    /// One line.
    pub fn json(&self) -> String {
        self.0.to_string()
    }

    /// Leaves them in `data/demo.json`, for programs that drive the demo; there only while it runs.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, data: &Path) -> anyhow::Result<()> {
        private_files::write(&data.join(FILE), &format!("{:#}\n", self.0))
    }

    /// The addresses are nobody's any more.
    pub fn remove(data: &Path) {
        let _ = std::fs::remove_file(data.join(FILE));
    }

    fn get(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or("-")
    }

    /// For the terminal.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let rows = [
            ("Shop, buy something here", self.get("shop").to_owned()),
            ("Its orders and the webhooks it verified", format!("{}/orders", self.get("shop"))),
            ("Console", self.get("console").to_owned()),
            ("  sign in as", format!("{}  password {}", self.get("console_email"), self.get("console_password"))),
            ("API over TLS", self.get("gateway_tls").to_owned()),
            ("  with", format!("curl --cacert {}", self.get("authority"))),
            ("  the shop's test key", self.get("secret_key").to_owned()),
            ("Stand-in PSP (cards are typed here)", self.get("psp").to_owned()),
        ];
        let _ = writeln!(text, "\nTollgate demo is running. No money moves.\n");
        for (what, value) in rows {
            let _ = writeln!(text, "  {what:<42}{value}");
        }
        let _ = writeln!(text, "\n  Cards to try (any future expiry date, any security code):\n");
        for card in MAGIC_CARDS {
            let _ = writeln!(text, "  {:<26}{}", spaced(card.number), card.meaning);
        }
        let _ = writeln!(
            text,
            "\n  What to click: open the shop, press \"Buy them all\", type a card, press Pay. You come back to the shop,\n  \
             which shows the order as paid once it has verified the signed webhook. Then look at the payment in the console.\n\n  \
             Ctrl-C stops everything; the next start finds it again.\n"
        );
        text
    }
}
