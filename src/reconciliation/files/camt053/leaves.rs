//! Elements of a bank's XML as a flat list of what stands in them: safe, bounded, and by local names alone.
//!
//! Refuses a document type, an entity that is not one of XML's own five, a character set other than UTF-8, and whatever is
//! deeper or larger than a statement is. Nothing is ever fetched.

use std::io::{BufReader, Read};

use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Error, Reader};
use serde_json::{Map, Value};

use crate::reconciliation::files::bounded::{Bounded, LARGEST_FIELD, LARGEST_ROW};
use crate::reconciliation::files::refused::{ReadError, Refused};

/// Elements within elements.
const DEEPEST: usize = 32;
/// Texts of one entry: a batch booking has about twenty for each of its transactions.
const MOST_LEAVES: usize = 200_000;
/// Texts of an entry outside of its transactions.
const MOST_OWN: usize = 500;
/// Transactions of an entry.
const MOST_TRANSACTIONS: usize = 5_000;
/// Bytes of one text.
const LARGEST_TEXT: usize = 64 * 1024;
/// Bytes of the texts of one entry.
const LARGEST_ENTRY: usize = 16 * 1024 * 1024;

/// What an XML document is made of, for whoever walks it.
pub enum Piece {
    /// An element begins: its local name.
    Begin(String),
    /// The element that began last ends.
    End,
    /// The document ends, with every element closed.
    Over,
}

/// An XML document being walked.
pub struct Walk<R: Read> {
    reader: Reader<BufReader<Bounded<R>>>,
    buffer: Vec<u8>,
    depth: usize,
    /// An empty element has begun and its end is still to be told.
    empty: bool,
    /// The attributes of the element that began last, by local name.
    pub attributes: Vec<(String, String)>,
    /// The text so far in the element that began last.
    pub text: String,
    /// The entry at hand, for refusals.
    pub row: u64,
}

impl<R: Read> Walk<R> {
    /// At the beginning of `input`.
    pub fn open(input: R) -> Self {
        let mut reader = Reader::from_reader(BufReader::new(Bounded::new(input)));
        reader.config_mut().check_end_names = true;
        let (buffer, attributes, text) = (Vec::new(), Vec::new(), String::new());
        Self { reader, buffer, depth: 0, empty: false, attributes, text, row: 0 }
    }

    /// The next beginning or end. Text in between is collected in [`Self::text`].
    pub fn next(&mut self) -> Result<Piece, ReadError> {
        if std::mem::take(&mut self.empty) {
            self.depth = self.depth.saturating_sub(1);
            return Ok(Piece::End);
        }
        loop {
            self.reader.get_mut().get_mut().begin_row();
            let mut buffer = std::mem::take(&mut self.buffer);
            buffer.clear();
            let row = Some(self.row).filter(|row| *row > 0);
            let event = self.reader.read_event_into(&mut buffer).map_err(|error| wrong(error, row))?;
            let step = self.step(event)?;
            self.buffer = buffer;
            if let Some(piece) = step {
                return Ok(piece);
            }
        }
    }

    fn step(&mut self, event: Event<'_>) -> Result<Option<Piece>, ReadError> {
        match event {
            Event::Start(element) => return self.begin(&element).map(Some),
            Event::Empty(element) => {
                self.empty = true;
                return self.begin(&element).map(Some);
            }
            Event::End(_) => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    self.text.clear();
                }
                return Ok(Some(Piece::End));
            }
            Event::Text(text) => {
                let text = text.decode().map_err(|_| self.refuse("not UTF-8"))?;
                self.text.push_str(&text);
            }
            Event::CData(text) => {
                let text = text.decode().map_err(|_| self.refuse("not UTF-8"))?;
                self.text.push_str(&text);
            }
            Event::GeneralRef(reference) => {
                let known = character(&reference);
                self.text.push(known.ok_or_else(|| self.refuse("an entity of its own; a statement has none"))?);
            }
            Event::DocType(_) => return Err(self.refuse("a document type (DTD); a statement has none")),
            Event::Decl(decl) => {
                let utf8 = match decl.encoding() {
                    None => true,
                    Some(Ok(name)) => name.eq_ignore_ascii_case(b"utf-8"),
                    Some(Err(_)) => false,
                };
                if !utf8 {
                    return Err(self.refuse("it is not in UTF-8"));
                }
            }
            Event::Comment(_) | Event::PI(_) => {}
            Event::Eof if self.depth == 0 => return Ok(Some(Piece::Over)),
            Event::Eof => return Err(self.cut_off()),
        }
        if self.depth == 0 && !self.text.trim().trim_start_matches('\u{feff}').is_empty() {
            return Err(self.refuse("not XML"));
        }
        if self.text.len() > LARGEST_TEXT {
            return Err(self.refuse("a text that is longer than any in a statement"));
        }
        Ok(None)
    }

    fn begin(&mut self, element: &BytesStart<'_>) -> Result<Piece, ReadError> {
        if self.depth >= DEEPEST {
            return Err(self.refuse("more elements within each other than a statement has"));
        }
        let name = begin(element, &mut self.attributes).map_err(|reason| self.refuse(&reason))?;
        self.depth = self.depth.saturating_add(1);
        self.text.clear();
        Ok(Piece::Begin(name))
    }

    /// The file ends where it must not.
    pub fn cut_off(&self) -> ReadError {
        self.refuse("the file ends in the middle: it is cut off")
    }

    /// Everything inside the element that began last, to its end.
    pub fn inside(&mut self) -> Result<Leaves, ReadError> {
        let mut leaves = Leaves::default();
        let mut path: Vec<Place> = Vec::new();
        // Whether the text at hand is that of the element that ends next: after a child has ended it is not.
        let mut own = false;
        loop {
            match self.next()? {
                Piece::Begin(name) => {
                    let place = leaves.place(path.last(), &name);
                    for (attribute, value) in std::mem::take(&mut self.attributes) {
                        leaves.add(place.transaction, format!("{}@{attribute}", place.path), value);
                    }
                    path.push(place);
                    own = true;
                }
                Piece::End => {
                    let Some(place) = path.pop() else { return Ok(leaves) };
                    let text = self.text.trim();
                    if own && !text.is_empty() {
                        leaves.add(place.transaction, place.path, text.to_owned());
                    }
                    own = false;
                }
                Piece::Over => return Err(self.cut_off()),
            }
            if leaves.are_too_many() {
                return Err(self.refuse("larger than any entry of a statement"));
            }
        }
    }

    /// What is wrong, at the entry at hand.
    pub fn refuse(&self, reason: &str) -> ReadError {
        Refused { row: Some(self.row).filter(|row| *row > 0), field: None, reason: reason.to_owned() }.into()
    }
}

/// Where an element stands within another.
struct Place {
    path: String,
    transaction: usize,
}

/// One text of an element, or one attribute (`Amt@Ccy`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Local names from the element down, with `/` between.
    pub path: String,
    /// What stands there, trimmed.
    pub text: String,
}

/// Everything that stands in an element: first what is in none of its transactions (`TxDtls`), then one by one what is in each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leaves {
    parts: Vec<Vec<Leaf>>,
    count: usize,
    size: usize,
}

impl Leaves {
    fn place(&mut self, within: Option<&Place>, name: &str) -> Place {
        if self.parts.is_empty() {
            self.parts.push(Vec::new());
        }
        let mut transaction = within.map_or(0, |place| place.transaction);
        if name == "TxDtls" && transaction == 0 {
            transaction = self.parts.len();
            self.parts.push(Vec::new());
        }
        let path = within.map_or_else(|| name.to_owned(), |place| format!("{}/{name}", place.path));
        Place { path, transaction }
    }

    fn add(&mut self, transaction: usize, path: String, text: String) {
        self.count = self.count.saturating_add(1);
        self.size = self.size.saturating_add(path.len()).saturating_add(text.len());
        if let Some(part) = self.parts.get_mut(transaction) {
            part.push(Leaf { path, text });
        }
    }

    /// What is kept of an element has limits, and so has the work that a transaction makes.
    fn are_too_many(&self) -> bool {
        let own = self.parts.first().map_or(0, Vec::len);
        self.count > MOST_LEAVES || self.size > LARGEST_ENTRY || self.parts.len() > MOST_TRANSACTIONS || own > MOST_OWN
    }

    /// The first text at `path`, in a transaction, counted from 1, or (0) outside of them.
    pub fn at(&self, transaction: usize, path: &str) -> Option<&str> {
        self.parts.get(transaction)?.iter().find(|leaf| leaf.path == path).map(|leaf| leaf.text.as_str())
    }

    /// How many transactions it has.
    pub fn transactions(&self) -> usize {
        self.parts.len().saturating_sub(1)
    }

    /// What belongs to one transaction and to the element as a whole; to all of them when `transaction` is 0.
    pub fn of(&self, transaction: usize) -> impl Iterator<Item = &Leaf> {
        let (own, rest) = self.parts.split_first().map_or((&[][..], &[][..]), |(own, rest)| (own.as_slice(), rest));
        let rest = match transaction.checked_sub(1) {
            None => rest,
            Some(index) => rest.get(index..=index).unwrap_or_default(),
        };
        own.iter().chain(rest.iter().flatten())
    }

    /// The element as JSON, cut where it is larger than a row may be.
    pub fn raw(&self, transaction: usize) -> String {
        let mut map = Map::new();
        let mut size = 0_usize;
        for leaf in self.of(transaction) {
            size = size.saturating_add(leaf.path.len()).saturating_add(leaf.text.len());
            if u64::try_from(size).unwrap_or(u64::MAX) > LARGEST_ROW / 4 {
                map.insert("...".to_owned(), Value::from("more, in the file itself"));
                break;
            }
            let text = Value::from(leaf.text.as_str());
            match map.get_mut(&leaf.path) {
                None => {
                    map.insert(leaf.path.clone(), text);
                }
                Some(Value::Array(all)) => all.push(text),
                Some(one) => *one = Value::Array(vec![one.take(), text]),
            }
        }
        Value::Object(map).to_string()
    }
}

fn begin(element: &BytesStart<'_>, attributes: &mut Vec<(String, String)>) -> Result<String, String> {
    attributes.clear();
    for attribute in element.attributes() {
        let attribute = attribute.map_err(|_| "not XML")?;
        let value = attribute.value.as_ref();
        if value.contains(&b'&') || value.len() > LARGEST_FIELD {
            return Err("an attribute that no statement has".to_owned());
        }
        let name = String::from_utf8(attribute.key.local_name().as_ref().to_vec()).map_err(|_| "not UTF-8")?;
        attributes.push((name, String::from_utf8(value.to_vec()).map_err(|_| "not UTF-8")?.trim().to_owned()));
    }
    let name = String::from_utf8(element.local_name().as_ref().to_vec()).map_err(|_| "not UTF-8")?;
    if name.len() > 100 { Err("an element that no statement has".to_owned()) } else { Ok(name) }
}

/// The character for which one of XML's own references stands.
fn character(reference: &BytesRef<'_>) -> Option<char> {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return Some(character);
    }
    let name: &[u8] = reference;
    match name {
        b"lt" => Some('<'),
        b"gt" => Some('>'),
        b"amp" => Some('&'),
        b"quot" => Some('"'),
        b"apos" => Some('\''),
        _ => None,
    }
}

fn wrong(error: Error, row: Option<u64>) -> ReadError {
    match error {
        Error::Io(error) => {
            let kind = error.kind();
            let owned = std::sync::Arc::try_unwrap(error)
                .unwrap_or_else(|shared| std::io::Error::new(kind, shared.to_string()));
            ReadError::of_io(owned, row)
        }
        Error::Syntax(_) => Refused { row, field: None, reason: "not XML, or cut off in the middle".to_owned() }.into(),
        other => Refused { row, field: None, reason: format!("not XML: {other}").chars().take(200).collect() }.into(),
    }
}
