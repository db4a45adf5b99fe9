//! The verdict on one attempt.

use crate::config::RiskRules;
use crate::words::Money;

/// What is known about an attempt before it is made. A number that the rules do not ask for may be left at nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// What is to be paid.
    pub amount: Money,
    /// Attempts already made in this checkout session.
    pub attempts_in_session: u32,
    /// Attempts already made with this e-mail address within the rule's window.
    pub attempts_by_email: u32,
    /// Attempts already made at this merchant within the rule's window.
    pub attempts_at_merchant: u32,
}

/// The rule that refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// More than the largest amount of the currency.
    LargestAmount,
    /// Too many tries in one session.
    AttemptsPerSession,
    /// Too many tries with one e-mail address.
    AttemptsPerEmail,
    /// Too many tries at one merchant.
    AttemptsPerMerchant,
}

impl Rule {
    /// The rule's name for the merchant and the records, as in the settings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LargestAmount => "largest_amount",
            Self::AttemptsPerSession => "attempts_per_session",
            Self::AttemptsPerEmail => "attempts_per_email",
            Self::AttemptsPerMerchant => "attempts_per_merchant",
        }
    }

    /// What a shopper may be told: not which limit was met, so that nobody learns to stay below it.
    #[must_use]
    pub fn shopper_code(self) -> &'static str {
        match self {
            Self::LargestAmount => "amount_not_allowed",
            Self::AttemptsPerSession | Self::AttemptsPerEmail | Self::AttemptsPerMerchant => "too_many_attempts",
        }
    }
}

/// Whether the attempt may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Allow,
    /// It may not; the provider is not called.
    Refuse(Rule),
}

/// Asks every rule; the first that refuses decides.
#[must_use]
pub fn assess(facts: &Facts, rules: &RiskRules) -> Verdict {
    let reached = |made: u32, limit: Option<u32>| limit.is_some_and(|limit| made >= limit);
    let too_much = rules.largest(facts.amount.currency()).is_some_and(|largest| facts.amount.minor() > largest.minor());
    let asked = [
        (too_much, Rule::LargestAmount),
        (reached(facts.attempts_in_session, rules.attempts_per_session), Rule::AttemptsPerSession),
        (
            reached(facts.attempts_by_email, rules.attempts_per_email.map(|window| window.attempts)),
            Rule::AttemptsPerEmail,
        ),
        (
            reached(facts.attempts_at_merchant, rules.attempts_per_merchant.map(|window| window.attempts)),
            Rule::AttemptsPerMerchant,
        ),
    ];
    asked.into_iter().find(|(refuses, _)| *refuses).map_or(Verdict::Allow, |(_, rule)| Verdict::Refuse(rule))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Window;
    use crate::words::Currency;

    fn facts(minor: i64) -> Facts {
        let amount = Money::of(minor, Currency::parse("KRW").unwrap()).unwrap();
        Facts { amount, attempts_in_session: 0, attempts_by_email: 0, attempts_at_merchant: 0 }
    }

    fn rules() -> RiskRules {
        RiskRules {
            largest_amount: [("KRW".to_owned(), "1000".to_owned())].into(),
            attempts_per_session: Some(3),
            attempts_per_email: Some(Window { attempts: 5, seconds: 60 }),
            attempts_per_merchant: Some(Window { attempts: 7, seconds: 60 }),
        }
    }

    #[test]
    fn the_limit_itself_is_allowed() {
        assert_eq!(assess(&facts(1000), &rules()), Verdict::Allow);
        assert_eq!(assess(&facts(1001), &rules()), Verdict::Refuse(Rule::LargestAmount));
    }

    #[test]
    fn each_counter_has_its_rule() {
        let last_allowed = Facts { attempts_in_session: 2, attempts_by_email: 4, attempts_at_merchant: 6, ..facts(1) };
        assert_eq!(assess(&last_allowed, &rules()), Verdict::Allow);
        let refused = |facts| match assess(&facts, &rules()) {
            Verdict::Refuse(rule) => rule,
            Verdict::Allow => panic!("allowed"),
        };
        assert_eq!(refused(Facts { attempts_in_session: 3, ..last_allowed }), Rule::AttemptsPerSession);
        assert_eq!(refused(Facts { attempts_by_email: 5, ..last_allowed }), Rule::AttemptsPerEmail);
        assert_eq!(refused(Facts { attempts_at_merchant: 7, ..last_allowed }), Rule::AttemptsPerMerchant);
    }

    #[test]
    fn a_rule_that_is_not_set_refuses_nothing() {
        let none = RiskRules {
            largest_amount: [].into(),
            attempts_per_session: None,
            attempts_per_email: None,
            attempts_per_merchant: None,
        };
        let many = Facts {
            attempts_in_session: 999,
            attempts_by_email: 999,
            attempts_at_merchant: 999,
            ..facts(999_999_999_999)
        };
        assert_eq!(assess(&many, &none), Verdict::Allow);
    }

    #[test]
    fn the_shopper_does_not_learn_the_limit() {
        for rule in [Rule::AttemptsPerSession, Rule::AttemptsPerEmail, Rule::AttemptsPerMerchant] {
            assert_eq!(rule.shopper_code(), "too_many_attempts");
        }
    }
}
