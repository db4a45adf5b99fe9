//! The floor: what `sort` and `join` need for the same keys and amounts; and how much memory this program took.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::process::Command;
use std::time::Instant;

/// Seconds for two lists in different orders to be sorted, joined, and those that differ listed.
pub fn sort_and_join(lines: i64) -> f64 {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    for (name, step) in [("ours.csv", 7919), ("theirs.csv", 104_729)] {
        let mut file = BufWriter::new(File::create(folder.path().join(name)).unwrap());
        for n in 0..lines {
            writeln!(file, "psp_{:026},1000", n * step % lines).unwrap();
        }
        file.flush().unwrap();
    }
    let begun = Instant::now();
    let script = "sort -t, -k1,1 ours.csv > a && sort -t, -k1,1 theirs.csv > b \
        && join -t, -a1 -a2 a b | awk -F, '$2 != $3' > differing && test ! -s differing";
    let status = Command::new("sh").args(["-c", script]).env("LC_ALL", "C").current_dir(folder.path()).status();
    assert!(status.unwrap().success(), "sort and join found a difference");
    begun.elapsed().as_secs_f64()
}

/// From here on the peak is counted anew, where the system allows it.
pub fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// The most memory this program held at once.
pub fn peak_mib() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.map_or("unknown".to_owned(), |kib| (kib / 1024).to_string())
}
