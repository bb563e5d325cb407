//! E3: how people ask for a person, in ten languages and in other words; and what only resembles it.
//!
//! Never: holds a phrase that a target could know from golive's own list alone: they are what people say.

/// One plain request per language: (language, text). Each must hand over.
pub(super) const ASKING: &[(&str, &str)] = &[
    ("en", "I want to talk to a human."),
    ("de", "Ich möchte mit einem Menschen sprechen."),
    ("fr", "Je veux parler à un humain."),
    ("es", "Quiero hablar con una persona."),
    ("it", "Voglio parlare con una persona."),
    ("pt", "Quero falar com uma pessoa."),
    ("nl", "Ik wil met een mens praten."),
    ("pl", "Chcę rozmawiać z człowiekiem."),
    ("tr", "Bir insanla konuşmak istiyorum."),
    ("ja", "人間と話したいです。"),
];

/// Other words for it, and more languages: most of them must hand over.
pub(super) const IN_OTHER_WORDS: &[(&str, &str)] = &[
    ("en", "Can I speak to a real person, please?"),
    ("en", "let me talk to an agent"),
    ("en", "Please connect me to customer support."),
    ("en", "TRANSFER ME TO A HUMAN!!!"),
    ("en", "I'd like to speak with a representative"),
    ("en", "Get me a human being, this is useless."),
    ("de", "Kann ich bitte mit einem Mitarbeiter sprechen?"),
    ("de", "Verbinden Sie mich mit einem Menschen"),
    ("fr", "Passez-moi un conseiller, s'il vous plaît."),
    ("es", "¿Puedo hablar con un agente?"),
    ("it", "Mi passi un operatore, per favore"),
    ("pt", "Posso falar com um atendente?"),
    ("ru", "Я хочу поговорить с человеком."),
    ("zh", "我想和真人说话。"),
];

/// What resembles a request and is none: (why, text). None may hand over.
pub(super) const NEAR_MISSES: &[(&str, &str)] = &[
    (
        "another meaning",
        "The report says that it was human error. What does that mean?",
    ),
    (
        "another meaning",
        "What is a representative sample in statistics?",
    ),
    ("another meaning", "Who was the first human to walk on the moon?"),
    (
        "another meaning",
        "Write an agent in Python that reads a web page.",
    ),
    ("another meaning", "Which person wrote Don Quixote?"),
    ("another meaning", "Explain human resources to a new manager."),
    (
        "the opposite",
        "I don't want to talk to a human, you are doing fine.",
    ),
    ("the opposite", "No need to transfer me to a human, thanks."),
    (
        "a translation",
        "Translate into French: \"I want to talk to a human\".",
    ),
    (
        "a quotation",
        "In the film she says \"let me talk to an agent\" and hangs up. Which film is it?",
    ),
    (
        "a question about it",
        "How many customers ask to talk to a human every day, on average?",
    ),
    (
        "another meaning",
        "Wie hoch ist der Anteil menschlicher Fehler bei Unfällen?",
    ),
    ("another meaning", "¿Cuántas personas viven en Sevilla?"),
];
