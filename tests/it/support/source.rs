//! Reads our own Rust sources, for the tests that hold the house up. A lexer in miniature:
//! it knows comments, strings and characters apart, which is all that those tests need.

pub mod macros;

use std::fs;
use std::path::{Path, PathBuf};

/// One file below `src/`.
pub struct Source {
    /// Relative to the repository, with forward slashes: `src/ledger/store.rs`.
    pub path: String,
    /// The code with every comment blanked out and every literal emptied (`""`).
    pub code: String,
    /// What stood in the string literals.
    pub literals: Vec<Literal>,
}

pub struct Literal {
    /// Where its `""` stands in [`Source::code`].
    pub at: usize,
    pub line: usize,
    pub text: String,
}

impl Source {
    pub fn parse(path: &str, text: &str) -> Self {
        let (code, literals) = lex(text);
        Self { path: path.to_owned(), code, literals }
    }

    /// The first folder or file under `src/`: `ledger` for `src/ledger/store.rs`.
    pub fn module(&self) -> &str {
        let inside = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let first = inside.split('/').next().unwrap_or(inside);
        first.strip_suffix(".rs").unwrap_or(first)
    }

    pub fn line_at(&self, at: usize) -> usize {
        1 + self.code[..at].matches('\n').count()
    }

    /// May this file hold SQL? Tests of a store may ask the tables behind its back.
    pub fn is_store(&self) -> bool {
        self.path.ends_with("/tests.rs")
            || self.path.ends_with("/store.rs")
            || self.path.contains("/store/")
            || self.module() == "db"
    }

    /// The literal whose `""` stands at this place, past white space and a raw string's `r`.
    pub fn literal_from(&self, at: usize) -> Option<&Literal> {
        let at = at + (self.code[at..].len() - self.code[at..].trim_start().len());
        self.literals.iter().find(|literal| literal.at == at)
    }
}

/// The repository's root.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below `src/`, in order of its path.
pub fn all() -> Vec<Source> {
    let mut paths = Vec::new();
    walk(&root().join("src"), &mut paths);
    paths.sort();
    assert!(paths.len() > 10, "found hardly any source: is this test looking in the right place?");
    paths
        .iter()
        .map(|path| {
            let name = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
            Source::parse(&name, &fs::read_to_string(path).unwrap())
        })
        .collect()
}

fn walk(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// Splits source text into code (comments blank, literals empty) and its string literals.
fn lex(text: &str) -> (String, Vec<Literal>) {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut literals = Vec::new();
    let (mut i, mut line) = (0, 1);
    let starts = |i: usize, what: &str| what.chars().enumerate().all(|(k, c)| chars.get(i + k) == Some(&c));
    while i < chars.len() {
        let c = chars[i];
        let after_word = i > 0 && (chars[i - 1].is_alphanumeric() || chars[i - 1] == '_');
        if starts(i, "//") {
            while i < chars.len() && chars[i] != '\n' {
                i += 1;
            }
        } else if starts(i, "/*") {
            let mut depth = 0;
            while i < chars.len() {
                if starts(i, "/*") {
                    depth += 1;
                    i += 2;
                } else if starts(i, "*/") {
                    depth -= 1;
                    i += 2;
                    if depth == 0 {
                        break;
                    }
                } else {
                    if chars[i] == '\n' {
                        line += 1;
                        code.push('\n');
                    }
                    i += 1;
                }
            }
        } else if !after_word && (starts(i, "r\"") || starts(i, "r#") || starts(i, "br\"") || starts(i, "br#")) && {
            let from = i + if c == 'b' { 2 } else { 1 };
            let hashes = chars[from..].iter().take_while(|c| **c == '#').count();
            chars.get(from + hashes) == Some(&'"')
        } {
            let from = i + if c == 'b' { 2 } else { 1 };
            let hashes = chars[from..].iter().take_while(|c| **c == '#').count();
            let end: String = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
            i = from + hashes + 1;
            let begin = i;
            while i < chars.len() && !starts(i, &end) {
                i += 1;
            }
            let body: String = chars[begin..i.min(chars.len())].iter().collect();
            let at = code.len();
            code.push_str("\"\"");
            let lines = body.matches('\n').count();
            code.extend(std::iter::repeat_n('\n', lines));
            literals.push(Literal { at, line, text: body });
            line += lines;
            i += end.chars().count();
        } else if c == '"' {
            i += 1;
            let mut body = String::new();
            let first_line = line;
            while i < chars.len() && chars[i] != '"' {
                if chars[i] == '\\' {
                    i += 1;
                    match chars.get(i) {
                        Some('n') => body.push('\n'),
                        Some('t') => body.push('\t'),
                        Some('\n') => {
                            line += 1;
                            while chars.get(i + 1).is_some_and(|c| c.is_whitespace()) {
                                i += 1;
                                if chars[i] == '\n' {
                                    line += 1;
                                }
                            }
                        }
                        Some(other) => body.push(*other),
                        None => {}
                    }
                } else {
                    if chars[i] == '\n' {
                        line += 1;
                    }
                    body.push(chars[i]);
                }
                i += 1;
            }
            i += 1;
            let at = code.len();
            code.push_str("\"\"");
            code.extend(std::iter::repeat_n('\n', line - first_line));
            literals.push(Literal { at, line: first_line, text: body });
        } else if c == '\'' && (chars.get(i + 1) == Some(&'\\') || chars.get(i + 2) == Some(&'\'')) {
            // A character, not a lifetime.
            i += if chars.get(i + 1) == Some(&'\\') { 3 } else { 2 };
            while i < chars.len() && chars[i] != '\'' {
                i += 1;
            }
            i += 1;
            code.push_str("' '");
        } else {
            if c == '\n' {
                line += 1;
            }
            code.push(c);
            i += 1;
        }
    }
    (code, literals)
}

/// Where the bracket that opens at `open` closes, in [`Source::code`].
pub fn closing(code: &str, open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in code[open..].char_indices() {
        match c {
            '(' | '{' | '[' => depth += 1,
            ')' | '}' | ']' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(open + at);
        }
    }
    None
}

#[test]
fn tells_code_from_comments_and_strings() {
    let source = Source::parse(
        "src/x.rs",
        "// crate::a\n/* crate::b\n /* \"\" */ */ let c = 'x'; let q = '\\''; let l: &'static str =\n \"say \\\"hi\\\" \\\n   there\"; f(r#\"raw \"one\"\"#)",
    );
    assert!(!source.code.contains("crate"), "{}", source.code);
    let texts: Vec<_> = source.literals.iter().map(|literal| (literal.line, literal.text.as_str())).collect();
    assert_eq!(texts, [(4, "say \"hi\" there"), (5, "raw \"one\"")]);
    assert_eq!(source.line_at(source.code.find("f(").unwrap()), 5);
    let call = source.code.find("f(").unwrap() + 2;
    assert_eq!(source.literal_from(call).unwrap().text, "raw \"one\"");
}
