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

/// `of` counts the checkouts that are there, round and round, the newest first.
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
        /// Payouts of more than so many cents need a second person.
        approve_above: Option<u32>,
    },
    /// A seller is paid out: the merchant itself, or the second.
    PayOut {
        second: bool,
        cents: u32,
        mishap: Option<Mishap>,
    },
    /// Somebody lets the `n`-th payout go, or refuses to.
    DecidePayout {
        n: usize,
        yes: bool,
    },
    CancelPayout {
        n: usize,
    },
    /// The seller's bank sends the `n`-th payout that arrived back.
    ReturnPayout {
        n: usize,
    },
    /// Payouts by themselves, every day.
    Schedule {
        second: bool,
        reserve_ppm: u32,
        delay_days: u8,
    },
    /// The shopper's bank takes money back; when it is not told, the worker has to find out.
    Contest {
        of: usize,
        cents: u32,
        told: bool,
    },
    /// It decides.
    Rule {
        of: usize,
        won: bool,
        told: bool,
    },
    /// Evidence is handed in.
    Answer {
        of: usize,
        mishap: Option<Mishap>,
    },
    /// Two people move money by hand, from a seller or to them.
    Correct {
        second: bool,
        cents: u32,
        to_seller: bool,
    },
    /// The books are sealed up to here.
    Seal,
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

    /// Whether it is we who do it, and whoever asked asks again. A person who corrects the books looks first.
    pub fn can_die(&self) -> bool {
        !matches!(self, Self::Decide { .. } | Self::Wait { .. } | Self::Correct { .. })
    }

    /// The same, for one who asks again: what was to go wrong may have gone wrong already, or still will. What a bank or
    /// the PSP has done it does not do again; its webhook comes again, when everything comes to rest.
    pub fn again(&self) -> Option<Self> {
        Some(match self.clone() {
            Self::Bounce { .. }
            | Self::ChangeMind { .. }
            | Self::ReturnPayout { .. }
            | Self::Contest { .. }
            | Self::Rule { .. } => return None,
            Self::Pay { of, card, .. } => Self::Pay { of, card, mishap: None },
            Self::Capture { of, cents, .. } => Self::Capture { of, cents, mishap: None },
            Self::Cancel { of, .. } => Self::Cancel { of, mishap: None },
            Self::Refund { of, cents, .. } => Self::Refund { of, cents, mishap: None },
            Self::PayOut { second, cents, .. } => Self::PayOut { second, cents, mishap: None },
            Self::Answer { of, .. } => Self::Answer { of, mishap: None },
            other => other,
        })
    }
}

/// One to two dozen of them, beginning with a sale: what comes late in the life of money comes only after what comes early,
/// which chance alone seldom brings about.
pub fn ops() -> impl Strategy<Value = Vec<Op>> {
    let some = prop_oneof![6 => op().prop_map(|op| vec![op]), 1 => sale()];
    (sale(), prop::collection::vec(some, 2..12)).prop_map(|(mut ops, more)| {
        ops.extend(more.into_iter().flatten());
        ops
    })
}

/// A checkout that is paid, delivered, paid out, and contested; or only the beginning of that.
fn sale() -> impl Strategy<Value = Vec<Op>> {
    let cents = 100..2_000_u32;
    (open(0.1), 1..7_usize, any::<bool>(), cents.clone(), cents).prop_map(
        |(first, far, second, paid_out, contested)| {
            let story = [
                first,
                Op::Pay { of: 0, card: Card::Good, mishap: None },
                Op::Fulfill { of: 0, order: 0 },
                Op::Fulfill { of: 0, order: 1 },
                Op::PayOut { second, cents: paid_out, mishap: None },
                Op::Contest { of: 0, cents: contested, told: true },
            ];
            story.into_iter().take(far).collect()
        },
    )
}

fn open(manual: f64) -> impl Strategy<Value = Op> {
    (100..5_000_u32, any::<bool>(), prop::bool::weighted(manual)).prop_map(|(cents, two_sellers, manual)| Op::Open {
        cents,
        two_sellers,
        manual,
    })
}

fn lost() -> impl Strategy<Value = Option<Mishap>> {
    let lost = [None, None, None, Some(Mishap::AnswerLost), Some(Mishap::OrderLost), Some(Mishap::Away)];
    prop::sample::select(lost.to_vec())
}

fn refused() -> impl Strategy<Value = Option<Mishap>> {
    prop_oneof![3 => lost(), 1 => Just(Some(Mishap::Refused))]
}

fn policies() -> impl Strategy<Value = Op> {
    let words = (any::<bool>(), any::<bool>(), any::<bool>());
    (words, prop::option::of(1..3_u16), 0..200_000_u32, prop::option::of(1..900_u32)).prop_map(
        |((late, keep_fee, refuse), days, ppm, approve_above)| Op::Policies {
            late,
            keep_fee,
            refuse,
            days,
            ppm,
            approve_above,
        },
    )
}

fn after_delivery() -> impl Strategy<Value = Op> {
    let (n, second) = (0..3_usize, any::<bool>());
    prop_oneof![
        4 => (second, 1..1_500_u32, refused())
            .prop_map(|(second, cents, mishap)| Op::PayOut { second, cents, mishap }),
        1 => (n.clone(), any::<bool>()).prop_map(|(n, yes)| Op::DecidePayout { n, yes }),
        1 => n.clone().prop_map(|n| Op::CancelPayout { n }),
        2 => n.prop_map(|n| Op::ReturnPayout { n }),
        1 => (any::<bool>(), 0..500_000_u32, 0..3_u8).prop_map(|(second, reserve_ppm, delay_days)| Op::Schedule {
            second,
            reserve_ppm,
            delay_days,
        }),
    ]
}

fn contested() -> impl Strategy<Value = Op> {
    let (of, told) = (0..2_usize, prop::bool::weighted(0.7));
    prop_oneof![
        2 => (of.clone(), 1..3_000_u32, told).prop_map(|(of, cents, told)| Op::Contest { of, cents, told }),
        2 => (of.clone(), any::<bool>(), told).prop_map(|(of, won, told)| Op::Rule { of, won, told }),
        1 => (of, refused()).prop_map(|(of, mishap)| Op::Answer { of, mishap }),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let of = 0..4_usize;
    let card = prop_oneof![
        4 => Just(Card::Good),
        1 => Just(Card::Bad),
        1 => Just(Card::Challenged),
        1 => Just(Card::Slow),
    ];
    prop_oneof![
        2 => open(0.5),
        5 => (of.clone(), card, lost()).prop_map(|(of, card, mishap)| Op::Pay { of, card, mishap }),
        1 => (of.clone(), any::<bool>()).prop_map(|(of, taken)| Op::Decide { of, taken }),
        1 => of.clone().prop_map(|of| Op::Look { of }),
        1 => of.clone().prop_map(|of| Op::GiveUp { of }),
        1 => of.clone().prop_map(|of| Op::Expire { of }),
        3 => (of.clone(), prop::option::of(1..3_000_u32), lost())
            .prop_map(|(of, cents, mishap)| Op::Capture { of, cents, mishap }),
        1 => (of.clone(), lost()).prop_map(|(of, mishap)| Op::Cancel { of, mishap }),
        5 => (of.clone(), 1..3_000_u32, refused()).prop_map(|(of, cents, mishap)| Op::Refund { of, cents, mishap }),
        2 => (of.clone(), 0..2_usize, 1..3_000_u32)
            .prop_map(|(of, order, cents)| Op::RefundOrder { of, order, cents }),
        3 => (of.clone(), 0..2_usize).prop_map(|(of, order)| Op::Fulfill { of, order }),
        1 => of.clone().prop_map(|of| Op::Bounce { of }),
        1 => of.prop_map(|of| Op::ChangeMind { of }),
        2 => policies(),
        4 => after_delivery(),
        3 => contested(),
        1 => (any::<bool>(), 1..500_u32, any::<bool>())
            .prop_map(|(second, cents, to_seller)| Op::Correct { second, cents, to_seller }),
        1 => Just(Op::Seal),
        2 => (0..8_usize).prop_map(|n| Op::Webhook { n }),
        3 => Just(Op::Work),
        2 => prop::sample::select(vec![1, 10, 26 * 60, 8 * 24 * 60]).prop_map(|minutes| Op::Wait { minutes }),
    ]
}
