//! JSON read strictly: one object, no member twice, bounded depth, no NUL, nothing after it.
//!
//! `serde_json` alone lets the last of two equal members win, so two readers of one signed body could see different amounts.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Deeper than any request of ours, shallower than any stack.
const MAX_DEPTH: usize = 32;

/// Parses a body; the error says what is wrong and where.
pub fn parse(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Node { depth: 0 }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

#[derive(Clone, Copy)]
struct Node {
    depth: usize,
}

impl Node {
    fn inner<E: Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom(format_args!("nested deeper than {MAX_DEPTH} levels")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Node {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }
    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_f64<E: Error>(self, v: f64) -> Result<Value, E> {
        Number::from_f64(v).map(Value::Number).ok_or_else(|| E::custom("a number out of range"))
    }
    fn visit_str<E: Error>(self, v: &str) -> Result<Value, E> {
        text(v.to_owned()).map(Value::String)
    }
    fn visit_string<E: Error>(self, v: String) -> Result<Value, E> {
        text(v).map(Value::String)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let seed = self.inner()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(seed)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let seed = self.inner()?;
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let name = text(name)?;
            if map.contains_key(&name) {
                return Err(A::Error::custom(format_args!("the member `{name}` appears twice")));
            }
            let value = members.next_value_seed(seed)?;
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

/// PostgreSQL's text cannot hold NUL: refused here for every field at once, on both databases alike.
fn text<E: Error>(v: String) -> Result<String, E> {
    if v.contains('\0') { Err(E::custom("a string holds a NUL character")) } else { Ok(v) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(body: &str) -> String {
        parse(body.as_bytes()).map_or_else(|e| format!("refused: {e}"), |v| v.to_string())
    }

    #[test]
    fn reads_what_is_plain() {
        assert_eq!(
            refusal(r#" {"b":[1,-2,"x",null,true],"a":{"c":1.5}} "#),
            r#"{"a":{"c":1.5},"b":[1,-2,"x",null,true]}"#
        );
    }

    #[test]
    fn refuses_what_two_readers_could_read_differently() {
        assert!(refusal(r#"{"a":1,"a":2}"#).contains("`a` appears twice"));
        assert!(refusal(r#"{"x":{"a":1,"\u0061":2}}"#).contains("`a` appears twice"));
        assert!(refusal(r#"{"a":1} {"a":2}"#).contains("trailing"));
    }

    #[test]
    fn refuses_depth_nul_and_endless_numbers() {
        let deep = "[".repeat(100_000);
        assert!(refusal(&deep).contains("nested deeper"));
        assert!(refusal("{\"a\":\"\\u0000\"}").contains("NUL"));
        assert!(refusal("{\"\\u0000\":1}").contains("NUL"));
        assert!(refusal("{\"a\":1e999}").starts_with("refused"));
        assert!(parse(b"{\"a\":\"\xff\"}").is_err());
    }
}
