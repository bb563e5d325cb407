//! S4: forms in which a model writes a value: containers, groups, other digits and letters, marks within. A reader takes
//! every one of them for the value.
//!
//! Never: a code that needs decoding; of those only base64 is measured, and by itself.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// One form of a sentence with its value.
pub(crate) struct Form {
    pub(crate) name: &'static str,
    write: fn(&str, &str) -> String,
}

impl Form {
    /// The sentence (with its place `{}`) saying the value in this form.
    pub(crate) fn text(&self, sentence: &str, value: &str) -> String {
        (self.write)(sentence, value)
    }
}

/// Every form.
pub(crate) const FORMS: &[Form] = &[
    form("table", |sentence, value| {
        format!(
            "| field | value |\n| --- | --- |\n| {} | {value} |\n",
            sentence.replace("{}", "below")
        )
    }),
    form("code fence", |sentence, value| {
        format!("```\n{}\n```", sentence.replace("{}", value))
    }),
    form("JSON in text", |sentence, value| {
        let json = serde_json::json!({"note": sentence.replace("{}", "in value"), "value": value});
        format!("Here is the record: {json}")
    }),
    form("JSON within JSON", |sentence, value| {
        let inner = serde_json::json!({"note": sentence.replace("{}", value)}).to_string();
        format!("Payload: {}", serde_json::json!({"body": inner}))
    }),
    form("markup", |sentence, value| {
        format!("<p>{}</p>", sentence.replace("{}", &format!("<b>{value}</b>")))
    }),
    form("emphasis within", |sentence, value| {
        let half = value.chars().count() / 2;
        let (left, right): (String, String) = (
            value.chars().take(half).collect(),
            value.chars().skip(half).collect(),
        );
        sentence.replace("{}", &format!("**{left}**{right}"))
    }),
    form("full-width", |sentence, value| {
        sentence.replace("{}", &shifted(value, 0xFF01))
    }),
    form("mathematical digits", |sentence, value| {
        let digits = value.chars().map(|c| match c.to_digit(10) {
            Some(digit) => char::from_u32(0x1D7CE + digit).unwrap_or(c),
            None => c,
        });
        sentence.replace("{}", &digits.collect::<String>())
    }),
    form("look-alike letters", |sentence, value| {
        let alike = |c: char| {
            ALIKE
                .iter()
                .find(|(plain, _)| *plain == c)
                .map_or(c, |(_, alike)| *alike)
        };
        sentence.replace("{}", &value.chars().map(alike).collect::<String>())
    }),
    form("spaced", |sentence, value| {
        sentence.replace("{}", &between(value, " "))
    }),
    form("no-break spaces", |sentence, value| {
        sentence.replace("{}", &between(value, "\u{a0}"))
    }),
    form("zero-width within", |sentence, value| {
        sentence.replace("{}", &between(value, "\u{200b}"))
    }),
    form("bare", |sentence, value| {
        if speaks_for_itself(value) {
            value.to_owned()
        } else {
            sentence.replace("{}", value)
        }
    }),
    form("twice in a list", |sentence, value| {
        format!("1. {}\n2. {value}\n", sentence.replace("{}", value))
    }),
];

/// The value in base64: measured, and not held against a target.
pub(crate) fn base64(sentence: &str, value: &str) -> String {
    format!(
        "Encoded for transport: {}",
        STANDARD.encode(sentence.replace("{}", value))
    )
}

const fn form(name: &'static str, write: fn(&str, &str) -> String) -> Form {
    Form { name, write }
}

/// Whether a value without a word about it can only be what it is. Ten digits with one check digit can be anything: one
/// number in ten would pass for such a kind, and no filter must take them all out.
fn speaks_for_itself(value: &str) -> bool {
    let digits = value.chars().filter(char::is_ascii_digit).count();
    digits >= 11
        || value
            .chars()
            .any(|c| !c.is_ascii_digit() && !c.is_ascii_whitespace() && c != '-')
}

fn shifted(value: &str, to: u32) -> String {
    let wide = |c: char| {
        if c.is_ascii_graphic() {
            char::from_u32(c as u32 - 0x21 + to).unwrap_or(c)
        } else {
            c
        }
    };
    value.chars().map(wide).collect()
}

fn between(value: &str, sign: &str) -> String {
    let letters: Vec<String> = value.chars().filter(|c| *c != ' ').map(String::from).collect();
    letters.join(sign)
}

const ALIKE: &[(char, char)] = &[
    ('a', 'а'),
    ('c', 'с'),
    ('e', 'е'),
    ('i', 'і'),
    ('o', 'о'),
    ('p', 'р'),
    ('s', 'ѕ'),
    ('x', 'х'),
    ('y', 'у'),
    ('A', 'А'),
    ('B', 'В'),
    ('E', 'Е'),
    ('I', 'І'),
    ('P', 'Р'),
    ('S', 'Ѕ'),
    ('T', 'Т'),
    ('0', '０'),
    ('1', '１'),
];

#[cfg(test)]
mod tests {
    use golive_lab::decode;

    use super::*;

    #[test]
    fn every_form_can_be_read_back() {
        for form in FORMS {
            let text = form.text("The number is {}.", "4111 2222 3333 4444");
            // Emphasis and look-alikes are undone by folding and squashing, JSON in JSON by its escapes.
            assert!(
                decode::find(&text, "4111222233334444").is_some(),
                "{}: {text}",
                form.name
            );
        }
        assert!(
            decode::find(
                &base64("The number is {}.", "4111 2222 3333 4444"),
                "4111222233334444"
            )
            .is_some()
        );
    }
}
