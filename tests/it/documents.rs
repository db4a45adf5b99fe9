//! The documents: what they point at exists, and what exists is on the map.

use std::path::{Path, PathBuf};

use crate::support::source;

/// Every Markdown file of ours.
fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["", "docs", "docs/adr"] {
        let entries = std::fs::read_dir(source::root().join(folder)).unwrap();
        found.extend(entries.map(|it| it.unwrap().path()).filter(|it| it.extension().is_some_and(|end| end == "md")));
    }
    assert!(found.len() > 10, "{found:?}");
    found
}

/// The targets of `](..)` that lie in this repository.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .filter(|it| !it.contains("://") && !it.starts_with('#'))
}

#[test]
fn every_link_leads_somewhere() {
    let mut broken = Vec::new();
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        for link in links(&text) {
            let target = document.parent().unwrap().join(link.split('#').next().unwrap());
            if !target.exists() {
                broken.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_decision_is_in_the_list() {
    let list = std::fs::read_to_string(source::root().join("docs/adr/README.md")).unwrap();
    for document in documents().iter().filter(|it| it.parent().is_some_and(|folder| folder.ends_with("adr"))) {
        let name = document.file_name().unwrap().to_str().unwrap();
        assert!(name == "README.md" || list.contains(name), "{name} is not in docs/adr/README.md");
    }
}

#[test]
fn every_part_is_on_the_map_and_the_map_stays_short() {
    let map = std::fs::read_to_string(source::root().join("ARCHITECTURE.md")).unwrap();
    assert!(map.lines().count() < 150);
    let (picture, _) = map.split_once("Parts of one rank").unwrap();
    for module in std::fs::read_dir(source::root().join("src")).unwrap() {
        let path = module.unwrap().path();
        let name = Path::new(path.file_name().unwrap()).with_extension("");
        let name = name.to_str().unwrap();
        assert!(["lib", "main"].contains(&name) || picture.contains(&format!("{name} ")), "{name} is not on the map");
    }
}
