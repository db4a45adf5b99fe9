//! Protections taken away on purpose, one at a time, so that `tollgate chaos --break` can show that it would notice.
//!
//! Armed by `serve` alone, from one environment variable, or by a test for one task, and only in debug builds: in a release
//! build every question is answered `false` at compile time and the variable makes `serve` refuse to start.

use std::sync::OnceLock;

/// The environment variable that names what is taken away.
pub const VARIABLE: &str = "TOLLGATE_CHAOS_BREAK";

/// What can be taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Protection {
    /// A PSP's lost answer counts as a decline.
    UnknownOutcome,
    /// A sale is settled without its journal and wallets.
    SettleBooks,
    /// Every refund call goes to the PSP under a fresh key.
    RefundKey,
    /// Each time a payout is ordered it goes to the provider under a fresh key.
    PayoutKey,
    /// Each time a hold is to end, the PSP is asked under a fresh key.
    CaptureKey,
    /// What was ordered before is ordered again without a look at what became of it.
    LookFirst,
    /// A refusal of a repeat is believed while the order before it may still arrive.
    RepeatRefusal,
    /// A payout above the merchant's limit waits for nobody.
    ApprovalGate,
    /// A payout does not take what it will send from the seller.
    PayoutHold,
    /// A refund does not hold what it will give back.
    RefundHold,
    /// What happened is not told to the merchant.
    PaymentEvent,
    /// The answer under an idempotency key is not remembered.
    IdempotencyKey,
    /// Nobody looks for attempts that went silent.
    Sweep,
    /// Each time a payment is sent to the PSP it goes under a fresh key.
    PspKey,
    /// A payment's state is written whatever it was before.
    CompareAndSet,
    /// A settlement is three transactions, with a moment in between: state, event, books.
    SettleTransaction,
    /// An attempt is written down only after the PSP was called.
    WrittenFirst,
    /// The books are posted and the wallets stay as they were.
    Wallets,
    /// A webhook that the merchant did not take is not sent again.
    WebhookRetry,
}

static ABSENT: OnceLock<Protection> = OnceLock::new();

tokio::task_local! {
    static HERE: Protection;
}

impl Protection {
    /// As it is written in the variable.
    pub fn name(self) -> String {
        clap::ValueEnum::to_possible_value(&self).map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Whether this protection is to be left out in this process, or in this task.
    pub fn is_absent(self) -> bool {
        cfg!(debug_assertions)
            && (ABSENT.get() == Some(&self) || HERE.try_with(|absent| *absent == self).unwrap_or(false))
    }

    /// Does `work` without this protection, and leaves everything beside it as it is.
    pub async fn without<T>(self, work: impl Future<Output = T>) -> T {
        HERE.scope(self, work).await
    }
}

/// How long a protection's absence keeps a gap open, so that a kill finds it whatever the machine's pace.
pub const GAP: std::time::Duration = std::time::Duration::from_millis(100);

/// Takes the protection `name` out of this process.
///
/// # Errors
/// A sentence, when this is a release build or there is no such protection.
pub fn arm(name: &str) -> Result<(), String> {
    if !cfg!(debug_assertions) {
        return Err(format!(
            "{VARIABLE} is set: it breaks payments on purpose and works in debug builds only; unset it"
        ));
    }
    let protection = <Protection as clap::ValueEnum>::from_str(name, false)
        .map_err(|_| format!("{VARIABLE}: there is no protection called `{name}`"))?;
    let _ = ABSENT.set(protection);
    Ok(())
}
