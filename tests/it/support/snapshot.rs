//! Texts as they were when somebody last looked at them and found them good.

use std::path::Path;

/// Compares `text` with the file `name` of tests/it/snapshots. `UPDATE_SNAPSHOTS=1` writes it instead: look at the diff.
#[track_caller]
pub fn same(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/snapshots").join(name);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    if known != text {
        let line = known.lines().zip(text.lines()).position(|(was, is)| was != is).unwrap_or_default();
        let of = |text: &str| text.lines().nth(line).unwrap_or("(nothing)").to_owned();
        panic!(
            "{name} changed in line {}:\n  was: {}\n  is:  {}\nIf that is meant: UPDATE_SNAPSHOTS=1, then read the diff.",
            line + 1,
            of(&known),
            of(text)
        );
    }
}
