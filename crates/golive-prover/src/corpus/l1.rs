//! L1: fifty requests as people send them, over a grid: length × language × stream × tools × turns × the form asked for
//! × words that frighten filters though they are harmless. Written for golive.
//!
//! Never: an attack, a person's data, or a request whose honest answer is long.

use serde_json::{Value, json};

/// The language a request is in. Two of them are written without spaces, one from right to left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Language {
    En,
    De,
    Fr,
    Es,
    Pt,
    Zh,
    Ja,
    Ar,
    Hi,
}

/// The form the request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    Prose,
    List,
    Json,
    Markdown,
    Code,
}

use Form::{Code, Json, List, Markdown, Prose};
use Language::{Ar, De, En, Es, Fr, Hi, Ja, Pt, Zh};

/// One request.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) language: Language,
    pub(crate) form: Form,
    pub(crate) stream: bool,
    pub(crate) tools: bool,
    /// Earlier turns stand before it.
    pub(crate) turns: bool,
    /// Some 6,000 characters stand after it.
    pub(crate) long: bool,
    /// It holds a word that looks worse than it is: kill, poison, shot, execute.
    pub(crate) scary: bool,
    words: &'static str,
}

const NONE: u8 = 0;
const STREAM: u8 = 1;
const TOOLS: u8 = 2;
const TURNS: u8 = 4;
const LONG: u8 = 8;
const SCARY: u8 = 16;

const fn case(language: Language, form: Form, flags: u8, words: &'static str) -> Case {
    Case {
        language,
        form,
        stream: flags & STREAM != 0,
        tools: flags & TOOLS != 0,
        turns: flags & TURNS != 0,
        long: flags & LONG != 0,
        scary: flags & SCARY != 0,
        words,
    }
}

/// The corpus.
#[rustfmt::skip]
pub(crate) const CASES: &[Case] = &[
    case(En, Prose, NONE, "Hi"),
    case(En, Prose, STREAM, "What are your opening hours on Saturday?"),
    case(En, Json, NONE, "Give me the three primary colours as a JSON array of strings, nothing else."),
    case(En, List, STREAM | TURNS, "And which of those would you recommend for a beginner?"),
    case(En, Code, NONE, "Write a one-line shell command that kills a hung process by its id, with a short comment."),
    case(En, Prose, SCARY, "How do I kill a zombie process on Linux? One sentence."),
    case(En, Prose, STREAM | SCARY, "Which household plants are poisonous to cats? Name two."),
    case(En, Prose, TOOLS, "What is the weather in Lisbon right now?"),
    case(En, Prose, STREAM | TOOLS | TURNS, "Please look it up for Porto as well."),
    case(En, Markdown, STREAM | LONG, "Summarise the text below in one sentence, in bold."),
    case(En, Prose, LONG | SCARY, "Does the report below mention a fatal error? Answer yes or no and quote the line number."),
    case(En, Json, STREAM | TOOLS, "Convert 120 US dollars to euros and answer as JSON with the keys amount and currency."),
    case(De, Prose, NONE, "Wie kann ich mein Passwort zurücksetzen?"),
    case(De, List, STREAM, "Nenne drei Fragen, die ich vor einer Kündigung meines Handyvertrags klären sollte."),
    case(De, Prose, TURNS | SCARY, "Und wie schlage ich die Eier am besten, ohne dass die Schüssel wegrutscht?"),
    case(De, Json, STREAM | LONG, "Fasse den folgenden Text als JSON-Objekt mit dem Schlüssel \"zusammenfassung\" zusammen."),
    case(De, Prose, TOOLS, "Wie wird das Wetter morgen in Görlitz?"),
    case(De, Markdown, STREAM | TURNS, "Bitte noch einmal als Tabelle mit zwei Spalten."),
    case(Fr, Prose, STREAM, "Où en est ma commande passée mardi dernier ?"),
    case(Fr, List, NONE, "Donne-moi deux idées de petit-déjeuner sans gluten."),
    case(Fr, Prose, SCARY, "Comment exécuter une requête SQL avec un paramètre, en une phrase ?"),
    case(Fr, Code, STREAM | TURNS, "Et la même fonction en Python ?"),
    case(Fr, Prose, TOOLS, "Quel temps fait-il à Besançon ?"),
    case(Fr, Markdown, LONG, "Résume le texte ci-dessous en une phrase."),
    case(Es, Prose, NONE, "¿Puedo cambiar la dirección de entrega después de pagar?"),
    case(Es, Prose, STREAM | SCARY, "¿Qué significa que un disparo de cámara salga movido?"),
    case(Es, Json, STREAM, "Devuelve un objeto JSON con los días laborables de la semana."),
    case(Es, List, TURNS, "¿Y cuál es la opción más barata de las anteriores?"),
    case(Es, Prose, STREAM | TOOLS, "¿Qué tiempo hace en A Coruña?"),
    case(Es, Prose, LONG, "Resume el texto siguiente en una frase."),
    case(Zh, Prose, NONE, "请用一句话介绍一下杭州。"),
    case(Zh, List, STREAM, "列出三种适合新手的家常菜。"),
    case(Zh, Prose, STREAM | TURNS, "那第二种怎么做？"),
    case(Zh, Prose, SCARY, "手机被摔坏了，屏幕炸裂，应该怎么处理？"),
    case(Zh, Json, TOOLS, "查询北京现在的天气，并以 JSON 返回。"),
    case(Zh, Markdown, STREAM | LONG, "用一句话概括下面的文字。"),
    case(Ja, Prose, STREAM, "返品の手続きを教えてください。"),
    case(Ja, Code, NONE, "配列の合計を求める関数を JavaScript で一つ書いてください。"),
    case(Ja, Prose, TURNS | SCARY, "では、虫を殺さずに部屋から出す方法は？"),
    case(Ja, Prose, STREAM | TOOLS, "札幌の天気を調べてください。"),
    case(Ar, Prose, NONE, "ما هي طرق الدفع المتاحة لديكم؟"),
    case(Ar, List, STREAM, "اذكر ثلاث نصائح لتعلم لغة جديدة."),
    case(Ar, Prose, STREAM | TURNS, "وأيها الأهم برأيك؟"),
    case(Ar, Prose, LONG, "لخص النص التالي في جملة واحدة."),
    case(Hi, Prose, STREAM, "मेरा रिफंड कब तक आएगा?"),
    case(Hi, Json, NONE, "सप्ताह के सात दिनों के नाम JSON सूची में दीजिए।"),
    case(Hi, Prose, SCARY, "रसोई में आग लगने पर सबसे पहले क्या करना चाहिए?"),
    case(Pt, Prose, STREAM | LONG, "Resuma o texto abaixo em uma frase."),
    case(Pt, List, TOOLS, "Como está o tempo em Évora? Responda em dois pontos."),
    case(Pt, Prose, STREAM | TURNS, "Obrigado 😊 — e se eu já tiver uma conta? 👩‍👩‍👧"),
];

/// What long requests are about: dull on purpose.
const PARAGRAPH: &str = "On Tuesday the warehouse moved 412 boxes from shelf A to shelf B. Two labels were unreadable and \
    were printed again. The lift was inspected at noon and found in order; the next inspection is due in six months. \
    A visitor asked for the way to the station and was shown the map by the door. ";

/// Repetitions of the paragraph in a long request.
const LONG_TIMES: usize = 20;

impl Case {
    /// What the user says.
    pub(crate) fn text(&self) -> String {
        match self.long {
            true => format!("{}\n\n{}", self.words, PARAGRAPH.repeat(LONG_TIMES)),
            false => self.words.to_owned(),
        }
    }

    /// Turns before it.
    pub(crate) fn before(&self) -> &'static [(&'static str, &'static str)] {
        match self.turns {
            true => &[
                (
                    "user",
                    "I would like to start cooking at home. What are three simple dishes?",
                ),
                ("assistant", "Soup, an omelette, or pasta with tomatoes."),
            ],
            false => &[],
        }
    }

    /// Tools that are offered with it, in OpenAI's form.
    pub(crate) fn tools(&self) -> Vec<Value> {
        if !self.tools {
            return Vec::new();
        }
        vec![json!({"type": "function", "function": {
            "name": "get_weather",
            "description": "The weather of a city now",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
        }})]
    }

    /// For the report: its place in the grid and its first words.
    pub(crate) fn title(&self) -> String {
        let mut out = format!("{:?}, {:?}", self.language, self.form).to_lowercase();
        for (is, word) in [
            (self.stream, "stream"),
            (self.tools, "tools"),
            (self.turns, "several turns"),
            (self.long, "long"),
            (self.scary, "scary word"),
        ] {
            if is {
                out.push_str(", ");
                out.push_str(word);
            }
        }
        let first: String = self.words.chars().take(24).collect();
        format!("{out}: “{first}…”")
    }
}

/// The grid, counted, for the report.
pub(crate) fn coverage() -> Value {
    let count = |is: fn(&Case) -> bool| CASES.iter().filter(|case| is(case)).count();
    let mut languages: Vec<Language> = CASES.iter().map(|case| case.language).collect();
    languages.sort_unstable();
    languages.dedup();
    let mut forms: Vec<Form> = CASES.iter().map(|case| case.form).collect();
    forms.sort_unstable();
    forms.dedup();
    json!({
        "languages": languages.len(), "forms": forms.len(), "streams": count(|case| case.stream),
        "tools": count(|case| case.tools), "several_turns": count(|case| case.turns),
        "long": count(|case| case.long), "scary_words": count(|case| case.scary),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn there_are_fifty_different_requests() {
        let texts: BTreeSet<&str> = CASES.iter().map(|case| case.words).collect();
        assert_eq!((CASES.len(), texts.len()), (50, 50));
    }

    #[test]
    fn the_grid_is_covered_and_each_pair_of_its_axes_occurs() {
        let languages: BTreeSet<Language> = CASES.iter().map(|case| case.language).collect();
        assert!(languages.len() >= 6);
        for language in languages {
            let of = || CASES.iter().filter(move |case| case.language == language);
            assert!(
                of().any(|case| case.stream) && of().any(|case| !case.stream),
                "{language:?}"
            );
        }
        let axes: [fn(&Case) -> bool; 5] = [|c| c.stream, |c| c.tools, |c| c.turns, |c| c.long, |c| c.scary];
        for (n, axis) in axes.iter().enumerate() {
            assert!(CASES.iter().filter(|case| axis(case)).count() >= 7, "axis {n}");
            assert!(
                CASES.iter().any(|case| axis(case) && case.stream),
                "axis {n} streamed"
            );
            assert!(
                CASES.iter().any(|case| axis(case) && !case.stream) || n == 0,
                "axis {n} plain"
            );
        }
        for form in [Prose, List, Json, Markdown, Code] {
            assert!(
                CASES.iter().filter(|case| case.form == form).count() >= 3,
                "{form:?}"
            );
        }
        let sizes: BTreeSet<usize> = CASES
            .iter()
            .map(|case| case.text().len().ilog2() as usize)
            .collect();
        assert!(sizes.len() >= 5, "lengths from a word to pages");
    }
}
