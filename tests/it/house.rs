//! The walls of the house: who may know whom, and where each thing has its one home.
//! These tests read the sources, so that a wall broken in passing is seen the same day.

use std::collections::BTreeSet;

use crate::support::source::{self, Source};

/// A module may import those of lower rank, never one of its own rank.
const RANKS: &[(usize, &[&str])] = &[
    (0, &["words", "sabotage", "steps"]),
    (1, &["db", "keyring", "listener", "outbound"]),
    (2, &["config"]),
    (3, &["psp", "simulator"]),
    (4, &["app"]),
    (5, &["merchants", "ledger", "events", "idempotency", "queue", "risk", "operators"]),
    (6, &["wallets", "webhooks"]),
    (7, &["checkout"]),
    (8, &["payments"]),
    (9, &["payouts", "integrity", "dead_letters", "corrections"]),
    (10, &["reconciliation", "attestations"]),
    (11, &["http", "worker"]),
    (12, &["cli"]),
];

/// Forbidden although the ranks would allow it.
const STRANGERS: &[(&str, &str, &str)] = &[
    ("psp", "db", "an adapter speaks to a PSP; what is stored is the caller's affair"),
    ("checkout", "webhooks", "it appends events; webhooks reads them"),
    ("payments", "webhooks", "it appends events; webhooks reads them"),
];

/// Where a method banned by clippy.toml may be called all the same.
const HOMES: &[(&str, &str)] = &[
    ("src/words/clock.rs", "the clock"),
    ("src/words/id.rs", "ids"),
    ("src/words/secret.rs", "random bytes"),
    ("src/outbound/mod.rs", "the HTTP client"),
    ("src/config/load.rs", "the environment"),
];

#[test]
fn nobody_imports_upwards() {
    let broken: Vec<String> = source::all().iter().flat_map(broken_imports).collect();
    assert!(broken.is_empty(), "imports against the ranks (ARCHITECTURE.md):\n{}", broken.join("\n"));
}

#[test]
fn sql_stands_only_in_stores() {
    let broken: Vec<String> = source::all().iter().flat_map(misplaced_sql).collect();
    assert!(broken.is_empty(), "SQL outside store.rs and db/:\n{}", broken.join("\n"));
}

#[test]
fn banned_methods_have_one_home() {
    let broken: Vec<String> = source::all().iter().flat_map(escapes).collect();
    assert!(broken.is_empty(), "a ban of clippy.toml lifted outside its home:\n{}", broken.join("\n"));
}

#[test]
fn money_never_meets_a_float() {
    let broken: Vec<String> = source::all()
        .iter()
        .filter(|source| MONEY.contains(&source.module()))
        .flat_map(|source| {
            words(&source.code)
                .filter(|(_, word)| ["f32", "f64"].contains(word))
                .map(|(at, word)| place(source, at, word))
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(broken.is_empty(), "a float where money is:\n{}", broken.join("\n"));
}

/// The modules that hold amounts.
const MONEY: &[&str] = &[
    "words",
    "db",
    "psp",
    "ledger",
    "wallets",
    "checkout",
    "payments",
    "payouts",
    "reconciliation",
    "risk",
    "simulator",
];

#[test]
fn every_slice_says_why_it_exists() {
    let silent: Vec<String> = source::all()
        .iter()
        .filter(|source| source.path.ends_with("/mod.rs") && source.path.matches('/').count() == 2)
        .map(|source| source.path.clone())
        .filter(|path| !std::fs::read_to_string(source::root().join(path)).unwrap().starts_with("//!"))
        .collect();
    assert!(silent.is_empty(), "a mod.rs without a word on why it exists: {silent:?}");
}

#[test]
fn both_databases_have_the_same_migrations() {
    let names = |folder: &str| -> BTreeSet<String> {
        std::fs::read_dir(source::root().join("migrations").join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    };
    let (sqlite, postgres) = (names("sqlite"), names("postgres"));
    assert!(!sqlite.is_empty());
    assert_eq!(sqlite, postgres);
    let numbers: BTreeSet<&str> = sqlite.iter().map(|name| name.split('_').next().unwrap()).collect();
    assert_eq!(numbers.len(), sqlite.len(), "two migrations share a number: {sqlite:?}");
}

fn rank(module: &str) -> Option<usize> {
    RANKS.iter().find(|(_, modules)| modules.contains(&module)).map(|(rank, _)| *rank)
}

fn broken_imports(source: &Source) -> Vec<String> {
    let module = source.module();
    if ["lib", "main"].contains(&module) {
        return Vec::new();
    }
    let Some(own) = rank(module) else {
        return vec![format!(
            "{}: the module `{module}` has no rank; give it one in tests/it/house.rs and ARCHITECTURE.md",
            source.path
        )];
    };
    let mut broken = Vec::new();
    for (at, other) in imports(&source.code) {
        if other == module {
            continue;
        }
        match rank(&other) {
            // Items at the crate's root and macros have no rank.
            None => {}
            Some(rank) if rank >= own => {
                broken.push(place(source, at, &format!("{module} (rank {own}) imports {other} (rank {rank})")));
            }
            Some(_) => {
                if let Some((.., why)) = STRANGERS.iter().find(|(a, b, _)| *a == module && *b == other) {
                    broken.push(place(source, at, &format!("{module} imports {other}: {why}")));
                }
            }
        }
    }
    broken
}

/// The first segment after every `crate::`, those in `crate::{a, b::c}` too.
fn imports(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let (mut depth, mut fresh) = (1, true);
            for (i, c) in group.char_indices() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 1 => fresh = true,
                    c if fresh && depth == 1 && is_word(c) => {
                        found.push((at, first_word(&group[i..]).to_owned()));
                        fresh = false;
                    }
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
        } else {
            found.push((at, first_word(rest).to_owned()));
        }
    }
    found
}

fn misplaced_sql(source: &Source) -> Vec<String> {
    if source.is_store() {
        return Vec::new();
    }
    source
        .literals
        .iter()
        .filter(|literal| looks_like_sql(&literal.text))
        .map(|literal| format!("{}:{}: {}", source.path, literal.line, literal.text.lines().next().unwrap_or_default()))
        .collect()
}

fn looks_like_sql(text: &str) -> bool {
    let text = text.trim_start().to_ascii_lowercase();
    [
        ("select ", " from "),
        ("insert into ", ""),
        ("update ", " set "),
        ("delete from ", ""),
        ("with ", " select "),
        ("create table ", ""),
        ("alter table ", ""),
        ("drop table ", ""),
        ("pragma ", ""),
    ]
    .iter()
    .any(|(first, then)| text.starts_with(first) && text.replace('\n', " ").contains(then))
}

fn escapes(source: &Source) -> Vec<String> {
    if HOMES.iter().any(|(home, _)| source.path == *home) || source.module() == "cli" {
        return Vec::new();
    }
    source
        .code
        .match_indices("clippy::disallowed_methods")
        .map(|(at, _)| place(source, at, "belongs in the thing's home"))
        .collect()
}

fn place(source: &Source, at: usize, what: &str) -> String {
    format!("{}:{}: {what}", source.path, source.line_at(at))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn first_word(text: &str) -> &str {
    &text[..text.find(|c| !is_word(c)).unwrap_or(text.len())]
}

fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.char_indices()
        .filter(|(at, c)| is_word(*c) && !code[..*at].chars().next_back().is_some_and(is_word))
        .map(|(at, _)| (at, first_word(&code[at..])))
}

/// The tests above pass on a sound house; these show that they fail on a broken one.
mod a_broken_wall_is_seen {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source::parse(path, text)
    }

    #[test]
    fn an_import_upwards_or_sideways() {
        for text in [
            "use crate::payments::settle;",
            "use crate::{words::Money, payments};",
            "fn f() { crate::http::routes() }",
            "use crate::events;",
        ] {
            assert_eq!(broken_imports(&source("src/ledger/post.rs", text)).len(), 1, "{text}");
        }
        for text in [
            "use crate::words::Money;",
            "// use crate::payments;",
            "use crate::{db::{Tx, payments}, words};",
            "use crate::ledger::x;",
        ] {
            assert_eq!(broken_imports(&source("src/ledger/post.rs", text)), Vec::<String>::new(), "{text}");
        }
        assert_eq!(broken_imports(&source("src/psp/stripe/mod.rs", "use crate::db::Tx;")).len(), 1);
        assert_eq!(broken_imports(&source("src/drawer/mod.rs", "")).len(), 1);
    }

    #[test]
    fn sql_in_the_wrong_room() {
        let text = "f(\"select id\n from payments\", \"Select a card\", r\"insert into t values (1)\")";
        assert_eq!(misplaced_sql(&source("src/payments/settle.rs", text)).len(), 2);
        assert!(misplaced_sql(&source("src/payments/store.rs", text)).is_empty());
    }

    #[test]
    fn a_ban_lifted_elsewhere() {
        let text = "#[expect(clippy::disallowed_methods, reason = \"now\")]";
        assert_eq!(escapes(&source("src/ledger/post.rs", text)).len(), 1);
        assert!(escapes(&source("src/words/clock.rs", text)).is_empty());
    }

    #[test]
    fn a_float() {
        let found: Vec<_> =
            words("let a: f64 = my_f64; // f32").map(|(_, word)| word).filter(|word| *word == "f64").collect();
        assert_eq!(found, ["f64"]);
    }
}
