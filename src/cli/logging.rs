//! Where log lines go and how they look.
//!
//! Promises that no card number leaves through the log, whoever wrote it there: every line is searched before it is
//! written.

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
    pan::scrub(&String::from_utf8_lossy(line)).as_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_number_does_not_reach_the_log() {
        let line = scrubbed(b"INFO note=\"4242 4242 4242 4242\" amount=15000\n");
        let line = String::from_utf8(line).unwrap();
        assert!(!line.contains("4242 4242 4242 4242") && line.contains("amount=15000"), "{line}");
    }
}
