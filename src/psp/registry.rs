//! Which PSPs this gateway has: the only place that names an adapter.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Psp;

/// The PSPs by name, and the one that takes new payments.
#[derive(Clone, Default)]
pub struct Psps {
    by_name: BTreeMap<&'static str, Arc<dyn Psp>>,
    default: Option<Arc<dyn Psp>>,
}

impl Psps {
    /// These PSPs; the first takes new payments.
    pub fn of(psps: impl IntoIterator<Item = Arc<dyn Psp>>) -> Self {
        let psps: Vec<_> = psps.into_iter().collect();
        Self { default: psps.first().cloned(), by_name: psps.into_iter().map(|psp| (psp.name(), psp)).collect() }
    }

    /// The PSP called `name`.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Psp>> {
        self.by_name.get(name)
    }

    /// The PSP that takes new payments; `None` only when none is configured.
    pub fn default_psp(&self) -> Option<&Arc<dyn Psp>> {
        self.default.as_ref()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Psp>> {
        self.by_name.values()
    }
}
