//! The books as files for spreadsheets: RFC 4180, and nothing that a spreadsheet would run.
//!
//! A cell that begins with `=`, `+`, `-`, `@`, a tab or a line's end is taken for a formula by spreadsheets. Such text gets an
//! apostrophe before it; our own amounts, which may begin with a minus, are numbers and stay as they are.

use std::fmt::Write as _;

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Anything that may come from others.
    Text(String),
    /// A decimal string of ours.
    Amount(String),
}

impl Cell {
    /// A cell of text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }
}

/// One line with its end.
#[must_use]
pub fn line(cells: &[Cell]) -> String {
    let mut line = String::new();
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            line.push(',');
        }
        match cell {
            Cell::Amount(amount) => line.push_str(amount),
            Cell::Text(text) => {
                let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
                let text = if formula { format!("'{text}") } else { text.clone() };
                if text.contains([',', '"', '\r', '\n']) {
                    // Writing into a String cannot fail.
                    let _ = write!(line, "\"{}\"", text.replace('"', "\"\""));
                } else {
                    line.push_str(&text);
                }
            }
        }
    }
    line.push_str("\r\n");
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_quoted_where_it_must_be() {
        let cells =
            [Cell::text("a"), Cell::text("b,c"), Cell::text("say \"d\""), Cell::text("two\nlines"), Cell::text("")];
        assert_eq!(line(&cells), "a,\"b,c\",\"say \"\"d\"\"\",\"two\nlines\",\r\n");
    }

    #[test]
    fn no_text_is_a_formula() {
        for text in ["=1+1", "+1", "-1", "@sum(a1)", "\t=1", "\r=1"] {
            let line = line(&[Cell::text(text)]);
            assert!(line.trim_start_matches('"').starts_with('\''), "{line:?}");
        }
        assert_eq!(line(&[Cell::Amount("-12.50".into())]), "-12.50\r\n");
    }
}
