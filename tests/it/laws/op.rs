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

/// The days of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interval {
    Daily,
    Weekly(&'static str),
    Monthly(u8),
}

/// What a seller's payouts by themselves are to be like.
#[derive(Debug, Clone)]
pub struct Terms {
    pub interval: Interval,
    pub hour: u8,
    pub zone: &'static str,
    /// So many cents are worth a transfer.
    pub minimum: Option<i64>,
    pub delay_days: u8,
    pub reserve_ppm: u32,
    /// Of what came within so many days; of everything when it is 0.
    pub reserve_days: u8,
}

/// Whose money two people move by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pocket {
    Available,
    /// Of the order of a checkout, counted as `of` is.
    Pending(usize),
    /// Of refunds and disputes, which have ends of their own.
    Reserved,
    /// On its way to the bank, likewise.
    PayingOut,
}

/// `of` counts the checkouts that are there, round and round, the newest first.
#[derive(Debug, Clone)]
pub enum Op {
    Open {
        cents: i64,
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
        cents: Option<i64>,
        mishap: Option<Mishap>,
    },
    Cancel {
        of: usize,
        mishap: Option<Mishap>,
    },
    Refund {
        of: usize,
        cents: i64,
        mishap: Option<Mishap>,
    },
    /// Of the order with this place alone.
    RefundOrder {
        of: usize,
        order: usize,
        cents: i64,
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
    /// Somebody gives back what the PSP took twice.
    GiveBack {
        of: usize,
    },
    Policies {
        late: bool,
        /// What was taken twice waits for a person.
        review: bool,
        keep_fee: bool,
        refuse: bool,
        days: Option<u16>,
        ppm: u32,
        /// Payouts of more than so many cents need a second person.
        approve_above: Option<i64>,
    },
    /// A seller is paid out: the merchant itself, or the second.
    PayOut {
        second: bool,
        cents: i64,
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
    /// Payouts by themselves from now on.
    Schedule {
        second: bool,
        terms: Terms,
    },
    /// The shopper's bank takes money back; when it is not told, the worker has to find out.
    Contest {
        of: usize,
        cents: i64,
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
    /// The merchant gives in.
    Accept {
        of: usize,
        mishap: Option<Mishap>,
    },
    /// Two people move money by hand, from a seller or to them.
    Correct {
        second: bool,
        pocket: Pocket,
        cents: i64,
        to_seller: bool,
    },
    /// The books are sealed up to here.
    Seal,
    /// The PSP's `n`-th webhook comes, late or once more.
    Webhook {
        n: usize,
    },
    Work,
    /// Nothing of ours runs for longer than the PSP remembers a key.
    Away,
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
        !matches!(
            self,
            Self::Decide { .. } | Self::Wait { .. } | Self::Away | Self::Correct { .. } | Self::GiveBack { .. }
        )
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
            Self::Accept { of, .. } => Self::Accept { of, mishap: None },
            other => other,
        })
    }
}

/// One to two dozen of them, beginning with a sale: what comes late in the life of money comes only after what comes early,
/// which chance alone seldom brings about.
pub fn ops() -> impl Strategy<Value = Vec<Op>> {
    let some = prop_oneof![12 => op().prop_map(|op| vec![op]), 2 => sale(), 1 => turns(), 2 => taken_twice(), 2 => forgotten()];
    (sale(), prop::collection::vec(some, 2..12)).prop_map(|(mut ops, more)| {
        ops.extend(more.into_iter().flatten());
        ops
    })
}

/// A checkout that is paid, delivered, paid out, and contested; or only the beginning of that.
fn sale() -> impl Strategy<Value = Vec<Op>> {
    let cents = || minor(100..2_000);
    (open(0.1), 1..7_usize, any::<bool>(), cents(), cents()).prop_map(|(first, far, second, paid_out, contested)| {
        let story = [
            first,
            Op::Pay { of: 0, card: Card::Good, mishap: None },
            Op::Fulfill { of: 0, order: 0 },
            Op::Fulfill { of: 0, order: 1 },
            Op::PayOut { second, cents: paid_out, mishap: None },
            Op::Contest { of: 0, cents: contested, told: true },
        ];
        story.into_iter().take(far).collect()
    })
}

/// A schedule is set, something is sold and delivered, and its days come; the same once more, so that some is older and some
/// too young.
fn turns() -> impl Strategy<Value = Vec<Op>> {
    let delivered = || {
        (open(0.0), long()).prop_map(|(open, far)| {
            let pay = Op::Pay { of: 0, card: Card::Good, mishap: None };
            [open, pay, Op::Fulfill { of: 0, order: 0 }, Op::Fulfill { of: 0, order: 1 }, far]
        })
    };
    (any::<bool>(), terms(), delivered(), delivered())
        .prop_map(|(second, terms, one, two)| [vec![Op::Schedule { second, terms }], one.into(), two.into()].concat())
}

/// A card is declined and another one pays; then the PSP takes the decline back.
fn taken_twice() -> impl Strategy<Value = Vec<Op>> {
    (open(0.1), any::<bool>(), lost()).prop_map(|(open, given_back, mishap)| {
        let pay = |card| Op::Pay { of: 0, card, mishap: None };
        let refund = Op::Refund { of: 0, cents: 50, mishap };
        let more = if given_back { Op::GiveBack { of: 0 } } else { refund };
        vec![open, pay(Card::Bad), pay(Card::Good), Op::ChangeMind { of: 0 }, more]
    })
}

/// An order whose answer is lost, and the PSP has forgotten its key before anybody asks again.
fn forgotten() -> impl Strategy<Value = Vec<Op>> {
    let mishap = Some(Mishap::AnswerLost);
    (open(0.0), any::<bool>(), any::<bool>(), minor(100..900)).prop_map(move |(open, refund, second, cents)| {
        let pay = Op::Pay { of: 0, card: Card::Good, mishap: None };
        let order = if refund { Op::Refund { of: 0, cents, mishap } } else { Op::PayOut { second, cents, mishap } };
        let delivered = [Op::Fulfill { of: 0, order: 0 }, Op::Fulfill { of: 0, order: 1 }];
        [vec![open, pay], delivered.into(), vec![order, Op::Away]].concat()
    })
}

fn terms() -> impl Strategy<Value = Terms> {
    let interval = prop_oneof![
        2 => Just(Interval::Daily),
        1 => prop::sample::select(vec!["monday", "thursday", "sunday"]).prop_map(Interval::Weekly),
        1 => prop::sample::select(vec![1, 15, 31]).prop_map(Interval::Monthly),
    ];
    let zone = prop::sample::select(vec!["UTC", "Asia/Seoul", "America/New_York", "Pacific/Apia"]);
    let reserve = prop_oneof![Just((0, 0)), (1..500_000_u32, 0..10_u8)];
    (interval, 0..24_u8, zone, prop::option::weighted(0.3, 1..2_000_i64), 0..10_u8, reserve).prop_map(
        |(interval, hour, zone, minimum, delay_days, (reserve_ppm, reserve_days))| Terms {
            interval,
            hour,
            zone,
            minimum,
            delay_days,
            reserve_ppm,
            reserve_days,
        },
    )
}

/// More than a day, a week, or a month.
fn long() -> impl Strategy<Value = Op> {
    prop::sample::select(vec![26 * 60, 8 * 24 * 60, 32 * 24 * 60]).prop_map(|minutes| Op::Wait { minutes })
}

/// The most that a checkout may come to, in minor units.
const MOST: i64 = 9_999_999_999;

/// Mostly so much; sometimes about as much as there can be.
fn minor(some: std::ops::Range<i64>) -> impl Strategy<Value = i64> {
    prop_oneof![15 => some, 1 => MOST - 2_000..MOST + 2]
}

fn open(manual: f64) -> impl Strategy<Value = Op> {
    (minor(100..5_000), any::<bool>(), prop::bool::weighted(manual)).prop_map(|(cents, two_sellers, manual)| Op::Open {
        cents,
        two_sellers,
        manual,
    })
}

fn lost() -> impl Strategy<Value = Option<Mishap>> {
    let lost = [Mishap::AnswerLost, Mishap::OrderLost, Mishap::Late, Mishap::Away].map(Some);
    prop::sample::select([[None; 4], lost].concat())
}

fn refused() -> impl Strategy<Value = Option<Mishap>> {
    prop_oneof![4 => lost(), 1 => Just(Some(Mishap::Refused))]
}

fn policies() -> impl Strategy<Value = Op> {
    let words = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (words, prop::option::of(1..3_u16), 0..200_000_u32, prop::option::of(1..900_i64)).prop_map(
        |((late, review, keep_fee, refuse), days, ppm, approve_above)| Op::Policies {
            late,
            review,
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
        4 => (second, minor(1..1_500), refused())
            .prop_map(|(second, cents, mishap)| Op::PayOut { second, cents, mishap }),
        1 => (n.clone(), any::<bool>()).prop_map(|(n, yes)| Op::DecidePayout { n, yes }),
        1 => n.clone().prop_map(|n| Op::CancelPayout { n }),
        2 => n.prop_map(|n| Op::ReturnPayout { n }),
        1 => (any::<bool>(), terms()).prop_map(|(second, terms)| Op::Schedule { second, terms }),
    ]
}

fn contested() -> impl Strategy<Value = Op> {
    let (of, told) = (0..2_usize, prop::bool::weighted(0.7));
    prop_oneof![
        2 => (of.clone(), minor(1..3_000), told).prop_map(|(of, cents, told)| Op::Contest { of, cents, told }),
        2 => (of.clone(), any::<bool>(), told).prop_map(|(of, won, told)| Op::Rule { of, won, told }),
        1 => (of.clone(), refused()).prop_map(|(of, mishap)| Op::Answer { of, mishap }),
        1 => (of, lost()).prop_map(|(of, mishap)| Op::Accept { of, mishap }),
    ]
}

/// By hand more may be moved than any checkout comes to.
fn correction() -> impl Strategy<Value = Op> {
    let pocket = prop_oneof![
        3 => Just(Pocket::Available),
        3 => (0..3_usize).prop_map(Pocket::Pending),
        1 => Just(Pocket::Reserved),
        1 => Just(Pocket::PayingOut),
    ];
    let cents = prop_oneof![15 => 1..500_i64, 1 => 999_999_999_999_000..999_999_999_999_999_i64];
    (any::<bool>(), pocket, cents, any::<bool>()).prop_map(|(second, pocket, cents, to_seller)| Op::Correct {
        second,
        pocket,
        cents,
        to_seller,
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
    prop_oneof![
        2 => open(0.5),
        5 => (of.clone(), card, lost()).prop_map(|(of, card, mishap)| Op::Pay { of, card, mishap }),
        1 => (of.clone(), any::<bool>()).prop_map(|(of, taken)| Op::Decide { of, taken }),
        1 => of.clone().prop_map(|of| Op::Look { of }),
        1 => of.clone().prop_map(|of| Op::GiveUp { of }),
        1 => of.clone().prop_map(|of| Op::Expire { of }),
        3 => (of.clone(), prop::option::of(minor(1..3_000)), lost())
            .prop_map(|(of, cents, mishap)| Op::Capture { of, cents, mishap }),
        1 => (of.clone(), lost()).prop_map(|(of, mishap)| Op::Cancel { of, mishap }),
        5 => (of.clone(), minor(1..3_000), refused()).prop_map(|(of, cents, mishap)| Op::Refund { of, cents, mishap }),
        2 => (of.clone(), 0..2_usize, minor(1..3_000))
            .prop_map(|(of, order, cents)| Op::RefundOrder { of, order, cents }),
        3 => (of.clone(), 0..2_usize).prop_map(|(of, order)| Op::Fulfill { of, order }),
        1 => of.clone().prop_map(|of| Op::Bounce { of }),
        1 => of.prop_map(|of| Op::ChangeMind { of }),
        2 => policies(),
        4 => after_delivery(),
        3 => contested(),
        2 => correction(),
        1 => Just(Op::Seal),
        2 => (0..8_usize).prop_map(|n| Op::Webhook { n }),
        3 => Just(Op::Work),
        1 => Just(Op::Away),
        1 => (0..4_usize).prop_map(|of| Op::GiveBack { of }),
        1 => prop::sample::select(vec![1, 10]).prop_map(|minutes| Op::Wait { minutes }),
        1 => long(),
    ]
}
