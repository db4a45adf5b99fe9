//! The SQL of how jobs failed: the latest times of each, for the person who gets its dead letter.

use crate::db::{DbError, On, Tx, query};
use crate::words::{JobId, Timestamp};

/// Failures of one job that are kept.
const KEPT: i64 = 20;

/// One time a job failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which it was, 1 being the first.
    pub number: i64,
    /// When.
    pub at: Timestamp,
    /// What was said.
    pub error: String,
}

pub(super) async fn keep(tx: &mut Tx, job: &JobId, at: Timestamp, error: &str) -> Result<(), DbError> {
    let number: i64 = query(
        "insert into job_failures (job_id, number, at, error)
         select id, (select coalesce(max(number), 0) + 1 from job_failures where job_id = jobs.id), $2, $3
         from jobs where id = $1 returning number",
    )
    .bind(job)
    .bind(at)
    .bind(error)
    .one(&mut *tx)
    .await?
    .get("number")?;
    query("delete from job_failures where job_id = $1 and number <= $2")
        .bind(job)
        .bind(number.saturating_sub(KEPT))
        .execute(tx)
        .await?;
    Ok(())
}

/// How a job failed, the latest times, in order.
pub async fn of_job(on: impl Into<On<'_>>, job: &JobId) -> Result<Vec<Failure>, DbError> {
    let rows =
        query("select number, at, error from job_failures where job_id = $1 order by number").bind(job).all(on).await?;
    rows.iter()
        .map(|row| Ok(Failure { number: row.get("number")?, at: row.get("at")?, error: row.get("error")? }))
        .collect()
}
