//! JSON lists of any length, value by value: one row in memory at a time, and its numbers as the text that they are.
//!
//! `serde_json` reads a decimal number as a float, and a list as a whole. So this finds where each value ends, puts its numbers
//! in quotes, and lets `serde_json` read the one value.

use std::fmt;
use std::io::{BufRead as _, BufReader, Read};

use serde::de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::bounded::{Bounded, LARGEST_FIELD};
use super::refused::{ReadError, Refused};

/// Brackets within brackets, inside one row.
const DEEPEST: usize = 16;

/// A document being read.
pub struct Json<R> {
    input: BufReader<Bounded<R>>,
    /// The value just found, as it stands.
    raw: Vec<u8>,
    /// The same with its numbers in quotes.
    quoted: Vec<u8>,
    /// The row at hand, for refusals.
    pub row: u64,
}

impl<R: Read> Json<R> {
    /// At the beginning of `input`; a byte order mark is passed over.
    pub fn open(input: R) -> Result<Self, ReadError> {
        let input = BufReader::with_capacity(64 * 1024, Bounded::new(input));
        let mut json = Self { input, raw: Vec::new(), quoted: Vec::new(), row: 0 };
        if json.look()? == Some(0xEF) {
            for byte in [0xEF, 0xBB, 0xBF] {
                json.expect(byte)?;
            }
        }
        Ok(json)
    }

    /// The next byte that is no space, if there is one; it stays.
    pub fn peek(&mut self) -> Result<Option<u8>, ReadError> {
        while let Some(byte) = self.look()? {
            if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
                return Ok(Some(byte));
            }
            self.input.consume(1);
        }
        Ok(None)
    }

    /// Passes over `wanted`, which must come next.
    pub fn expect(&mut self, wanted: u8) -> Result<(), ReadError> {
        match self.peek()? {
            Some(byte) if byte == wanted => {
                self.input.consume(1);
                Ok(())
            }
            Some(byte) => {
                Err(self.refuse(format!("{:?} where {:?} should stand", char::from(byte), char::from(wanted))))
            }
            None => Err(self.cut_off()),
        }
    }

    /// Between two values of a list or an object: whether there is another. `open` says that none has been read yet.
    pub fn more(&mut self, first: bool, end: u8) -> Result<bool, ReadError> {
        match self.peek()? {
            None => Err(self.cut_off()),
            Some(byte) if byte == end => {
                self.input.consume(1);
                Ok(false)
            }
            Some(_) if first => Ok(true),
            Some(_) => self.expect(b',').map(|()| true),
        }
    }

    /// The next row: counted, and an object.
    pub fn object(&mut self) -> Result<Object, ReadError> {
        self.row = self.row.saturating_add(1);
        match self.value()? {
            Value::Object(fields) => {
                let raw = String::from_utf8_lossy(&self.raw).into_owned();
                Ok(Object { number: self.row, fields, raw })
            }
            _ => Err(self.refuse("not an object".to_owned())),
        }
    }

    /// The next value, whole, with its numbers as text.
    pub fn value(&mut self) -> Result<Value, ReadError> {
        self.input.get_mut().begin_row();
        self.find()?;
        // As it stands, too: quotes would let a number pass that is none, such as 007.
        serde_json::from_slice::<IgnoredAny>(&self.raw)
            .and_then(|_| serde_json::from_slice(&self.quoted))
            .map(|Once(value)| value)
            .map_err(|error| self.refuse(if error.is_data() { TWICE } else { "not JSON" }.to_owned()))
    }

    fn find(&mut self) -> Result<(), ReadError> {
        self.raw.clear();
        self.quoted.clear();
        if self.peek()?.is_none() {
            return Err(self.cut_off());
        }
        let (mut depth, mut in_text, mut escaped, mut in_number) = (0_usize, false, false, false);
        while let Some(byte) = self.look()? {
            if in_text {
                in_text = escaped || byte != b'"';
                escaped = !escaped && byte == b'\\';
                self.take(byte)?;
                if !in_text && depth == 0 {
                    return Ok(());
                }
                continue;
            }
            let of_number =
                byte.is_ascii_digit() || byte == b'-' || (in_number && matches!(byte, b'.' | b'e' | b'E' | b'+'));
            if of_number != in_number {
                self.quoted.push(b'"');
                in_number = of_number;
            }
            match byte {
                // A value that is neither in brackets nor in quotes ends before what follows it.
                b',' | b':' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n' if depth == 0 => return Ok(()),
                b'"' => in_text = true,
                b'{' | b'[' => {
                    depth = depth.saturating_add(1);
                    if depth > DEEPEST {
                        return Err(self.refuse(format!("more than {DEEPEST} brackets within each other")));
                    }
                }
                b'}' | b']' => {
                    depth = depth.saturating_sub(1);
                    self.take(byte)?;
                    if depth == 0 {
                        return Ok(());
                    }
                    continue;
                }
                _ => {}
            }
            self.take(byte)?;
        }
        if depth == 0 && !in_text {
            if in_number {
                self.quoted.push(b'"');
            }
            return Ok(());
        }
        Err(self.cut_off())
    }

    fn take(&mut self, byte: u8) -> Result<(), ReadError> {
        self.raw.push(byte);
        self.quoted.push(byte);
        self.input.consume(1);
        // The reader's own limit counts from the last time it had to be filled; this one is exact.
        if u64::try_from(self.raw.len()).unwrap_or(u64::MAX) > super::bounded::LARGEST_ROW {
            return Err(self.refuse(super::bounded::TooLong::Row.to_string()));
        }
        Ok(())
    }

    fn look(&mut self) -> Result<Option<u8>, ReadError> {
        let row = Some(self.row).filter(|row| *row > 0);
        self.input.fill_buf().map(|buffer| buffer.first().copied()).map_err(|error| ReadError::of_io(error, row))
    }

    /// What is wrong, at the row at hand.
    pub fn refuse(&self, reason: String) -> ReadError {
        Refused { row: Some(self.row).filter(|row| *row > 0), field: None, reason }.into()
    }

    /// The file ends where it must not.
    pub fn cut_off(&self) -> ReadError {
        self.refuse("the file ends in the middle: it is cut off".to_owned())
    }
}

/// Why a value is refused that is JSON and not [`Once`].
const TWICE: &str = "one object has a field twice: which of them counts is not said";

/// A value in which no object has a field twice, and whose numbers are text.
struct Once(Value);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReadOnce).map(Self)
    }
}

struct ReadOnce;

impl<'de> Visitor<'de> for ReadOnce {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without numbers")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Once(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some((name, Once(value))) = object.next_entry::<String, Once>()? {
            if fields.insert(name, value).is_some() {
                return Err(A::Error::custom(TWICE));
            }
        }
        Ok(fields.into())
    }
}

/// One row: an object whose numbers are text.
pub struct Object {
    /// From 1.
    pub number: u64,
    fields: Map<String, Value>,
    /// As it stands in the file.
    pub raw: String,
}

impl Object {
    /// Refuses a row with a field that is not among `known`.
    pub fn knows(&self, known: &[&str]) -> Result<(), Refused> {
        match self.fields.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => {
                let name: String = name.chars().take(80).collect();
                Err(Refused::field(self.number, &name, "this version of the parser knows no such field"))
            }
            None => Ok(()),
        }
    }

    /// The value of a field, unless it is absent or null.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    /// The text or number of a field, trimmed, unless it is absent, null or empty.
    pub fn get(&self, name: &str) -> Result<Option<&str>, Refused> {
        text(self.value(name), self.number, name)
    }

    /// The same, to keep.
    pub fn some(&self, name: &str) -> Result<Option<String>, Refused> {
        self.get(name).map(|text| text.map(str::to_owned))
    }

    /// The same, which must be there.
    pub fn need(&self, name: &str) -> Result<&str, Refused> {
        self.get(name)?.ok_or_else(|| self.refuse(name, "nothing stands here"))
    }

    /// This row is refused for what stands in a field.
    pub fn refuse(&self, name: &str, reason: impl Into<String>) -> Refused {
        Refused::field(self.number, name, reason)
    }
}

/// The text or number in `value`, trimmed, unless there is none.
pub fn text<'a>(value: Option<&'a Value>, row: u64, name: &str) -> Result<Option<&'a str>, Refused> {
    match value {
        None => Ok(None),
        Some(Value::String(text)) if text.len() > LARGEST_FIELD => {
            Err(Refused::field(row, name, format!("longer than {LARGEST_FIELD} bytes")))
        }
        Some(Value::String(text)) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
        Some(_) => Err(Refused::field(row, name, "neither text nor a number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<String, String> {
        let mut json = Json::open(text.as_bytes()).map_err(|error| error.to_string())?;
        json.value().map(|value| value.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn numbers_stay_the_text_they_are() {
        for (read, is) in [
            ("12.340", r#""12.340""#),
            (" -0.10 ,", r#""-0.10""#),
            (
                r#"{"a":0.1,"b":[1,-2],"c":"3 \" 4","d":true,"e":null}"#,
                r#"{"a":"0.1","b":["1","-2"],"c":"3 \" 4","d":true,"e":null}"#,
            ),
            (r#""5\\" 6"#, r#""5\\""#),
            ("[]", "[]"),
        ] {
            assert_eq!(value(read).as_deref(), Ok(is), "{read}");
        }
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for wrong in ["", "{", "[1", "\"a", "[1}", "tr1ue", "nul", "'a'", "[1 2]"] {
            assert!(value(wrong).is_err(), "{wrong}");
        }
        assert!(value(&"[".repeat(40)).unwrap_err().contains("brackets"));
        for twice in [r#"{"a":1,"a":1}"#, r#"[{"b":{"a":null,"\u0061":2}}]"#] {
            assert_eq!(value(twice), Err(TWICE.to_owned()), "{twice}");
        }
        assert!(value(&format!("\"{}\"", "a".repeat(300_000))).unwrap_err().contains("longer"));
    }
}
