//! What a large file costs to be taken in: kept, checked as a whole, and written down line by line.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use tollgate::app::App;
use tollgate::config::reconciliation::Source;
use tollgate::merchants;
use tollgate::reconciliation::files;
use tollgate::reconciliation::progress::Progress;
use tollgate::words::{Clock as _, SystemClock};

use super::unix;

/// Taken in: seconds, and the size of the file in MiB.
pub struct Taken {
    pub seconds: f64,
    pub mib: u64,
}

/// Writes a CSV file of so many charges, and takes it in.
pub async fn measure(app: &App, lines: i64) -> Taken {
    let mut tx = app.db.begin().await.unwrap();
    let merchant = merchants::create(&mut tx, "Town", SystemClock.now()).await.unwrap().id;
    tx.commit().await.unwrap();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = written(folder.path(), lines);
    let mib = std::fs::metadata(&path).unwrap().len() / 1024 / 1024;
    let source: Source = serde_json::from_value(serde_json::json!({
        "name": "file", "format": "csv", "psp": "simulator", "merchant": merchant.as_str(),
        "columns": { "identity": "no", "date": "day", "kind": "kind", "currency": "currency", "gross": "gross", "fee": "fee",
            "net": "net", "psp_payment": "payment", "our_key": "key", "batch": "batch" },
    }))
    .unwrap();
    unix::forget_peak();
    let begun = Instant::now();
    let file = File::open(&path).unwrap();
    let taken = files::take_in(app, &source, "day.csv", file, "bench", &Progress::nobody()).await.unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    assert_eq!(taken.totals.lines, u64::try_from(lines).unwrap());
    Taken { seconds, mib }
}

fn written(folder: &Path, lines: i64) -> PathBuf {
    let path = folder.join("day.csv");
    let mut file = BufWriter::new(File::create(&path).unwrap());
    writeln!(file, "no,day,kind,currency,gross,fee,net,payment,key,batch").unwrap();
    for n in 0..lines {
        writeln!(file, "row_{n:026},2025-10-09,charge,USD,10.00,0.30,9.70,psp_{n:026},key_{n:026},batch_1").unwrap();
    }
    file.flush().unwrap();
    path
}
