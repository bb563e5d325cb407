//! S1: secrets that stand in the file itself. Refused with their place, whatever they are called, and
//! found before anything of the file is shown.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::table::join;
use crate::mask::{looks_like_a_secret, names_a_secret};
use crate::reference;

/// A literal secret: where its value stands, its path, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Literal {
    pub span: Range<usize>,
    pub path: String,
    pub help: String,
}

/// A value (not a table) right inside here is a secret: `[keys] ci = "glv_live_…"`.
pub(super) fn is_literal_place(pattern: &str) -> bool {
    matches!(pattern, "keys" | "targets.*.credentials")
}

/// Every secret in the tree that is written out.
pub(crate) fn literal_secrets(tree: &DeTable<'_>) -> Vec<Literal> {
    let mut found = Vec::new();
    let top = Place {
        path: "",
        pattern: Some(String::new()),
        secret: false,
    };
    table(tree, &top, &mut found);
    found
}

struct Place<'p> {
    path: &'p str,
    /// `None` under an unknown key.
    pattern: Option<String>,
    /// An unknown table around it is named like a secret.
    secret: bool,
}

fn table(entries: &DeTable<'_>, place: &Place<'_>, found: &mut Vec<Literal>) {
    let known = place
        .pattern
        .as_deref()
        .map(reference::children)
        .unwrap_or_default();
    for (key, value) in entries {
        let name = key.get_ref().as_ref();
        let is_known = known.contains(&name);
        let names_a_place = ["_env", "_file", "_command"]
            .iter()
            .any(|end| name.ends_with(end));
        let secret = !is_known && !names_a_place && (place.secret || names_a_secret(name));
        let path = join(place.path, name);
        match value.get_ref() {
            DeValue::Table(inner) => {
                let step = if is_known {
                    Some(name)
                } else {
                    known.contains(&"*").then_some("*")
                };
                let pattern = place
                    .pattern
                    .as_deref()
                    .zip(step)
                    .map(|(pattern, step)| join(pattern, step));
                let secret = secret && pattern.is_none();
                table(
                    inner,
                    &Place {
                        path: &path,
                        pattern,
                        secret,
                    },
                    found,
                );
            }
            other => {
                let in_key_place = place.pattern.as_deref().is_some_and(is_literal_place);
                let in_place_of_a_name =
                    name.ends_with("_env") && other.as_str().is_some_and(is_no_name_but_a_secret);
                if secret || in_key_place {
                    let help = advice(place.pattern.as_deref(), name, in_key_place);
                    found.push(Literal {
                        span: value.span(),
                        path,
                        help,
                    });
                } else if in_place_of_a_name {
                    let help =
                        format!("`{name}` takes the *name* of a variable; put the secret itself into `.env`");
                    found.push(Literal {
                        span: value.span(),
                        path,
                        help,
                    });
                } else {
                    strings(value.span(), other, &path, found);
                }
            }
        }
    }
}

/// Strings that look like a known kind of key, also inside lists.
fn strings(span: Range<usize>, value: &DeValue<'_>, path: &str, found: &mut Vec<Literal>) {
    match value {
        DeValue::String(text) if looks_like_a_secret(text) => {
            let help =
                "put the secret into `.env` and name its variable by a key that ends in `_env`".to_owned();
            found.push(Literal {
                span,
                path: path.to_owned(),
                help,
            });
        }
        DeValue::Array(list) => list
            .iter()
            .for_each(|entry| strings(entry.span(), entry.get_ref(), path, found)),
        _ => {}
    }
}

fn advice(pattern: Option<&str>, name: &str, in_key_place: bool) -> String {
    let instead = if in_key_place {
        format!("{name}.key_env = \"VARIABLE\"")
    } else {
        let known = pattern.map(reference::children).unwrap_or_default();
        let by_env = known
            .into_iter()
            .find(|known| known.ends_with("_env"))
            .unwrap_or("api_key_env");
        format!("{by_env} = \"VARIABLE\"")
    };
    format!(
        "put it in `.env` and name it by {instead}; if this file was ever shared or committed, replace the secret at its issuer"
    )
}

/// Letters, digits and underscores, not a digit first.
pub(crate) fn is_variable_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Rather a secret than a variable's name: of a known kind, or long and written as no name is.
fn is_no_name_but_a_secret(text: &str) -> bool {
    let mixed =
        text.contains(|c: char| c.is_ascii_digit()) && text.contains(|c: char| c.is_ascii_lowercase());
    looks_like_a_secret(text)
        || (text.len() >= 16 && !is_variable_name(text) && !text.contains(' '))
        || (text.len() >= 20 && mixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        let (tree, errors) = DeTable::parse_recoverable(text);
        assert!(errors.is_empty(), "{errors:?}");
        literal_secrets(tree.get_ref())
            .into_iter()
            .map(|literal| literal.path)
            .collect()
    }

    #[test]
    fn a_secret_is_found_by_name_by_place_and_by_looks() {
        assert_eq!(paths("[upstreams.x]\napi_key = 'abc'"), ["upstreams.x.api_key"]);
        assert_eq!(paths("[upstreams.x]\napi_kye = 'abc'"), ["upstreams.x.api_kye"]);
        assert_eq!(paths("[upstreams.x]\npassword = 12345"), ["upstreams.x.password"]);
        assert_eq!(paths("[keys]\nci = 'abc'"), ["keys.ci"]);
        assert_eq!(
            paths("[targets.t.credentials]\nuser = 'abc'"),
            ["targets.t.credentials.user"]
        );
        assert_eq!(paths("[secrets]\nopenai = 'abc'"), ["secrets.openai"]);
        assert_eq!(
            paths("[secrets.deep.er]\nopenai = 'abc'"),
            ["secrets.deep.er.openai"]
        );
        assert_eq!(
            paths("[upstreams.x]\nforward_headers = ['sk-abcdefghijklmnopqrst']"),
            ["upstreams.x.forward_headers"]
        );
        assert_eq!(
            paths("[upstreams.x]\napi_key_env = 'sk-abcdefghijklmnopqrst'"),
            ["upstreams.x.api_key_env"]
        );
        assert_eq!(
            paths("[store]\nmaster_key_env = 'q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA='"),
            ["store.master_key_env"]
        );
        assert_eq!(
            paths("[store]\nmaster_key_command = ['vault', 'login', 'sk-abcdefghijklmnopqrst']"),
            ["store.master_key_command"]
        );
    }

    #[test]
    fn names_of_variables_and_files_are_no_secrets() {
        assert!(paths("[upstreams.x]\napi_key_env = 'A'\napi_key_file = '/run/secrets/a'").is_empty());
        assert!(paths("[keys.ci]\nkey_env = 'CI_KEY'\nroles = ['user']").is_empty());
        assert!(paths("[targets.t.credentials.user]\nkey_env = 'CI_KEY'").is_empty());
        assert!(paths("[server]\nprivate_key_file = 'key.pem'").is_empty());
        assert!(paths("[store]\nmaster_key_command = ['vault', 'read', 'secret/golive']").is_empty());
    }
}
