//! How sums over an account's transfers are kept: in two parts, as a whole and by stretches of time.
//!
//! What moved on an account in all its life need not fit into 64 bits, which is all that both databases add up. A sum is therefore kept as
//! high * 2^40 + low: the parts of many sums are added by the database, and put together by
//! [`crate::db::Row::wide`].

/// How much of a sum is low.
const LOW: u32 = 40;

/// The stretches of time for which sums are kept, the widest first: 2^44, 2^36 and 2^28 microseconds, which is 203 days, 19 hours and
/// 4.5 minutes. Each divides the one before it into 256.
pub(super) const WIDTHS: [u32; 3] = [44, 36, 28];

/// When the stretch of this width began in which an instant lies.
pub(super) const fn start(at: i64, width: u32) -> i64 {
    (at >> width) << width
}

/// The two parts of a sum; `None` when it is beyond 103 bits.
pub(super) fn parts(sum: i128) -> Option<(i64, i64)> {
    let low = sum & ((1 << LOW) - 1);
    Some((i64::try_from(sum >> LOW).ok()?, i64::try_from(low).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_the_same_from_its_parts() {
        for sum in [0, 1, (1 << LOW) - 1, 1 << LOW, i128::from(i64::MAX) * 10_000] {
            let (high, low) = parts(sum).unwrap();
            assert!((0..1 << LOW).contains(&low));
            assert_eq!((i128::from(high) << LOW) + i128::from(low), sum);
        }
        assert_eq!(parts(i128::MAX), None);
    }

    #[test]
    fn stretches_lie_within_each_other_also_before_1970() {
        for at in [-1, 0, 1, 1_760_000_000_000_000, -1_760_000_000_000_000, i64::MAX, i64::MIN] {
            let [wide, middle, narrow] = WIDTHS.map(|width| start(at, width));
            assert!(wide <= middle && middle <= narrow && narrow <= at, "{at}");
            assert!(at.abs_diff(narrow) < 1 << 28, "{at}");
        }
    }
}
