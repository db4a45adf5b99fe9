//! What the hosted page shows, as one value; the template adds nothing of its own.

use askama::Template;

use super::amount;
use super::locale::Locale;
use super::phrases::Phrases;

/// One position of the order, ready to read.
#[derive(Debug, Clone)]
pub struct Line {
    /// What is bought.
    pub name: String,
    /// Who sells it, said only when several sellers share the order.
    pub seller: String,
    /// How many.
    pub quantity: i64,
    /// How many, to read.
    pub quantity_text: String,
    /// The price of one.
    pub unit: String,
    /// The price of all of them.
    pub amount: String,
}

/// A language of the switch.
#[derive(Debug, Clone)]
pub struct Language {
    /// Its tag.
    pub lang: &'static str,
    /// Its name in itself.
    pub name: &'static str,
    /// Whether the page is in it.
    pub current: bool,
}

/// The whole page. Absent texts are empty.
#[derive(Debug, Template)]
#[template(path = "checkout/page.html")]
pub struct Page {
    /// The sentences.
    pub words: &'static Phrases,
    /// The switch.
    pub languages: Vec<Language>,
    /// The title in the browser's tab.
    pub title: String,
    /// Whether real money moves.
    pub livemode: bool,
    /// Address of the page without its query: `/pay/{token}`.
    pub base: String,
    /// The session, under which the script remembers what it was doing.
    pub session_id: String,
    /// What the script proves itself with.
    pub page_token: String,
    /// One of the states of the status endpoint.
    pub state: &'static str,
    /// Why the last card was refused.
    pub message: String,
    /// Where 3-D Secure is done.
    pub challenge_url: String,
    /// Where to go once paid; empty until then.
    pub redirect_url: String,
    /// Where to go without paying.
    pub cancel_url: String,
    /// When the session's time is over, in Unix seconds.
    pub expires_unix: i64,
    /// Who asks for the money.
    pub merchant: String,
    /// The first letter of its name.
    pub monogram: String,
    /// The merchant's name for the order.
    pub reference: String,
    /// The order.
    pub lines: Vec<Line>,
    /// The order in a few words, for phones: the first item.
    pub first: String,
    /// The order in a few words: how many other items there are, if any.
    pub others: String,
    /// What is to be paid.
    pub total: String,
    /// What the button says.
    pub pay_label: String,
    /// What the shopper agrees to when the card is kept; empty when it is not.
    pub consent: String,
    /// Whether a card may be entered now.
    pub payable: bool,
}

/// Name, unit price, quantity, amount, seller.
type SampleLine = (&'static str, &'static str, i64, &'static str, &'static str);

impl Page {
    /// The switch, with the page's own language marked.
    pub fn languages(current: Locale) -> Vec<Language> {
        Locale::ALL
            .map(|locale| Language { lang: locale.code(), name: locale.name(), current: locale == current })
            .to_vec()
    }

    /// First letter of the merchant's name, where other pages would need a logo.
    pub fn monogram(merchant: &str) -> String {
        merchant
            .chars()
            .find(|letter| letter.is_alphanumeric())
            .map_or_else(|| "·".to_owned(), |letter| letter.to_uppercase().collect())
    }

    /// How many items there are besides the first.
    pub fn others(words: &Phrases, items: usize) -> String {
        match items {
            0 | 1 => String::new(),
            _ => (words.others)(items - 1),
        }
    }

    /// A page as it could be, for tests and for looking at it.
    pub fn sample(locale: Locale, state: &'static str) -> Self {
        let words = Phrases::of(locale);
        let (merchant, currency, items, total): (_, _, &[SampleLine], _) = match locale {
            Locale::Ko => (
                "달빛 상점",
                "KRW",
                &[
                    ("백자 머그잔", "18000", 2, "36000", "달빛 상점"),
                    ("핸드드립 원두 200g", "14500", 1, "14500", "언덕 위 로스터리"),
                    ("면 행주 3장 세트", "9900", 1, "9900", "달빛 상점"),
                ],
                "60400",
            ),
            Locale::En => (
                "Moonlight Store",
                "USD",
                &[
                    ("White porcelain mug", "18.00", 2, "36.00", "Moonlight Store"),
                    ("Coffee beans, 200 g", "14.50", 1, "14.50", "Hilltop Roastery"),
                    ("Cotton tea towels, set of 3", "9.90", 1, "9.90", "Moonlight Store"),
                ],
                "60.40",
            ),
        };
        let lines: Vec<Line> = items
            .iter()
            .map(|&(name, unit, quantity, sum, seller)| Line {
                name: name.to_owned(),
                seller: (words.sold_by)(seller),
                quantity,
                quantity_text: amount::count(quantity),
                unit: amount::for_people(unit, currency),
                amount: amount::for_people(sum, currency),
            })
            .collect();
        let total = amount::for_people(total, currency);
        Self {
            words,
            languages: Self::languages(locale),
            title: (words.title)(merchant),
            livemode: false,
            base: "/pay/sample".to_owned(),
            session_id: "cs_sample".to_owned(),
            page_token: "sample".to_owned(),
            state,
            message: if state == "declined" { words.insufficient_funds.to_owned() } else { String::new() },
            challenge_url: String::new(),
            redirect_url: "https://shop.example/thanks".to_owned(),
            cancel_url: "https://shop.example/cart".to_owned(),
            expires_unix: 0,
            merchant: merchant.to_owned(),
            monogram: Self::monogram(merchant),
            reference: "2026-1031".to_owned(),
            first: items[0].0.to_owned(),
            others: Self::others(words, items.len()),
            lines,
            pay_label: (words.pay)(&total),
            total,
            consent: String::new(),
            payable: state == "ready" || state == "declined",
        }
    }
}

/// A page with one sentence: a link that leads nowhere, or trouble on our side.
#[derive(Debug, Template)]
#[template(path = "checkout/notice.html")]
pub struct Notice {
    /// The sentences.
    pub words: &'static Phrases,
    /// What happened.
    pub title: &'static str,
    /// What to do about it.
    pub text: &'static str,
}

impl Notice {
    /// The link is cut off, forged or forgotten.
    pub fn not_found(locale: Locale) -> Self {
        let words = Phrases::of(locale);
        Self { words, title: words.not_found_title, text: words.not_found }
    }

    /// We failed; the shopper is told what it means for the money.
    pub fn trouble(locale: Locale) -> Self {
        let words = Phrases::of(locale);
        Self { words, title: words.trouble_title, text: words.trouble }
    }
}
