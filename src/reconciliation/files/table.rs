//! A CSV file with headings, row by row, by the names of its columns.

use std::collections::HashMap;
use std::io::Read;

use csv::{ErrorKind, ReaderBuilder, StringRecord};

use super::bounded::{Bounded, LARGEST_FIELD};
use super::refused::{ReadError, Refused};

/// Columns of a file.
const MOST_COLUMNS: usize = 500;

/// A file being read.
pub struct Table<R> {
    reader: csv::Reader<Bounded<R>>,
    columns: HashMap<String, usize>,
    headings: Vec<String>,
    record: StringRecord,
    number: u64,
}

/// One row of it.
pub struct Row<'a> {
    /// From 1, headings not counted.
    pub number: u64,
    columns: &'a HashMap<String, usize>,
    headings: &'a [String],
    record: &'a StringRecord,
}

impl<R: Read> Table<R> {
    /// Reads the headings. Each must be `known`, and all of `required` must be there.
    pub fn open(input: R, delimiter: u8, known: impl Fn(&str) -> bool, required: &[&str]) -> Result<Self, ReadError> {
        let mut reader = ReaderBuilder::new().delimiter(delimiter).has_headers(false).from_reader(Bounded::new(input));
        let mut record = StringRecord::new();
        if !reader.read_record(&mut record).map_err(|error| wrong(error, None))? {
            return Err(Refused::file("it is empty: not even headings").into());
        }
        if record.len() > MOST_COLUMNS {
            return Err(Refused::file(format!("{} columns, at most {MOST_COLUMNS} are read", record.len())).into());
        }
        let headings: Vec<String> = record.iter().map(|heading| heading.trim().to_owned()).collect();
        let mut columns = HashMap::new();
        for (place, heading) in headings.iter().enumerate() {
            if !known(heading) {
                return Err(Refused::whole(&clipped(heading), "this version of the parser knows no such column").into());
            }
            if columns.insert(heading.clone(), place).is_some() {
                return Err(Refused::whole(&clipped(heading), "two columns have this name").into());
            }
        }
        if let Some(missing) = required.iter().find(|name| !columns.contains_key(**name)) {
            return Err(Refused::whole(missing, "this column is missing").into());
        }
        Ok(Self { reader, columns, headings, record, number: 0 })
    }

    /// Whether there is a column of this name.
    pub fn has(&self, name: &str) -> bool {
        self.columns.contains_key(name)
    }

    /// The next row; none at the end of a file that is whole.
    pub fn next(&mut self) -> Result<Option<Row<'_>>, ReadError> {
        self.reader.get_mut().begin_row();
        let number = self.number.saturating_add(1);
        if !self.reader.read_record(&mut self.record).map_err(|error| wrong(error, Some(number)))? {
            return self.is_whole().map(|()| None);
        }
        self.number = number;
        for (place, field) in self.record.iter().enumerate() {
            if field.len() > LARGEST_FIELD {
                let heading = self.headings.get(place).map_or("", String::as_str);
                return Err(Refused::field(number, heading, format!("longer than {LARGEST_FIELD} bytes")).into());
            }
        }
        Ok(Some(Row { number, columns: &self.columns, headings: &self.headings, record: &self.record }))
    }

    /// At the end: every quote is closed, and the last row has an end of line, for its last field may have been cut off.
    fn is_whole(&self) -> Result<(), ReadError> {
        let reason = if !self.reader.get_ref().quotes_are_closed() {
            "a quote is never closed: the file is cut off or damaged"
        } else if !self.reader.get_ref().line_is_ended() {
            "the last row has no end of line: the file seems to be cut off; when it is whole, add a line end"
        } else {
            return Ok(());
        };
        Err(Refused { row: Some(self.number).filter(|row| *row > 0), field: None, reason: reason.to_owned() }.into())
    }
}

impl Row<'_> {
    /// What stands in a column, trimmed; empty when there is no such column.
    pub fn get(&self, name: &str) -> &str {
        self.columns.get(name).and_then(|place| self.record.get(*place)).unwrap_or_default().trim()
    }

    /// What stands in a column, if anything does.
    pub fn some(&self, name: &str) -> Option<String> {
        Some(self.get(name)).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// What must stand in a column.
    pub fn need(&self, name: &str) -> Result<&str, Refused> {
        let text = self.get(name);
        if text.is_empty() { Err(self.refuse(name, "nothing stands here")) } else { Ok(text) }
    }

    /// This row is refused for what stands in a column.
    pub fn refuse(&self, name: &str, reason: impl Into<String>) -> Refused {
        Refused::field(self.number, name, reason)
    }

    /// Whether every field is empty.
    pub fn is_blank(&self) -> bool {
        self.record.iter().all(|field| field.trim().is_empty())
    }

    /// The row as JSON, empty fields left out.
    pub fn raw(&self) -> String {
        let fields = self.headings.iter().zip(self.record).filter(|(_, field)| !field.is_empty());
        let map: serde_json::Map<String, serde_json::Value> =
            fields.map(|(heading, field)| (heading.clone(), field.into())).collect();
        serde_json::Value::Object(map).to_string()
    }
}

fn wrong(error: csv::Error, row: Option<u64>) -> ReadError {
    let refused = |reason: String| ReadError::Refused(Refused { row, field: None, reason });
    match error.into_kind() {
        ErrorKind::Io(error) => ReadError::of_io(error, row),
        ErrorKind::Utf8 { .. } => refused("not UTF-8".to_owned()),
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            refused(format!("{len} fields where the headings have {expected_len}: the file is cut off or damaged"))
        }
        _ => refused("not CSV".to_owned()),
    }
}

fn clipped(heading: &str) -> String {
    heading.chars().take(80).collect()
}
