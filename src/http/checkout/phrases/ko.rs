//! Korean. One voice throughout: the polite, informal `해요` form.

use super::Phrases;

pub static PHRASES: Phrases = Phrases {
    lang: "ko",
    title: |merchant| format!("{merchant} 결제"),
    skip: "결제로 바로 가기",
    test_mode: "테스트 모드예요. 실제로 결제되지 않아요.",
    test_label: "안내",
    language: "언어",
    back: "상점으로 돌아가기",
    powered_by: "결제 시스템",
    close: "닫기",

    summary: "주문 내역",
    total: "총 결제 금액",
    show_items: "자세히",
    hide_items: "접기",
    reference: "주문 번호",
    others: |others| format!("외 {others}건"),
    sold_by: |seller| format!("판매자 {seller}"),

    pay_title: "카드 결제",
    pay: |amount| format!("{amount} 결제하기"),
    card_form: "카드 정보 입력",
    loading: "카드 입력창을 불러오고 있어요.",
    assurance: "카드 정보는 암호화되어 결제대행사로 바로 전달돼요. 상점은 카드 정보를 볼 수 없어요.",
    save_consent: |merchant| {
        format!(
            "결제하면 {merchant}의 다음 주문에도 이 카드로 결제되도록 저장하는 데 동의하게 돼요. 카드 정보는 결제대행사만 보관하고, 언제든 상점에 요청해 지울 수 있어요."
        )
    },
    cancel: "취소하고 상점으로 돌아가기",
    cancel_busy: "결제를 요청하고 있어요. 잠시만 기다려 주세요.",
    noscript: "카드를 입력하려면 자바스크립트가 필요해요. 브라우저 설정에서 켠 다음 새로고침해 주세요. 아직 결제되지 않았어요.",

    invalid_cvc: "CVC 번호를 다시 확인해 주세요.",
    form_network: "결제대행사에 연결하지 못했어요. 아직 결제되지 않았으니 다시 시도해 주세요.",
    check_entry: "카드 정보를 확인하고 다시 시도해 주세요.",
    not_sent: "결제 요청이 전달되지 않았고, 결제된 금액도 없어요. 카드 정보를 다시 입력해 주세요.",
    offline: "인터넷 연결이 끊긴 것 같아요. 결제는 안전해요. 계속 확인해서 결과를 여기에 알려 드릴게요.",
    slow: "평소보다 오래 걸리고 있어요. 다시 결제하지 않아도 돼요.",

    declined_title: "결제가 완료되지 않았어요. 결제된 금액은 없어요.",
    declined: "이 카드로는 결제할 수 없어요. 다른 카드로 다시 시도해 주세요.",
    insufficient_funds: "카드 잔액이나 한도가 부족해요. 다른 카드로 다시 시도해 주세요.",
    expired_card: "유효기간이 지난 카드예요. 다른 카드로 다시 시도해 주세요.",
    do_not_honor: "카드사에서 승인하지 않았어요. 카드사에 문의하거나 다른 카드로 다시 시도해 주세요.",
    authentication_failed: "본인 인증이 완료되지 않았어요. 다시 시도하거나 다른 카드를 사용해 주세요.",
    authentication_abandoned: "본인 인증을 끝까지 마치지 않았어요. 다시 시도하거나 다른 카드를 사용해 주세요.",
    not_processed: "카드사와 연결되지 않았어요. 잠시 후 다시 시도하거나 다른 카드를 사용해 주세요.",

    processing_title: "결제하고 있어요",
    processing: "몇 초 정도 걸려요. 이 화면을 닫지 말고 기다려 주세요.",
    action_title: "카드사 본인 인증",
    action: "카드사에서 본인 확인을 요청했어요. 인증을 마쳐야 결제돼요.",
    action_open: "인증 계속하기",
    action_other: "다른 카드로 결제하기",
    unknown_title: "결제 결과를 확인하고 있어요",
    unknown: "아직 카드사에서 결과를 받지 못했어요. 다시 결제하지 말고 기다려 주세요. 결과를 받으면 이 화면에 바로 알려 드릴게요. 화면을 닫아도 상점에는 결과가 전달돼요.",
    unknown_asking: "카드사에 확인하고 있어요…",
    succeeded_title: "결제가 완료됐어요",
    succeeded: "잠시 후 상점으로 이동해요.",
    succeeded_link: "상점으로 돌아가기",
    already_title: "이미 결제된 주문이에요",
    already: "더 하실 일은 없어요. 결제는 한 번만 됐어요.",
    expired_title: "결제 시간이 지났어요",
    expired: "결제된 금액은 없어요. 상점으로 돌아가 다시 주문해 주세요.",
    returned_title: "결제하신 금액을 돌려드리고 있어요",
    returned: "결제 시간이 지난 뒤에 승인되어 전액이 카드로 환불돼요. 따로 하실 일은 없고, 카드사에 따라 며칠 안에 반영돼요. 이 주문은 진행되지 않아요.",
    canceled_title: "취소된 결제예요",
    canceled: "결제된 금액은 없어요.",
    unreachable_title: "카드 입력창을 불러오지 못했어요",
    unreachable: "지금 결제대행사에 연결할 수 없어요. 결제된 금액은 없어요.",
    retry: "다시 시도하기",

    not_found_title: "결제 정보를 찾을 수 없어요",
    not_found: "주소가 잘렸거나 올바르지 않아요. 상점으로 돌아가 결제 화면을 다시 열어 주세요.",
    trouble_title: "일시적인 문제가 생겼어요",
    trouble: "잠시 후 새로고침해 주세요. 이미 결제하셨다면 두 번 결제되지 않아요.",
};
