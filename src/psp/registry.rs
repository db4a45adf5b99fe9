//! Which PSPs this gateway has: the only place that names an adapter.

use std::sync::Arc;

use super::Psp;
use super::simulator::Simulator;
use crate::config::PspSettings;
use crate::outbound::Outbound;
use crate::words::Mode;

/// The PSPs of this gateway, in the order in which they are preferred.
#[derive(Clone, Default)]
pub struct Psps(Vec<Arc<dyn Psp>>);

impl Psps {
    /// The PSPs the settings name.
    pub fn configured(settings: &PspSettings, outbound: &Outbound) -> Self {
        let simulator = settings
            .simulator
            .as_ref()
            .map(|simulator| Arc::new(Simulator::new(simulator, outbound.psp().clone())) as Arc<dyn Psp>);
        Self::of(simulator)
    }

    /// These PSPs; the first that takes a mode takes its new payments.
    pub fn of(psps: impl IntoIterator<Item = Arc<dyn Psp>>) -> Self {
        Self(psps.into_iter().collect())
    }

    /// The PSP called `name`.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Psp>> {
        self.iter().find(|psp| psp.name() == name)
    }

    /// The PSP that takes new payments of `mode`.
    pub fn taking(&self, mode: Mode) -> Option<&Arc<dyn Psp>> {
        self.iter().find(|psp| psp.takes(mode))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Psp>> {
        self.0.iter()
    }
}
