//! Which PSPs this gateway has: the only place that names an adapter.

use std::sync::Arc;

use super::simulator::Simulator;
use super::{PayoutProvider, Psp};
use crate::config::PspSettings;
use crate::outbound::Outbound;
use crate::words::Mode;

/// The PSPs of this gateway, in the order in which they are preferred.
#[derive(Clone, Default)]
pub struct Psps {
    psps: Vec<Arc<dyn Psp>>,
    payouts: Vec<Arc<dyn PayoutProvider>>,
}

impl Psps {
    /// The PSPs the settings name.
    pub fn configured(settings: &PspSettings, outbound: &Outbound) -> Self {
        let simulator =
            settings.simulator.as_ref().map(|simulator| Arc::new(Simulator::new(simulator, outbound.psp().clone())));
        Self::of(simulator.clone().map(|simulator| simulator as _)).sending(simulator.map(|simulator| simulator as _))
    }

    /// These PSPs; the first that takes a mode takes its new payments.
    pub fn of(psps: impl IntoIterator<Item = Arc<dyn Psp>>) -> Self {
        Self { psps: psps.into_iter().collect(), payouts: Vec::new() }
    }

    /// The same, with who sends money to sellers' banks.
    #[must_use]
    pub fn sending(self, providers: impl IntoIterator<Item = Arc<dyn PayoutProvider>>) -> Self {
        Self { payouts: providers.into_iter().collect(), ..self }
    }

    /// The payout provider called `name`.
    pub fn payout_provider(&self, name: &str) -> Option<&Arc<dyn PayoutProvider>> {
        self.payouts.iter().find(|provider| provider.name() == name)
    }

    /// The provider that takes new payouts of `mode`.
    pub fn paying_out(&self, mode: Mode) -> Option<&Arc<dyn PayoutProvider>> {
        self.payouts.iter().find(|provider| provider.sends(mode))
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
        self.psps.iter()
    }
}
