//! HTTP agents: any JSON shape, with the text found by JSON pointers (RFC 6901).
//!
//! Never: guesses where the text is.

use crate::edit::{elements, members};
use serde_json::Value;
use std::{borrow::Cow, fmt, ops::Range, str::FromStr};
use thiserror::Error;

/// A JSON pointer. The empty one means the whole document.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Pointer {
    /// Reference tokens, unescaped.
    tokens: Vec<String>,
}

/// Text that is no JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadPointer {
    /// It does not begin with `/`.
    #[error("`{0}` is not a JSON pointer; begin it with `/`, as in \"/reply\" or \"/choices/0/text\"")]
    NoSlash(String),
    /// A `~` that is not followed by 0 or 1.
    #[error("`{0}` is not a JSON pointer; write `~` as `~0` and `/` inside a name as `~1`")]
    BadEscape(String),
}

/// A value could not be put in its place.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{pointer}` leads through `{at}`, which is neither an object nor an array with that place")]
pub struct NoPlace {
    /// The whole pointer.
    pub pointer: String,
    /// The part of it that leads nowhere.
    pub at: String,
}

impl Pointer {
    /// Reads a pointer: `""`, `/reply`, `/choices/0/text`, `/a~1b`.
    ///
    /// # Errors
    /// [`BadPointer`] when the text breaks the grammar of RFC 6901.
    pub fn parse(text: &str) -> Result<Pointer, BadPointer> {
        if text.is_empty() {
            return Ok(Pointer::default());
        }
        let Some(rest) = text.strip_prefix('/') else {
            return Err(BadPointer::NoSlash(text.to_owned()));
        };
        let tokens = rest.split('/').map(unescape).collect::<Option<_>>();
        tokens
            .map(|tokens| Pointer { tokens })
            .ok_or_else(|| BadPointer::BadEscape(text.to_owned()))
    }

    /// The value there, if there is one.
    pub fn get<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.tokens.iter().try_fold(value, |value, token| match value {
            Value::Object(map) => map.get(token),
            Value::Array(items) => items.get(index(token)?),
            _ => None,
        })
    }

    /// The text there, if there is one.
    pub fn get_str<'v>(&self, value: &'v Value) -> Option<&'v str> {
        self.get(value).and_then(Value::as_str)
    }

    /// Puts a value there. Objects that are missing on the way are made, `null` becomes an object, `-` or the length
    /// appends to an array.
    ///
    /// # Errors
    /// [`NoPlace`] when the way leads through a scalar or past the end of an array; nothing is changed then.
    pub fn set(&self, target: &mut Value, new: Value) -> Result<(), NoPlace> {
        self.check_way(target)?;
        let mut place = target;
        for token in &self.tokens {
            if place.is_null() {
                *place = Value::Object(serde_json::Map::new());
            }
            place = match place {
                Value::Object(map) => map.entry(token.as_str()).or_insert(Value::Null),
                Value::Array(items) => {
                    let at = array_place(token, items.len()).unwrap_or(items.len()); // checked just before
                    if at == items.len() {
                        items.push(Value::Null);
                    }
                    &mut items[at]
                }
                _ => return Err(self.no_place(self.tokens.len())),
            };
        }
        *place = new;
        Ok(())
    }

    /// Where the value stands in JSON text, without building a tree: for edits that keep every other byte.
    pub fn locate(&self, text: &[u8]) -> Option<Range<usize>> {
        let mut found = 0..text.len();
        for token in &self.tokens {
            let inside = &text[found.clone()];
            let start = inside.iter().position(|byte| !byte.is_ascii_whitespace())?;
            let value = match inside[start] {
                // The last of equal names counts, as it does for every common parser.
                b'{' => {
                    members(inside)
                        .filter(|member| member.is(inside, token))
                        .last()?
                        .value
                }
                b'[' => elements(inside).nth(index(token)?)?,
                _ => return None,
            };
            found = found.start + value.start..found.start + value.end;
        }
        Some(found)
    }

    /// The text there, read in place: borrowed when it has no escapes.
    pub fn read_str<'t>(&self, text: &'t [u8]) -> Option<Cow<'t, str>> {
        let place = self.locate(text)?;
        match serde_json::from_slice::<crate::take::Scalar<'t>>(&text[place]).ok()? {
            crate::take::Scalar::Text(found) => Some(found),
            _ => None,
        }
    }

    fn check_way(&self, target: &Value) -> Result<(), NoPlace> {
        let mut value = target;
        for (depth, token) in self.tokens.iter().enumerate() {
            let next = match value {
                Value::Null => return Ok(()),
                Value::Object(map) => map.get(token),
                Value::Array(items) => {
                    let at = array_place(token, items.len()).ok_or_else(|| self.no_place(depth))?;
                    items.get(at)
                }
                _ => return Err(self.no_place(depth)),
            };
            match next {
                Some(next) => value = next,
                None => return Ok(()), // from here on everything is made
            }
        }
        Ok(())
    }

    fn no_place(&self, depth: usize) -> NoPlace {
        let at = Pointer {
            tokens: self.tokens[..depth].to_vec(),
        };
        NoPlace {
            pointer: self.to_string(),
            at: at.to_string(),
        }
    }
}

impl FromStr for Pointer {
    type Err = BadPointer;
    fn from_str(text: &str) -> Result<Self, BadPointer> {
        Pointer::parse(text)
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tokens
            .iter()
            .try_for_each(|token| write!(f, "/{}", token.replace('~', "~0").replace('/', "~1")))
    }
}

fn unescape(token: &str) -> Option<String> {
    let mut out = String::with_capacity(token.len());
    let mut rest = token.chars();
    while let Some(c) = rest.next() {
        out.push(match c {
            '~' => match rest.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            c => c,
        });
    }
    Some(out)
}

/// Digits without a leading zero, as RFC 6901 §4 has it.
fn index(token: &str) -> Option<usize> {
    let plain = token == "0" || (!token.starts_with('0') && token.bytes().all(|byte| byte.is_ascii_digit()));
    if plain { token.parse().ok() } else { None }
}

fn array_place(token: &str, len: usize) -> Option<usize> {
    if token == "-" {
        Some(len)
    } else {
        index(token).filter(|at| *at <= len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pointer_finds_names_places_and_escapes() {
        let value = json!({"a/b": {"m~n": [10, {"x": "found"}]}, "": 1});
        for (text, expected) in [
            ("", Some(&value)),
            ("/a~1b/m~0n/1/x", Some(&json!("found"))),
            ("/", Some(&json!(1))),
            ("/a~1b/m~0n/01", None),
            ("/a~1b/m~0n/2", None),
            ("/nothing", None),
        ] {
            assert_eq!(Pointer::parse(text).unwrap().get(&value), expected, "{text}");
        }
        assert!(matches!(Pointer::parse("reply"), Err(BadPointer::NoSlash(_))));
        assert!(matches!(Pointer::parse("/a~2"), Err(BadPointer::BadEscape(_))));
        assert_eq!(Pointer::parse("/a~1b/m~0n").unwrap().to_string(), "/a~1b/m~0n");
    }

    #[test]
    fn setting_makes_the_way_and_never_tears_down_what_stands() {
        let mut value = json!({"list": [1]});
        Pointer::parse("/input/text")
            .unwrap()
            .set(&mut value, json!("hi"))
            .unwrap();
        Pointer::parse("/list/-")
            .unwrap()
            .set(&mut value, json!(2))
            .unwrap();
        Pointer::parse("/list/0")
            .unwrap()
            .set(&mut value, json!(0))
            .unwrap();
        assert_eq!(value, json!({"list": [0, 2], "input": {"text": "hi"}}));

        let before = value.clone();
        let refused = Pointer::parse("/input/text/deeper")
            .unwrap()
            .set(&mut value, json!(1))
            .unwrap_err();
        assert_eq!((refused.at.as_str(), &value), ("/input/text", &before));
        assert!(
            Pointer::parse("/list/9")
                .unwrap()
                .set(&mut value, json!(1))
                .is_err()
        );
    }

    #[test]
    fn text_is_located_in_place() {
        let body = br#" {"x":[1,{"reply" : "a\nb"}], "plain":"text"}"#;
        assert_eq!(
            Pointer::parse("/x/1/reply").unwrap().read_str(body).as_deref(),
            Some("a\nb")
        );
        assert!(matches!(
            Pointer::parse("/plain").unwrap().read_str(body),
            Some(Cow::Borrowed("text"))
        ));
        assert_eq!(Pointer::parse("/x/0").unwrap().read_str(body), None);
        assert_eq!(Pointer::parse("/x/7").unwrap().locate(body), None);
    }
}
