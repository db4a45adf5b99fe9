//! The text that `concat!` and a file's own `macro_rules!` around it put together at compile time.
//! Just enough of the macro language for statements assembled from literals; anything else is `None`.

use std::collections::HashMap;
use std::ops::Range;

use super::{Source, closing};

/// One `macro_rules!` with its arms.
pub struct Definition {
    name: String,
    pub range: Range<usize>,
    arms: Vec<Arm>,
}

struct Arm {
    /// The names of its parameters, and whether they repeat.
    parameters: Vec<String>,
    repeats: bool,
    /// Inside the parentheses of its `concat!`.
    concat: Option<Range<usize>>,
}

/// A call that stands in no other call and no definition.
pub struct Call {
    name: String,
    pub range: Range<usize>,
}

type Bindings = HashMap<String, Vec<String>>;

pub fn definitions(code: &str) -> Vec<Definition> {
    code.match_indices("macro_rules!")
        .filter_map(|(at, keyword)| {
            let after = at + keyword.len();
            let open = after + code[after..].find('{')?;
            let close = closing(code, open)?;
            let name = code[after..open].trim().to_owned();
            Some(Definition { name, range: at..close + 1, arms: arms(code, open + 1..close) })
        })
        .collect()
}

fn arms(code: &str, inside: Range<usize>) -> Vec<Arm> {
    let mut found = Vec::new();
    let mut from = inside.start;
    while let Some(pattern) = code[from..inside.end].find('(').map(|at| from + at) {
        let Some(pattern_end) = closing(code, pattern) else { break };
        let Some(body) = code[pattern_end..inside.end].find('{').map(|at| pattern_end + at) else { break };
        let Some(body_end) = closing(code, body) else { break };
        let text = &code[pattern..pattern_end];
        let concat = code[body..body_end].find("concat!(").and_then(|at| {
            let open = body + at + "concat!".len();
            Some(open + 1..closing(code, open)?)
        });
        found.push(Arm {
            parameters: text
                .match_indices('$')
                .map(|(at, _)| word(&text[at + 1..]))
                .filter(|name| !name.is_empty())
                .collect(),
            repeats: text.contains("$("),
            concat,
        });
        from = body_end + 1;
    }
    found
}

pub fn calls(code: &str, definitions: &[Definition]) -> Vec<Call> {
    let names = definitions
        .iter()
        .filter(|definition| definition.arms.iter().any(|arm| arm.concat.is_some()))
        .map(|definition| definition.name.as_str())
        .chain(["concat"]);
    let mut found: Vec<Call> = names
        .flat_map(|name| {
            code.match_indices(&format!("{name}!("))
                .filter(|(at, _)| !code[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
                .filter_map(|(at, call)| {
                    Some(Call { name: name.to_owned(), range: at..closing(code, at + call.len() - 1)? + 1 })
                })
                .collect::<Vec<_>>()
        })
        .filter(|call| !definitions.iter().any(|definition| definition.range.contains(&call.range.start)))
        .collect();
    found.sort_by_key(|call| call.range.start);
    let mut end = 0;
    found.retain(|call| {
        let outermost = call.range.start >= end;
        end = end.max(call.range.end);
        outermost
    });
    found
}

pub fn text(source: &Source, code: &str, definitions: &[Definition], call: &Call) -> Option<String> {
    let open = call.range.start + call.name.len() + 1;
    let arguments = pieces(source, code, definitions, open + 1..call.range.end - 1, &Bindings::new())?;
    expand(source, code, definitions, &call.name, arguments)
}

fn expand(
    source: &Source,
    code: &str,
    definitions: &[Definition],
    name: &str,
    arguments: Vec<String>,
) -> Option<String> {
    if name == "concat" {
        return Some(arguments.concat());
    }
    let definition = definitions.iter().find(|definition| definition.name == name)?;
    let arm = definition.arms.iter().find(|arm| arm.repeats || arm.parameters.len() == arguments.len())?;
    let bindings = if arm.repeats {
        Bindings::from([(arm.parameters.first()?.clone(), arguments)])
    } else {
        arm.parameters.iter().cloned().zip(arguments.into_iter().map(|argument| vec![argument])).collect()
    };
    Some(pieces(source, code, definitions, arm.concat.clone()?, &bindings)?.concat())
}

/// The texts of the arguments between two parentheses.
fn pieces(
    source: &Source,
    code: &str,
    definitions: &[Definition],
    inside: Range<usize>,
    bindings: &Bindings,
) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let mut at = inside.start;
    while at < inside.end {
        let rest = &code[at..inside.end];
        let name = word(rest);
        if rest.starts_with(|c: char| c.is_whitespace() || c == ',') {
            at += 1;
        } else if let Some(literal) = source.literal_from(at) {
            found.push(literal.text.clone());
            at += 2;
        } else if let Some(repetition) = rest.strip_prefix("$(") {
            let variable = word(repetition.split('$').nth(1)?);
            found.extend(bindings.get(&variable)?.iter().cloned());
            at = closing(code, at + 1)? + 1;
            at += code[at..].find(['+', '*'])? + 1;
        } else if let Some(variable) = rest.strip_prefix('$') {
            let variable = word(variable);
            found.extend(bindings.get(&variable)?.iter().cloned());
            at += 1 + variable.len();
        } else if name == "where" {
            // A word that separates the arguments of a macro.
            at += name.len();
        } else if rest[name.len()..].starts_with("!(") && !name.is_empty() {
            let open = at + name.len() + 1;
            let close = closing(code, open)?;
            let arguments = pieces(source, code, definitions, open + 1..close, bindings)?;
            found.push(expand(source, code, definitions, &name, arguments)?);
            at = close + 1;
        } else {
            return None;
        }
    }
    Some(found)
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}
