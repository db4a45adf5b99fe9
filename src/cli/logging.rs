//! Where log lines go and how they look.
//!
//! Promises that no card number and no key leaves through the log, whoever wrote it there: every line is searched before
//! it is written.

use std::io::{self, IsTerminal as _, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::{Log, LogFormat};
use crate::words::pan;

/// Sets the process's log up; a second call changes nothing.
///
/// # Errors
/// `log.level` cannot be understood.
pub fn start(log: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&log.level).map_err(|error| {
        anyhow::anyhow!("log.level {:?} is wrong ({error}): write for example info or tollgate=debug", log.level)
    })?;
    let human = match log.format {
        LogFormat::Human => true,
        LogFormat::Json => false,
        LogFormat::Auto => io::stderr().is_terminal(),
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(Scrubbed);
    // `try_init` fails only when a log is set up already, by a test say.
    let _ = if human {
        builder.with_target(false).with_ansi(io::stderr().is_terminal()).try_init()
    } else {
        builder.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
    };
    log_panics();
    Ok(())
}

/// Standard error, without card numbers.
struct Scrubbed;

impl<'w> MakeWriter<'w> for Scrubbed {
    type Writer = ScrubbedLine;

    fn make_writer(&'w self) -> Self::Writer {
        ScrubbedLine(Vec::with_capacity(256))
    }
}

/// One line: collected, searched, then written in one piece.
struct ScrubbedLine(Vec<u8>);

impl Write for ScrubbedLine {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.0);
        io::stderr().lock().write_all(&scrubbed(&line))
    }
}

impl Drop for ScrubbedLine {
    fn drop(&mut self) {
        // Nobody is left to be told that the log cannot be written.
        let _ = self.flush();
    }
}

fn scrubbed(line: &[u8]) -> Vec<u8> {
    strike_keys(&pan::scrub(&String::from_utf8_lossy(line))).into_bytes()
}

/// What a key begins with, ours and those that travel in headers.
const KEYS: [&str; 9] =
    ["sk_test_", "sk_live_", "rk_test_", "rk_live_", "whsec_", "Bearer ", "bearer ", "Basic ", "basic "];
/// Shorter ones are words, as in "bearer token".
const KEY_LENGTH: usize = 16;

/// Replaces what follows the beginning of a key by stars.
fn strike_keys(line: &str) -> String {
    let mut struck = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((at, prefix)) = KEYS.iter().filter_map(|key| Some((rest.find(key)?, *key))).min() {
        let (before, from) = rest.split_at(at);
        let (_, key) = from.split_at(prefix.len());
        let length = key.find(|c: char| !is_of_key(c)).unwrap_or(key.len());
        let (key, after) = key.split_at(length);
        struck.push_str(before);
        struck.push_str(prefix);
        struck.push_str(if length >= KEY_LENGTH { "***" } else { key });
        rest = after;
    }
    struck.push_str(rest);
    struck
}

/// Base64 in both alphabets, and the dots of a JSON Web Token.
fn is_of_key(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+/=-_.".contains(c)
}

/// A panic's words may hold the caller's data: they go the way of every other line, and where it happened with them.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let words = panic.payload_as_str().unwrap_or("without words");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, words, "panic");
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::random_base62;

    #[test]
    fn a_card_number_does_not_reach_the_log() {
        let line = scrubbed(b"INFO note=\"4242 4242 4242 4242\" amount=15000\n");
        let line = String::from_utf8(line).unwrap();
        assert!(!line.contains("4242 4242 4242 4242") && line.contains("amount=15000"), "{line}");
    }

    #[test]
    fn a_key_does_not_reach_the_log() {
        for prefix in KEYS {
            let key = random_base62(30);
            let line = strike_keys(&format!("a {prefix}{key}\" b sk_test_{key}"));
            assert_eq!(line, format!("a {prefix}***\" b sk_test_***"));
        }
        for harmless in ["bearer token is missing", "ends with whsec_", "토스 Bearer 토큰", ""] {
            assert_eq!(strike_keys(harmless), harmless);
        }
    }
}
