//! English.

use super::Phrases;

pub static PHRASES: Phrases = Phrases {
    lang: "en",
    title: |merchant| format!("Pay {merchant}"),
    skip: "Skip to payment",
    test_mode: "Test mode: no real money moves",
    test_label: "Notice",
    language: "Language",
    back: "Back to the store",
    powered_by: "Payments by",
    close: "Close",

    summary: "Order summary",
    total: "Total",
    show_items: "Details",
    hide_items: "Hide",
    reference: "Order number",
    others: |others| format!("+ {others} more"),
    sold_by: |seller| format!("Sold by {seller}"),

    pay_title: "Pay by card",
    pay: |amount| format!("Pay {amount}"),
    card_form: "Card details",
    loading: "Loading the card form",
    assurance: "Your card details go straight to the payment provider, encrypted. The store never sees them.",
    save_consent: |merchant| {
        format!(
            "By paying you let {merchant} keep this card and charge it for later orders, as you agreed with the store. Only the payment provider holds the card; ask the store at any time to remove it."
        )
    },
    cancel: "Cancel and return to the store",
    cancel_busy: "Your payment is being sent. Please wait a moment.",
    noscript: "The card form needs JavaScript. Please turn it on in your browser and reload this page. You have not been charged.",

    invalid_cvc: "The security code does not look right. Please check it.",
    form_network: "The card form could not reach the payment provider. You have not been charged. Please try again.",
    check_entry: "Please check your card details and try again.",
    not_sent: "Your payment did not get through, and you have not been charged. Please enter your card again.",
    offline: "You seem to be offline. Your payment is safe: we keep checking and will show the result here.",
    slow: "This is taking longer than usual. There is no need to pay again.",

    declined_title: "The payment did not go through. You have not been charged.",
    declined: "This card was not accepted. Please try another card.",
    insufficient_funds: "There is not enough money or credit available on this card. Please try another card.",
    expired_card: "This card has expired. Please use another card.",
    do_not_honor: "Your bank did not approve the payment. Please contact your bank, or try another card.",
    authentication_failed: "Your bank could not confirm that it was you. Please try again, or use another card.",
    authentication_abandoned: "You left the confirmation before it was finished. Please try again, or use another card.",
    not_processed: "The bank could not be reached. Please try again in a moment, or use another card.",

    processing_title: "Processing your payment",
    processing: "This takes a few seconds. Please keep this page open.",
    action_title: "Confirm with your bank",
    action: "Your bank wants to make sure it is you. You are charged only after you confirm.",
    action_open: "Continue to confirmation",
    action_other: "Use another card",
    unknown_title: "We are checking your payment",
    unknown: "The bank has not told us the result yet. Please do not pay again: this page will show the result as soon as we know it. If you close the page, the store will still be told.",
    unknown_asking: "Asking the bank…",
    succeeded_title: "Thank you, your payment went through",
    succeeded: "We are taking you back to the store.",
    succeeded_link: "Back to the store",
    already_title: "This order is already paid",
    already: "There is nothing more to do. You were charged once.",
    expired_title: "This payment link has expired",
    expired: "You have not been charged. Go back to the store to start again.",
    returned_title: "Your payment is being returned",
    returned: "It arrived after this link had expired, so the whole amount goes back to your card. There is nothing for you to do: depending on your bank it shows within a few days. The store will not send this order.",
    canceled_title: "This payment was canceled",
    canceled: "You have not been charged.",
    unreachable_title: "The card form did not load",
    unreachable: "We could not reach the payment provider just now. You have not been charged.",
    retry: "Try again",

    not_found_title: "We cannot find this payment",
    not_found: "The link is not complete or not valid. Please go back to the store and open the payment page from there.",
    trouble_title: "Something went wrong on our side",
    trouble: "Please reload the page in a moment. If you have already paid, you will not be charged twice.",
};
