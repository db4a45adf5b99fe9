//! The bytes of a file on their way into the database, in pieces and hashed as they come.

use sha2::{Digest as _, Sha256};

use super::bounded::LARGEST_FILE;
use super::file::{File, Status};
use super::refused::Refused;
use super::store;
use super::taken::Totals;
use super::{TakeInError, parser_version};
use crate::app::App;
use crate::config::reconciliation::Source;
use crate::db::{DbError, retrying};
use crate::words::FileId;

/// Bytes of a piece.
pub const PART: usize = 256 * 1024;

/// A file that is arriving.
pub struct Arrival<'a> {
    app: &'a App,
    file: File,
    hash: Sha256,
    bytes: u64,
    part: i64,
    /// Not yet a whole piece.
    waiting: Vec<u8>,
}

impl<'a> Arrival<'a> {
    /// The first byte is about to come.
    pub async fn begin(app: &'a App, source: &Source, name: &str, by: &str) -> Result<Self, DbError> {
        let name: String = name.chars().filter(|it| !it.is_control()).take(255).collect();
        let file = File {
            id: FileId::new(),
            source: source.name.clone(),
            format: source.format.as_str().to_owned(),
            parser_version: parser_version(source.format),
            name: if name.is_empty() { "unnamed".to_owned() } else { name },
            sha256: String::new(),
            bytes: 0,
            business_date: None,
            status: Status::Reading,
            refusal: None,
            row_number: None,
            lines: 0,
            totals: Totals::default(),
            received_at: app.now(),
            decided_at: None,
            received_by: by.chars().take(254).collect(),
        };
        // Unique, and the hash of no content: what a file's own id hashes to.
        let stand_in = hex::encode(Sha256::digest(file.id.as_str().as_bytes()));
        retrying(|| async {
            let mut tx = app.db.begin().await?;
            store::begin(&mut tx, &file, &stand_in).await?;
            tx.commit().await
        })
        .await?;
        Ok(Self { app, file, hash: Sha256::new(), bytes: 0, part: 0, waiting: Vec::new() })
    }

    /// The next bytes.
    pub async fn add(&mut self, bytes: &[u8]) -> Result<(), TakeInError> {
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if self.bytes > LARGEST_FILE {
            return Err(Refused::file(format!("the file is larger than {LARGEST_FILE} bytes")).into());
        }
        self.hash.update(bytes);
        self.waiting.extend_from_slice(bytes);
        while self.waiting.len() >= PART {
            let rest = self.waiting.split_off(PART);
            self.write().await?;
            self.waiting = rest;
        }
        Ok(())
    }

    /// It did not come to its end: nothing of it stays.
    pub async fn give_up(self) -> Result<(), DbError> {
        retrying(|| async {
            let mut tx = self.app.db.begin().await?;
            store::forget(&mut tx, &self.file.id).await?;
            tx.commit().await
        })
        .await
    }

    /// The last byte has come. Gives the file, or the one that has the same content and was there before.
    pub async fn end(mut self) -> Result<File, TakeInError> {
        if !self.waiting.is_empty() {
            self.write().await?;
        }
        let sha256 = hex::encode(std::mem::take(&mut self.hash).finalize());
        match self.name(&sha256).await {
            // Somebody else brought the same content at the same moment.
            Err(error) if error.is_unique_violation() => Ok(self.name(&sha256).await?),
            named => Ok(named?),
        }
    }

    /// Gives the file its content's name, or gives way to the one that has it.
    async fn name(&self, sha256: &str) -> Result<File, DbError> {
        let bytes = i64::try_from(self.bytes).unwrap_or(i64::MAX);
        retrying(|| async {
            let mut tx = self.app.db.begin().await?;
            let before = store::of_content(&mut tx, &self.file.source, sha256).await?;
            let file = if let Some(before) = before {
                store::forget(&mut tx, &self.file.id).await?;
                before
            } else {
                store::arrived(&mut tx, &self.file.id, sha256, bytes).await?;
                File { sha256: sha256.to_owned(), bytes, ..self.file.clone() }
            };
            tx.commit().await?;
            Ok(file)
        })
        .await
    }

    async fn write(&mut self) -> Result<(), DbError> {
        let bytes = std::mem::take(&mut self.waiting);
        let (app, file, part) = (self.app, &self.file.id, self.part);
        retrying(|| async {
            let mut tx = app.db.begin().await?;
            store::add_part(&mut tx, file, part, &bytes).await?;
            tx.commit().await
        })
        .await?;
        self.part = self.part.saturating_add(1);
        Ok(())
    }
}
