//! An operation on a string: it goes from one step to the next only when told, and dies when dropped.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Poll, Waker};

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use tollgate::steps::{self, Step, Watcher};

use super::stage::Stage;

/// What an actor does on a stage; what it returns is what its client was told.
pub type Work = fn(Stage) -> LocalBoxFuture<'static, String>;

/// Where an actor stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// Before this step.
    Before(Step),
    /// At its end: it said this.
    Over(String),
}

#[derive(Default)]
struct Desk {
    before: Option<Step>,
    may_go: bool,
    waker: Option<Waker>,
    /// How many transactions are open.
    open: usize,
    wrong: Vec<String>,
}

#[derive(Clone, Default)]
struct Handle(Arc<Mutex<Desk>>);

impl Handle {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.0.lock().unwrap()
    }
}

impl Watcher for Handle {
    fn arrive(&self, step: Step) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let handle = self.clone();
        let mut arriving = Some(step);
        Box::pin(poll_fn(move |context| {
            let mut desk = handle.desk();
            if let Some(step) = arriving.take() {
                if let Some(other) = desk.before.take() {
                    desk.wrong.push(format!("does two things at once: {step:?} beside {other:?}"));
                }
                if desk.open > 0 && matches!(step, Step::Call(_)) {
                    desk.wrong.push(format!("{step:?} while a transaction is open"));
                }
                desk.before = Some(step);
                desk.may_go = false;
            } else if desk.may_go {
                (desk.before, desk.may_go) = (None, false);
                return Poll::Ready(());
            }
            desk.waker = Some(context.waker().clone());
            Poll::Pending
        }))
    }

    fn begun(&self) {
        self.desk().open += 1;
    }

    fn over(&self) {
        self.desk().open -= 1;
    }
}

/// One of those who act.
pub struct Actor {
    pub name: &'static str,
    pub at: At,
    handle: Handle,
    work: Option<LocalBoxFuture<'static, String>>,
}

impl Actor {
    /// Stands before its first step.
    pub async fn begin(name: &'static str, work: LocalBoxFuture<'static, String>) -> Self {
        let handle = Handle::default();
        let work = AssertUnwindSafe(steps::watched(Arc::new(handle.clone()), work)).catch_unwind();
        let work = work.map(|done| done.unwrap_or_else(|panic| format!("panicked: {}", words(panic.as_ref()))));
        let mut actor = Self { name, at: At::Over(String::new()), handle, work: Some(work.boxed_local()) };
        actor.run().await;
        actor
    }

    /// Takes the step it stands before, and everything up to the next one.
    pub async fn go(&mut self) {
        let waker = {
            let mut desk = self.handle.desk();
            desk.may_go = true;
            desk.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        self.run().await;
    }

    /// Goes on until it stands before a step that others could tell apart from the one before it: what happens inside of
    /// a transaction nobody sees before its commit, and on SQLite nobody else writes meanwhile.
    pub async fn go_on(&mut self) {
        loop {
            self.go().await;
            match &self.at {
                At::Before(Step::Statement(_) | Step::Commit | Step::Committed | Step::Answer(_)) => {}
                At::Before(Step::Begin | Step::Look(_) | Step::Call(_)) | At::Over(_) => return,
            }
        }
    }

    async fn run(&mut self) {
        let Some(work) = &mut self.work else { return };
        self.at = poll_fn(|context| match work.poll_unpin(context) {
            Poll::Ready(said) => Poll::Ready(At::Over(said)),
            Poll::Pending => {
                let desk = self.handle.desk();
                match &desk.before {
                    Some(step) if !desk.may_go => Poll::Ready(At::Before(step.clone())),
                    _ => Poll::Pending,
                }
            }
        })
        .await;
        if self.is_over() {
            self.work = None;
        }
    }

    /// The program dies here.
    pub fn die(&mut self) {
        self.work = None;
        self.at = At::Over("died".to_owned());
    }

    pub fn is_over(&self) -> bool {
        matches!(self.at, At::Over(_))
    }

    pub fn has_open_transaction(&self) -> bool {
        self.handle.desk().open > 0
    }

    /// What no operation may do, whatever comes of it.
    pub fn wrong(&self) -> Vec<String> {
        self.handle.desk().wrong.iter().map(|wrong| format!("{}: {wrong}", self.name)).collect()
    }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}
