//! The limits on a file, so that reading one never takes more memory than a row, and always ends.

use std::io::{self, Read};

/// Bytes of a file: a few million rows.
pub const LARGEST_FILE: u64 = 4 * 1024 * 1024 * 1024;
/// Bytes of a row, or of one piece of a document.
pub const LARGEST_ROW: u64 = 256 * 1024;
/// Characters of a field that is kept.
pub const LARGEST_FIELD: usize = 4096;

/// A limit that a file is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooLong {
    /// [`LARGEST_FILE`].
    #[error("the file is larger than {LARGEST_FILE} bytes")]
    File,
    /// [`LARGEST_ROW`].
    #[error("longer than {LARGEST_ROW} bytes: a quote or a bracket that is never closed makes a row run on")]
    Row,
}

/// Reads no more than the limits allow. Whoever reads from it says where a row begins.
#[derive(Debug)]
pub struct Bounded<R> {
    inner: R,
    total: u64,
    row: u64,
    quote_is_open: bool,
    last: u8,
}

impl<R> Bounded<R> {
    /// Around `inner`, which is at its beginning.
    pub fn new(inner: R) -> Self {
        Self { inner, total: 0, row: 0, quote_is_open: false, last: b'\n' }
    }

    /// A row begins about here.
    pub fn begin_row(&mut self) {
        self.row = 0;
    }

    /// Whether every `"` so far has its partner.
    pub fn quotes_are_closed(&self) -> bool {
        !self.quote_is_open
    }

    /// Whether the last byte so far ended a line.
    pub fn line_is_ended(&self) -> bool {
        matches!(self.last, b'\n' | b'\r')
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.row > LARGEST_ROW {
            return Err(io::Error::other(TooLong::Row));
        }
        if self.total > LARGEST_FILE {
            return Err(io::Error::other(TooLong::File));
        }
        let count = self.inner.read(buffer)?;
        let read = buffer.get(..count).unwrap_or_default();
        let long = u64::try_from(count).unwrap_or(u64::MAX);
        self.total = self.total.saturating_add(long);
        self.row = self.row.saturating_add(long);
        for _ in read.iter().filter(|byte| **byte == b'"') {
            self.quote_is_open = !self.quote_is_open;
        }
        if let Some(last) = read.last() {
            self.last = *last;
        }
        Ok(count)
    }
}
