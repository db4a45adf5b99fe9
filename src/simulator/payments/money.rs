//! The stand-in's price list.

/// What the stand-in keeps of each sale: 2.9 %, in hundredths of a percent.
const SALE_FEE_BASIS_POINTS: i128 = 290;

/// The fee of a sale of `gross` minor units, rounded half up. Refunds cost nothing and give no fee back.
pub fn sale_fee(gross: i64) -> i64 {
    let exact = i128::from(gross).saturating_mul(SALE_FEE_BASIS_POINTS);
    i64::try_from(exact.saturating_add(5_000).div_euclid(10_000)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::sale_fee;

    #[test]
    fn the_fee_is_two_point_nine_percent_rounded_half_up() {
        for (gross, fee) in [
            (1, 0),
            (17, 0),
            (18, 1),
            (100, 3),
            (10_000, 290),
            (15_000, 435),
            (1_000_000_000_000_000, 29_000_000_000_000),
        ] {
            assert_eq!(sale_fee(gross), fee, "{gross}");
        }
    }
}
