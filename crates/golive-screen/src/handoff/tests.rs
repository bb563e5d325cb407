//! E3: who asks for a person is heard in every language of the table, and near-misses are not.

use super::*;

fn hears(text: &str) -> Option<&'static str> {
    let all = Handoff::new(true, &[], &[]);
    all.hears(text).map(|heard| heard.language.unwrap_or("own"))
}

#[test]
fn the_wish_for_a_person_is_heard_in_many_languages() {
    let mut missed: Vec<String> = Vec::new();
    for (language, texts) in [
        (
            "en",
            &[
                "I want to talk to a human",
                "talk to a human",
                "Talk To Human!",
                "Can I speak with a real person please?",
                "could you please connect me to an agent",
                "Let me speak to a representative.",
                "get me a human",
                "I need a real person",
                "human please",
                "Representative",
                "This is useless. Transfer me to customer service, now",
                "why can't I talk to a human?",
                "I don't want to talk to a bot",
                "is there a human I can talk to?",
                "I'd like to chat with someone from support... can I talk to somebody?",
                "please escalate this to a supervisor",
                "Hello,\n\nmy order 4711 is late and your answers do not help.\nI would like to speak to a human being.\nRegards",
                "How do I talk to a human?",
            ][..],
        ),
        (
            "de",
            &[
                "Ich möchte mit einem Menschen sprechen",
                "ich will mit einem echten Mitarbeiter reden!",
                "Verbinden Sie mich bitte mit einem Mitarbeiter",
                "Ich will einen Menschen",
                "Mitarbeiter bitte",
            ],
        ),
        (
            "fr",
            &[
                "Je veux parler à un humain",
                "Puis-je parler avec un vrai conseiller ?",
                "passez-moi un conseiller",
                "je voudrais parler à quelqu’un",
            ],
        ),
        (
            "es",
            &[
                "Quiero hablar con un humano",
                "quiero hablar con una persona real",
                "Páseme con un agente, por favor",
                "necesito un representante",
            ],
        ),
        (
            "pt",
            &[
                "Quero falar com um atendente",
                "quero falar com uma pessoa",
                "me transfira para um humano",
                "Atendente",
            ],
        ),
        (
            "it",
            &[
                "Voglio parlare con un operatore",
                "vorrei parlare con una persona vera",
                "passami un operatore",
            ],
        ),
        (
            "nl",
            &[
                "Ik wil met een mens praten",
                "kan ik praten met een medewerker?",
                "verbind me door met een medewerker",
            ],
        ),
        (
            "sv",
            &["Jag vill prata med en människa", "koppla mig till en handläggare"],
        ),
        (
            "pl",
            &[
                "Chcę porozmawiać z człowiekiem",
                "proszę połączyć mnie z konsultantem",
                "chcę rozmawiać z konsultantem",
            ],
        ),
        (
            "ru",
            &[
                "Хочу поговорить с человеком",
                "соедините меня с оператором",
                "позовите оператора",
                "Оператор",
            ],
        ),
        (
            "uk",
            &["Хочу поговорити з людиною", "з'єднайте мене з оператором"],
        ),
        (
            "tr",
            &[
                "Gerçek bir kişiyle konuşmak istiyorum",
                "müşteri temsilcisiyle görüşmek istiyorum",
                "beni temsilciye bağlayın",
            ],
        ),
        ("zh", &["我想转人工", "请帮我转人工客服", "我要和真人说话"]),
        (
            "ja",
            &[
                "人間と話したいです",
                "オペレーターにつないでください",
                "担当者と話したい",
            ],
        ),
        ("ko", &["상담원 연결해 주세요", "사람과 이야기하고 싶어요"]),
        ("ar", &["أريد التحدث مع شخص حقيقي", "حولني إلى موظف"]),
        ("hi", &["मुझे इंसान से बात करनी है", "किसी एजेंट से बात कराओ"]),
        ("th", &["ขอคุยกับเจ้าหน้าที่", "อยากคุยกับคน"]),
    ] {
        for text in texts {
            if hears(text) != Some(language) {
                missed.push(format!("{language}: {text} ({:?})", hears(text)));
            }
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn near_misses_are_not() {
    let mut wrong: Vec<String> = Vec::new();
    for text in [
        "I don't want to talk to a human",
        "I do not need to speak with a representative",
        "please never connect me to an agent",
        "It was a human error",
        "Is this a representative sample?",
        "Draw a representative sample of the agents",
        "How do I talk to human resources about my contract?",
        "My customers want to talk to a human",
        "How many customers ask to talk to a human every day, on average?",
        "He said \"talk to a human\" and laughed",
        "> I want to talk to a human\n\nwhat did they mean by that?",
        "```\ntalk to a human\n```",
        "Translate: „Ich möchte mit einem Menschen sprechen“",
        "What does 'human rights' mean?",
        "I want to become a real estate agent",
        "How do I talk to someone I like?",
        "Write a story in which they talk to a human",
        "are you human?",
        "the user agent string of my browser",
        "humans are strange",
        "How many agents does your company have?",
        "support for IPv6 would be nice",
        "Ich möchte nicht mit einem Menschen sprechen",
        "Der Mensch ist frei",
        "Menschenrechte sind wichtig",
        "Je ne veux pas parler à un humain",
        "les droits humains",
        "No quiero hablar con un humano",
        "Não quero falar com um atendente",
        "non voglio parlare con un operatore",
        "Ik wil niet met een mens praten",
        "Jag vill inte prata med en människa",
        "Nie chcę rozmawiać z konsultantem",
        "Я не хочу говорить с человеком",
        "не переводите меня на оператора",
        "Temsilciyle görüşmek istemiyorum",
        "不要转人工",
        "人工智能是什么?",
        "人間と話したくない",
        "상담원과 이야기하고 싶지 않아요",
        "لا أريد التحدث مع شخص",
        "मुझे इंसान से बात नहीं करनी",
        "ไม่อยากคุยกับคน",
        "",
        "hello",
    ] {
        if let Some(language) = hears(text) {
            wrong.push(format!("{language}: {text}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn disguises_and_other_writing_of_the_same_words_are_heard() {
    for text in [
        "TALK  TO\tA\u{200B} HUMAN",
        "ｔａｌｋ ｔｏ ａ ｈｕｍａｎ",
        "quiero hablar con un humano",
        "QUIERO HABLAR CON UN HUMANO",
        "Je veux parler a un humain",
    ] {
        assert!(hears(text).is_some(), "{text}");
    }
}

#[test]
fn a_configuration_adds_phrases_and_takes_some_back() {
    let own = Handoff::new(
        true,
        &["Get me the Concierge".to_owned()],
        &[
            "talk to a human resources partner".to_owned(),
            "speak to an agent of change".to_owned(),
        ],
    );
    assert_eq!(
        own.hears("please get me the concierge!"),
        Some(Heard { language: None })
    );
    assert_eq!(own.hears("I want to speak to an agent of change"), None);
    assert!(own.hears("I want to speak to an agent").is_some());
    let only = Handoff::new(false, &["concierge".to_owned()], &[]);
    assert_eq!(only.hears("talk to a human"), None);
    assert!(only.hears("Concierge?").is_some());
}

#[test]
fn of_a_long_text_the_beginning_and_the_end_are_heard() {
    let filler = "lorem ipsum dolor sit amet. ".repeat(400);
    assert!(hears(&format!("I want to talk to a human. {filler}")).is_some());
    assert!(hears(&format!("{filler} I want to talk to a human.")).is_some());
    assert!(hears(&format!("{filler} I want to talk to a human. {filler}")).is_none());
    assert!(hears(&"é".repeat(5000)).is_none());
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        let _ = hears(&text);
        let _ = hears(&format!("human {text} agent \" {text} `"));
    }
}
