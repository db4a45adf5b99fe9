//! What somebody sets; the rest stays as it was.

use serde::{Deserialize, Serialize};

use super::{Pace, Retry};

macro_rules! partial {
    ($(#[$doc:meta])* $name:ident { $($(#[$more:meta])* $extra:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            /// See [`Retry::pace`].
            #[serde(skip_serializing_if = "Option::is_none")]
            pub pace: Option<Pace>,
            /// See [`Retry::tries`].
            #[serde(skip_serializing_if = "Option::is_none")]
            pub tries: Option<u32>,
            /// See [`Retry::first_ms`].
            #[serde(skip_serializing_if = "Option::is_none")]
            pub first_ms: Option<u64>,
            /// See [`Retry::step_ms`].
            #[serde(skip_serializing_if = "Option::is_none")]
            pub step_ms: Option<u64>,
            /// See [`Retry::cap_ms`].
            #[serde(skip_serializing_if = "Option::is_none")]
            pub cap_ms: Option<u64>,
            $($(#[$more])* pub $extra: $kind,)*
        }

        impl $name {
            fn numbers(self, before: Retry) -> Retry {
                Retry {
                    pace: self.pace.unwrap_or(before.pace),
                    tries: self.tries.unwrap_or(before.tries),
                    first_ms: self.first_ms.unwrap_or(before.first_ms),
                    step_ms: self.step_ms.unwrap_or(before.step_ms),
                    cap_ms: self.cap_ms.unwrap_or(before.cap_ms),
                    on: before.on,
                }
            }

            /// Whether nothing is set.
            pub fn is_nothing(&self) -> bool {
                *self == Self::default()
            }
        }
    };
}

partial! {
    /// What somebody sets of a [`Retry`].
    Change {
        /// See [`Retry::on`].
        #[serde(skip_serializing_if = "On::is_nothing")]
        on: On,
    }
}

partial! {
    /// What somebody sets of a [`Retry`] for failures of one kind.
    Waits {}
}

/// What is different by what went wrong. A decline of the card and a refusal of our request are not here: they are final.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct On {
    /// The PSP could not be reached: surely nothing was done.
    #[serde(skip_serializing_if = "Waits::is_nothing")]
    pub unreachable: Waits,
    /// The PSP turned us away for now (429, or 503 with a time).
    #[serde(skip_serializing_if = "Waits::is_nothing")]
    pub busy: Waits,
    /// The PSP had it and did not say what it did.
    #[serde(skip_serializing_if = "Waits::is_nothing")]
    pub unclear: Waits,
}

impl Change {
    /// `before` with what is set here.
    #[must_use]
    pub fn of(self, before: Retry) -> Retry {
        Retry { on: self.on.over(before.on), ..self.numbers(before) }
    }
}

impl Waits {
    /// `before` with what is set here.
    #[must_use]
    pub fn of(self, before: Retry) -> Retry {
        self.numbers(before)
    }

    fn over(self, before: Self) -> Self {
        Self {
            pace: self.pace.or(before.pace),
            tries: self.tries.or(before.tries),
            first_ms: self.first_ms.or(before.first_ms),
            step_ms: self.step_ms.or(before.step_ms),
            cap_ms: self.cap_ms.or(before.cap_ms),
        }
    }
}

impl On {
    /// Whether nothing is set.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    fn over(self, before: Self) -> Self {
        Self {
            unreachable: self.unreachable.over(before.unreachable),
            busy: self.busy.over(before.busy),
            unclear: self.unclear.over(before.unclear),
        }
    }
}
