//! What was ordered and what was heard about it: a list in memory, and a file of lines that brings it back.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// One order, newest fact last.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    /// The checkout session that asks for the money.
    pub session: String,
    /// The shop's own order number; comes back in webhooks.
    pub reference: String,
    /// What was ordered, in the shopper's language.
    pub items: Vec<String>,
    /// Won.
    pub amount: String,
    /// A verified webhook said so.
    #[serde(default)]
    pub paid: bool,
    /// Verified webhooks about it.
    #[serde(default)]
    pub heard: Vec<Heard>,
}

impl Order {
    /// The amount with its thousands apart.
    pub fn amount_read(&self) -> String {
        super::catalogue::grouped(&self.amount)
    }
}

/// One webhook whose signature was checked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Heard {
    /// `webhook-id`; the same on every retry.
    pub id: String,
    /// Such as `checkout.session.completed`.
    pub kind: String,
    /// When, RFC 3339.
    pub at: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Placed(Order),
    Heard { session: String, paid: bool, webhook: Heard },
}

/// All orders.
#[derive(Debug)]
pub struct OrderBook {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    orders: Vec<Order>,
    refused: u32,
    file: File,
}

impl OrderBook {
    /// Reads the file at `path`, or starts one.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let mut orders = Vec::new();
        let file = OpenOptions::new().read(true).append(true).create(true).open(path);
        let file = file.with_context(|| format!("cannot open {}", path.display()))?;
        for line in BufReader::new(&file).lines() {
            // A last line cut short by a crash is only the end of a demo's memory.
            if let Ok(line) = serde_json::from_str(&line.unwrap_or_default()) {
                apply(&mut orders, line);
            }
        }
        Ok(Self { inner: Mutex::new(Inner { orders, refused: 0, file }) })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a new order.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn place(&self, order: Order) -> std::io::Result<()> {
        self.lock().write(Line::Placed(order))
    }

    /// Remembers a verified webhook once, however often it is delivered. False when no order fits.
    ///
    /// # Errors
    /// The file cannot be written: the gateway is told, and tries again.
    pub fn hear(&self, fits: impl Fn(&Order) -> bool, paid: bool, webhook: Heard) -> std::io::Result<bool> {
        let mut inner = self.lock();
        let Some(order) = inner.orders.iter().find(|it| fits(it)) else { return Ok(false) };
        if !order.heard.iter().any(|it| it.id == webhook.id) {
            let session = order.session.clone();
            inner.write(Line::Heard { session, paid, webhook })?;
        }
        Ok(true)
    }

    /// Counts a message that was not believed.
    pub fn refuse(&self) {
        let mut inner = self.lock();
        inner.refused = inner.refused.saturating_add(1);
    }

    /// How many messages were not believed since the start.
    pub fn refused(&self) -> u32 {
        self.lock().refused
    }

    /// One order by its session.
    pub fn find(&self, session: &str) -> Option<Order> {
        self.lock().orders.iter().find(|it| it.session == session).cloned()
    }

    /// Newest first.
    pub fn newest(&self, limit: usize) -> Vec<Order> {
        self.lock().orders.iter().rev().take(limit).cloned().collect()
    }

    /// The next order number.
    pub fn next_reference(&self) -> String {
        format!("SHOP-{:05}", self.lock().orders.len().saturating_add(1))
    }
}

impl Inner {
    fn write(&mut self, line: Line) -> std::io::Result<()> {
        let mut text = serde_json::to_vec(&line)?;
        text.push(b'\n');
        self.file.write_all(&text)?;
        apply(&mut self.orders, line);
        Ok(())
    }
}

fn apply(orders: &mut Vec<Order>, line: Line) {
    match line {
        Line::Placed(order) => orders.push(order),
        Line::Heard { session, paid, webhook } => {
            if let Some(order) = orders.iter_mut().find(|it| it.session == session) {
                order.paid |= paid;
                order.heard.push(webhook);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> Order {
        Order {
            session: "cs_1".into(),
            reference: "SHOP-00001".into(),
            items: vec!["Moon jar".into()],
            amount: "48000".into(),
            paid: false,
            heard: Vec::new(),
        }
    }

    fn heard(id: &str) -> Heard {
        Heard { id: id.into(), kind: "checkout.session.completed".into(), at: "2026-01-01T00:00:00Z".into() }
    }

    #[test]
    fn a_repeated_webhook_counts_once_and_everything_survives_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("orders.jsonl");
        let book = OrderBook::open(&path).unwrap();
        book.place(order()).unwrap();
        for _ in 0..2 {
            assert!(book.hear(|it| it.session == "cs_1", true, heard("evt_1")).unwrap());
        }
        assert!(!book.hear(|it| it.session == "cs_2", true, heard("evt_2")).unwrap());
        for book in [book, OrderBook::open(&path).unwrap()] {
            let found = book.find("cs_1").unwrap();
            assert!(found.paid);
            assert_eq!(found.heard.len(), 1);
            assert_eq!(book.next_reference(), "SHOP-00002");
        }
    }
}
