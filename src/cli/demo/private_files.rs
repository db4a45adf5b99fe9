//! Files that hold keys: readable by this user only, replaced whole or not at all.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;

/// Writes `text` to `path` with mode 0600, making the folder (0700) when it is missing.
///
/// # Errors
/// The folder or the file cannot be written.
pub fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let folder = path.parent().context("a file path without a folder")?;
    make_folder(folder)?;
    let fresh = path.with_extension("new");
    let put = || -> std::io::Result<()> {
        let _ = std::fs::remove_file(&fresh);
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&fresh, path)
    };
    put().with_context(|| format!("cannot write {}: is the folder writable, is the disk full?", path.display()))
}

/// Makes a folder that only this user may enter.
///
/// # Errors
/// It cannot be made.
pub fn make_folder(folder: &Path) -> anyhow::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(folder)
        .with_context(|| format!("cannot make the folder {}: choose another with --data", folder.display()))
}
