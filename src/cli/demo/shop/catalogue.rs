//! What is sold, and by whom: three things from two workshops, so that one basket makes two payment orders.

use super::language::Language;

/// Everything is priced in won, a currency without decimals.
pub const CURRENCY: &str = "KRW";

/// The names under which the shop registers its two workshops.
pub const SELLERS: [&str; 2] = ["Moonlight Ceramics", "Jeju Orchard"];

/// One thing on the shelf.
pub struct Product {
    /// Field name in the form.
    pub id: &'static str,
    /// Index into [`SELLERS`].
    pub seller: usize,
    /// Won, as the API wants it.
    pub price: u32,
    /// File under `/static/`.
    pub picture: &'static str,
    name: [&'static str; 2],
    about: [&'static str; 2],
    seller_name: [&'static str; 2],
}

impl Product {
    /// The name as the shopper reads it.
    pub fn name(&self, language: Language) -> &'static str {
        language.pick(self.name)
    }

    /// One sentence about it.
    pub fn about(&self, language: Language) -> &'static str {
        language.pick(self.about)
    }

    /// The price with its thousands apart.
    pub fn price_read(&self) -> String {
        grouped(&self.price.to_string())
    }

    /// Who made it.
    pub fn seller_name(&self, language: Language) -> &'static str {
        language.pick(self.seller_name)
    }
}

/// The shelf.
pub const PRODUCTS: [Product; 3] = [
    Product {
        id: "jar",
        seller: 0,
        price: 48_000,
        picture: "jar.svg",
        name: ["달항아리", "Moon jar"],
        about: ["손으로 빚은 백자, 높이 18cm.", "White porcelain thrown by hand, 18 cm tall."],
        seller_name: ["달빛도예", "Moonlight Ceramics"],
    },
    Product {
        id: "cups",
        seller: 0,
        price: 26_000,
        picture: "cups.svg",
        name: ["찻잔 두 개", "A pair of tea cups"],
        about: ["청자 유약, 한 잔에 90ml.", "Celadon glaze, 90 ml each."],
        seller_name: ["달빛도예", "Moonlight Ceramics"],
    },
    Product {
        id: "tangerines",
        seller: 1,
        price: 19_500,
        picture: "tangerines.svg",
        name: ["제주 감귤 3kg", "Jeju tangerines, 3 kg"],
        about: ["오늘 따서 내일 보냅니다.", "Picked today, sent tomorrow."],
        seller_name: ["제주과수원", "Jeju Orchard"],
    },
];

/// `48000` as `48,000`: how a price is read.
pub fn grouped(digits: &str) -> String {
    let mut read = String::new();
    for (index, digit) in digits.chars().enumerate() {
        let left = digits.len().saturating_sub(index);
        if index > 0 && left.is_multiple_of(3) {
            read.push(',');
        }
        read.push(digit);
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_read_in_groups_of_three() {
        for (digits, read) in [("5", "5"), ("500", "500"), ("48000", "48,000"), ("1234567", "1,234,567")] {
            assert_eq!(grouped(digits), read);
        }
    }

    #[test]
    fn every_product_belongs_to_a_seller_and_both_sellers_sell() {
        for product in &PRODUCTS {
            assert!(product.seller < SELLERS.len(), "{}", product.id);
            assert_eq!(product.seller_name(Language::English), SELLERS[product.seller]);
        }
        assert!((0..SELLERS.len()).all(|seller| PRODUCTS.iter().any(|it| it.seller == seller)));
    }
}
