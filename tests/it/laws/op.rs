//! What can be done to a shop, small enough to be read in a list.

use proptest::prelude::*;

use crate::steps::model_psp::{BAD, CHALLENGED, GOOD, Mishap, SLOW};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Card {
    Good,
    Bad,
    Challenged,
    Slow,
}

impl Card {
    pub fn token(self) -> &'static str {
        match self {
            Self::Good => GOOD,
            Self::Bad => BAD,
            Self::Challenged => CHALLENGED,
            Self::Slow => SLOW,
        }
    }
}

/// `of` counts the checkouts that are there, round and round.
#[derive(Debug, Clone)]
pub enum Op {
    Open {
        cents: u32,
        two_sellers: bool,
        manual: bool,
    },
    Pay {
        of: usize,
        card: Card,
        mishap: Option<Mishap>,
    },
    /// The bank says yes or no to what waits, and the PSP would tell.
    Decide {
        of: usize,
        taken: bool,
    },
    Look {
        of: usize,
    },
    GiveUp {
        of: usize,
    },
    Expire {
        of: usize,
    },
    Capture {
        of: usize,
        cents: Option<u32>,
        mishap: Option<Mishap>,
    },
    Cancel {
        of: usize,
        mishap: Option<Mishap>,
    },
    Refund {
        of: usize,
        cents: u32,
        mishap: Option<Mishap>,
    },
    /// Of the order with this place alone.
    RefundOrder {
        of: usize,
        order: usize,
        cents: u32,
    },
    Fulfill {
        of: usize,
        order: usize,
    },
    /// The shopper's bank sends the last refund back.
    Bounce {
        of: usize,
    },
    /// The PSP takes a decline back.
    ChangeMind {
        of: usize,
    },
    Policies {
        late: bool,
        keep_fee: bool,
        refuse: bool,
        days: Option<u16>,
        ppm: u32,
    },
    /// The PSP's `n`-th webhook comes, late or once more.
    Webhook {
        n: usize,
    },
    Work,
    Wait {
        minutes: u64,
    },
}

impl Op {
    /// Which checkout it is about.
    pub fn of(&self) -> Option<usize> {
        match self {
            Self::Pay { of, .. } => Some(*of),
            _ => None,
        }
    }

    /// Whether it is we who do it.
    pub fn can_die(&self) -> bool {
        !matches!(self, Self::Decide { .. } | Self::Wait { .. })
    }

    /// The same, for one who asks again: what was to go wrong may have gone wrong already, or still will.
    pub fn without_mishap(&self) -> Self {
        match self.clone() {
            Self::Pay { of, card, .. } => Self::Pay { of, card, mishap: None },
            Self::Capture { of, cents, .. } => Self::Capture { of, cents, mishap: None },
            Self::Cancel { of, .. } => Self::Cancel { of, mishap: None },
            Self::Refund { of, cents, .. } => Self::Refund { of, cents, mishap: None },
            other => other,
        }
    }
}

/// Between a few and a dozen of them, beginning with a checkout.
pub fn ops() -> impl Strategy<Value = Vec<Op>> {
    (open(), prop::collection::vec(op(), 2..14)).prop_map(|(first, mut ops)| {
        ops.insert(0, first);
        ops
    })
}

fn open() -> impl Strategy<Value = Op> {
    (100..5_000_u32, any::<bool>(), prop::bool::weighted(0.4)).prop_map(|(cents, two_sellers, manual)| Op::Open {
        cents,
        two_sellers,
        manual,
    })
}

fn op() -> impl Strategy<Value = Op> {
    let of = 0..4_usize;
    let card = prop_oneof![
        4 => Just(Card::Good),
        1 => Just(Card::Bad),
        1 => Just(Card::Challenged),
        1 => Just(Card::Slow),
    ];
    let lost = || {
        prop::sample::select(vec![
            None,
            None,
            None,
            Some(Mishap::AnswerLost),
            Some(Mishap::OrderLost),
            Some(Mishap::Away),
        ])
    };
    let refused = prop_oneof![3 => lost(), 1 => Just(Some(Mishap::Refused))];
    prop_oneof![
        2 => open(),
        5 => (of.clone(), card, lost()).prop_map(|(of, card, mishap)| Op::Pay { of, card, mishap }),
        1 => (of.clone(), any::<bool>()).prop_map(|(of, taken)| Op::Decide { of, taken }),
        1 => of.clone().prop_map(|of| Op::Look { of }),
        1 => of.clone().prop_map(|of| Op::GiveUp { of }),
        1 => of.clone().prop_map(|of| Op::Expire { of }),
        3 => (of.clone(), prop::option::of(1..3_000_u32), lost())
            .prop_map(|(of, cents, mishap)| Op::Capture { of, cents, mishap }),
        1 => (of.clone(), lost()).prop_map(|(of, mishap)| Op::Cancel { of, mishap }),
        5 => (of.clone(), 1..3_000_u32, refused).prop_map(|(of, cents, mishap)| Op::Refund { of, cents, mishap }),
        2 => (of.clone(), 0..2_usize, 1..3_000_u32)
            .prop_map(|(of, order, cents)| Op::RefundOrder { of, order, cents }),
        3 => (of.clone(), 0..2_usize).prop_map(|(of, order)| Op::Fulfill { of, order }),
        1 => of.clone().prop_map(|of| Op::Bounce { of }),
        1 => of.prop_map(|of| Op::ChangeMind { of }),
        1 => (any::<bool>(), any::<bool>(), any::<bool>(), prop::option::of(1..3_u16), 0..200_000_u32)
            .prop_map(|(late, keep_fee, refuse, days, ppm)| Op::Policies { late, keep_fee, refuse, days, ppm }),
        2 => (0..8_usize).prop_map(|n| Op::Webhook { n }),
        3 => Just(Op::Work),
        2 => prop::sample::select(vec![1, 10, 26 * 60, 8 * 24 * 60]).prop_map(|minutes| Op::Wait { minutes }),
    ]
}
