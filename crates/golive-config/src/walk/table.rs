//! S1: one table of the file, read key by key by type, with the place of each value.
//!
//! Each reader looks its key up in `reference::KEYS`: type, range and example come from there.

mod values;

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;

use golive_checklist::unit::{ByteSize, MicroUsd, Rate, format_duration, parse_duration};
use ipnet::IpNet;
use toml::de::{DeTable, DeValue};

use super::{Walk, unknown};
use crate::base_url::BaseUrl;
use crate::mask::{moves_the_cursor, names_a_secret};
use crate::reference::{self, Key, Kind};

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct At<T> {
    pub value: T,
    pub span: Range<usize>,
}

/// One table. A section that is not in the file is an empty one.
#[derive(Debug, Clone)]
pub(crate) struct Table<'t> {
    /// `upstreams.openai`, for messages.
    pub path: String,
    /// `upstreams.*`, for the table of keys.
    pub pattern: String,
    /// Its name in its header.
    pub span: Range<usize>,
    /// `None`: not in the file.
    pub entries: Option<&'t DeTable<'t>>,
}

impl<'t> Table<'t> {
    pub(crate) fn root(tree: &'t DeTable<'t>) -> Self {
        Self {
            path: String::new(),
            pattern: String::new(),
            span: 0..0,
            entries: Some(tree),
        }
    }

    /// It stands in the file.
    pub(crate) fn is_there(&self) -> bool {
        self.entries.is_some()
    }

    /// The key stands in the file, whatever its value.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.entries.is_some_and(|entries| entries.contains_key(name))
    }

    /// A key of it is named like a secret and was noted as a literal one: nobody need be told that
    /// the name of a variable is missing, too.
    pub(crate) fn has_literal_secret(&self) -> bool {
        self.entries
            .is_some_and(|entries| entries.keys().any(|key| names_a_secret(key.get_ref())))
    }

    /// Where the key's value stands; else the table's name.
    pub(crate) fn place(&self, name: &str) -> Range<usize> {
        self.entries
            .and_then(|entries| entries.get(name))
            .map_or(self.span.clone(), |value| value.span())
    }

    /// Where the value of `key` stands in the table `name`, if it does; else the file as a whole. Notes nothing.
    pub(crate) fn place_inside(&self, name: &str, key: &str) -> Range<usize> {
        let inside = self.entries.and_then(|entries| entries.get(name));
        let inside = inside.and_then(|value| value.get_ref().as_table());
        inside
            .and_then(|table| table.get(key))
            .map_or(0..0, |value| value.span())
    }

    /// The table `name` inside this one, with its unknown and missing keys noted.
    pub(crate) fn child(&self, walk: &mut Walk<'_>, name: &str) -> Table<'t> {
        let (path, pattern) = (join(&self.path, name), join(&self.pattern, name));
        let found = self.entries.and_then(|entries| entries.get_key_value(name));
        let Some((key, value)) = found else {
            return Table {
                path,
                pattern,
                span: self.span.clone(),
                entries: None,
            };
        };
        self.enter(walk, path, pattern, key.span(), value.span(), value.get_ref())
    }

    /// The tables with names of the user's choice inside this one: `[upstreams.NAME]`.
    pub(crate) fn named(&self, walk: &mut Walk<'_>) -> Vec<(At<String>, Table<'t>)> {
        self.named_by(walk, check_name)
    }

    /// The tables of a list: `[[budgets]]`.
    pub(crate) fn list(&self, walk: &mut Walk<'_>, name: &str) -> Vec<Table<'t>> {
        let (path, pattern) = (join(&self.path, name), join(&join(&self.pattern, name), "[]"));
        let found = self.entries.and_then(|entries| entries.get_key_value(name));
        let Some((key, value)) = found else {
            return Vec::new();
        };
        let Some(list) = value.get_ref().as_array() else {
            let is = article(value.get_ref().type_str());
            walk.mistake(
                value.span(),
                "wrong_type",
                format!("`{path}` is a list of tables, not {is}"),
            )
            .help(format!("write `[[{path}]]` above the keys of each"));
            return Vec::new();
        };
        let mut tables = Vec::with_capacity(list.len());
        for entry in list.iter() {
            let span = if entry.span().is_empty() {
                key.span()
            } else {
                entry.span()
            };
            let (path, pattern) = (path.clone(), pattern.clone());
            let table = self.enter(walk, path, pattern, span.clone(), span, entry.get_ref());
            if table.is_there() {
                tables.push(table);
            }
        }
        tables
    }

    /// As [`Table::named`], where other names are allowed.
    pub(crate) fn named_by(
        &self,
        walk: &mut Walk<'_>,
        check: fn(&str) -> Result<(), &'static str>,
    ) -> Vec<(At<String>, Table<'t>)> {
        let mut found = Vec::new();
        for (key, value) in self.entries.into_iter().flatten() {
            let name = At {
                value: key.get_ref().to_string(),
                span: key.span(),
            };
            if let Err(why) = check(&name.value) {
                walk.mistake(key.span(), "bad_name", format!("`{}` in `{}` is not a name: {why}", name.value, self.path))
                    .help("names are letters, digits, `-`, `_` and `.`, at most 64, and begin with a letter or digit");
                continue;
            }
            let (path, pattern) = (join(&self.path, &name.value), join(&self.pattern, "*"));
            let table = self.enter(walk, path, pattern, key.span(), value.span(), value.get_ref());
            if table.is_there() {
                found.push((name, table));
            }
        }
        found
    }

    fn enter(
        &self,
        walk: &mut Walk<'_>,
        path: String,
        pattern: String,
        name: Range<usize>,
        place: Range<usize>,
        value: &'t DeValue<'t>,
    ) -> Table<'t> {
        let Some(entries) = value.as_table() else {
            // A literal secret right under `[keys]` was reported as such by the pass for literals.
            if !super::literal::is_literal_place(&self.pattern) {
                walk.mistake(
                    place,
                    "wrong_type",
                    format!("`{path}` is a table, not {}", article(value.type_str())),
                )
                .help(format!("write `[{path}]`, and its keys below"));
            }
            return Table {
                path,
                pattern,
                span: name,
                entries: None,
            };
        };
        let table = Table {
            path,
            pattern,
            span: name,
            entries: Some(entries),
        };
        unknown::check(walk, &table);
        table
    }

    pub(crate) fn flag(&self, walk: &mut Walk<'_>, name: &str) -> Option<bool> {
        let (key, value, span) = self.get(walk, name)?;
        let flag = value.as_bool();
        if flag.is_none() {
            self.wrong_type(walk, key, value, span);
        }
        flag
    }

    pub(crate) fn count(&self, walk: &mut Walk<'_>, name: &str) -> Option<u64> {
        let (key, value, span) = self.get(walk, name)?;
        let Kind::Count(least, most) = key.kind else {
            return mismatch(key);
        };
        let Some(written) = value.as_integer() else {
            self.wrong_type(walk, key, value, span);
            return None;
        };
        let count = u64::from_str_radix(written.as_str(), written.radix()).ok();
        let in_range = count.filter(|count| (least..=most).contains(count));
        if in_range.is_none() {
            self.out_of_range(walk, key, span);
        }
        in_range
    }

    /// As `count`, for keys whose range fits 32 bits.
    pub(crate) fn count32(&self, walk: &mut Walk<'_>, name: &str) -> Option<u32> {
        self.count(walk, name).and_then(|count| u32::try_from(count).ok())
    }

    pub(crate) fn duration(&self, walk: &mut Walk<'_>, name: &str) -> Option<Duration> {
        let (key, text) = self.string(walk, name)?;
        let Kind::Span(least, most) = key.kind else {
            return mismatch(key);
        };
        let duration = self.parsed(walk, key, &text, parse_duration(&text.value))?;
        if !(least..=most).contains(&duration) {
            self.out_of_range(walk, key, text.span);
            return None;
        }
        Some(duration)
    }

    pub(crate) fn durations(&self, walk: &mut Walk<'_>, name: &str) -> Option<Vec<Duration>> {
        let key = self.key(name)?;
        let Kind::Spans(least, most, longest) = key.kind else {
            return mismatch(key);
        };
        let entries = self.names(walk, name)?;
        let mut durations = Vec::with_capacity(entries.len());
        for entry in &entries {
            let duration = self.parsed(walk, key, entry, parse_duration(&entry.value))?;
            if !(least..=most).contains(&duration) {
                self.out_of_range(walk, key, entry.span.clone());
                return None;
            }
            durations.push(duration);
        }
        if durations.len() > longest {
            self.out_of_range(walk, key, self.place(name));
            return None;
        }
        Some(durations)
    }

    pub(crate) fn size(&self, walk: &mut Walk<'_>, name: &str) -> Option<ByteSize> {
        let (key, text) = self.string(walk, name)?;
        let Kind::Size(least, most) = key.kind else {
            return mismatch(key);
        };
        let size: ByteSize = self.parsed(walk, key, &text, text.value.parse())?;
        if !(least..=most).contains(&size.0) {
            self.out_of_range(walk, key, text.span);
            return None;
        }
        Some(size)
    }

    pub(crate) fn text(&self, walk: &mut Walk<'_>, name: &str) -> Option<At<String>> {
        let (key, text) = self.string(walk, name)?;
        if text.value.is_empty() || text.value.chars().any(char::is_control) {
            let path = join(&self.path, key.name);
            walk.mistake(
                text.span,
                "bad_value",
                format!("`{path}` is empty or holds control characters"),
            )
            .help(format!("write {} = {}", key.name, key.example));
            return None;
        }
        Some(text)
    }

    /// The word of a `Choice`, mapped by `meaning`.
    pub(crate) fn choice<T>(&self, walk: &mut Walk<'_>, name: &str, meaning: &[(&str, T)]) -> Option<T>
    where
        T: Copy,
    {
        let (key, text) = self.string(walk, name)?;
        let Kind::Choice(words) = key.kind else {
            return mismatch(key);
        };
        debug_assert!(
            words.iter().eq(meaning.iter().map(|(word, _)| word)),
            "words of `{}`",
            key.name
        );
        if let Some((_, value)) = meaning.iter().find(|(word, _)| *word == text.value) {
            return Some(*value);
        }
        let path = join(&self.path, key.name);
        let help = match unknown::nearest(&text.value, words) {
            Some(word) => format!("did you mean \"{word}\"? It takes {}", key.kind.words()),
            None => format!("it takes {}", key.kind.words()),
        };
        walk.mistake(
            text.span,
            "bad_value",
            format!("`{path}` does not know \"{}\"", shown(&text.value)),
        )
        .help(help);
        None
    }

    pub(crate) fn names(&self, walk: &mut Walk<'_>, name: &str) -> Option<Vec<At<String>>> {
        let (key, value, span) = self.get(walk, name)?;
        let Some(list) = value.as_array() else {
            self.wrong_type(walk, key, value, span);
            return None;
        };
        let mut names = Vec::with_capacity(list.len());
        for entry in list.iter() {
            match entry.get_ref().as_str() {
                Some(text) if !text.is_empty() && !text.chars().any(char::is_control) => {
                    names.push(At {
                        value: text.to_owned(),
                        span: entry.span(),
                    });
                }
                Some(_) => {
                    let path = join(&self.path, key.name);
                    walk.mistake(
                        entry.span(),
                        "bad_value",
                        format!("an entry of `{path}` is empty or holds control characters"),
                    );
                }
                None => self.wrong_type(walk, key, entry.get_ref(), entry.span()),
            }
        }
        Some(names)
    }

    /// The names inside the table `name`, as they are written. Notes nothing.
    pub(crate) fn names_inside(&self, name: &str) -> impl Iterator<Item = &'t str> {
        let inside = self.entries.and_then(|entries| entries.get(name));
        let inside = inside.and_then(|value| value.get_ref().as_table());
        inside
            .into_iter()
            .flatten()
            .map(|(key, _)| key.get_ref().as_ref())
    }

    /// Notes that the value is of the wrong type, with the right way to write it.
    fn wrong_type(&self, walk: &mut Walk<'_>, key: &Key, value: &DeValue<'_>, span: Range<usize>) {
        let path = join(&self.path, key.name);
        let is = article(value.type_str());
        walk.mistake(
            span,
            "wrong_type",
            format!("`{path}` takes {}, not {is}", article(&key.kind.words())),
        )
        .help(format!("write {} = {}", key.name, key.example));
    }

    fn out_of_range(&self, walk: &mut Walk<'_>, key: &Key, span: Range<usize>) {
        let path = join(&self.path, key.name);
        let range = match key.kind {
            Kind::Count(least, most) => format!("from {least} to {most}"),
            Kind::Size(least, most) => format!("from {} to {}", ByteSize(least), ByteSize(most)),
            Kind::Span(least, most) => {
                format!("from {} to {}", format_duration(least), format_duration(most))
            }
            Kind::Spans(least, most, longest) => format!(
                "from {} to {}, {longest} of them at the most",
                format_duration(least),
                format_duration(most)
            ),
            _ => key.kind.words(),
        };
        walk.mistake(span, "out_of_range", format!("`{path}` is out of range"))
            .help(format!("it takes values {range}"));
    }

    /// A parse error of one of the units, with the place and an example.
    fn parsed<T, E: Display>(
        &self,
        walk: &mut Walk<'_>,
        key: &Key,
        text: &At<String>,
        result: Result<T, E>,
    ) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(why) => {
                let path = join(&self.path, key.name);
                walk.mistake(text.span.clone(), "bad_value", format!("`{path}`: {why}"))
                    .help(format!(
                        "it takes {}, as in {} = {}",
                        article(&key.kind.words()),
                        key.name,
                        key.example
                    ));
                None
            }
        }
    }

    fn string(&self, walk: &mut Walk<'_>, name: &str) -> Option<(&'static Key, At<String>)> {
        let (key, value, span) = self.get(walk, name)?;
        match value.as_str() {
            Some(text) => Some((
                key,
                At {
                    value: text.to_owned(),
                    span,
                },
            )),
            None => {
                self.wrong_type(walk, key, value, span);
                None
            }
        }
    }

    fn get(&self, walk: &mut Walk<'_>, name: &str) -> Option<(&'static Key, &'t DeValue<'t>, Range<usize>)> {
        walk.asked.insert(join(&self.pattern, name));
        let key = self.key(name)?;
        let value = self.entries?.get(name)?;
        Some((key, value.get_ref(), value.span()))
    }

    fn key(&self, name: &str) -> Option<&'static Key> {
        let found = reference::section(&self.pattern)
            .and_then(|section| section.keys.iter().find(|key| key.name == name));
        debug_assert!(
            found.is_some(),
            "`{}.{name}` is not in reference::KEYS",
            self.pattern
        );
        debug_assert!(!names_a_secret(name), "`{name}` would hold a secret in the file");
        found
    }
}

/// A reader of one type asked for a key of another: a slip in this crate, found by any test that
/// reads the key.
fn mismatch<T>(key: &Key) -> Option<T> {
    debug_assert!(false, "`{}` is not of the type it is read as", key.name);
    None
}

pub(crate) fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// Text from the file inside a message: cut, so that a message stays a line.
pub(crate) fn shown(text: &str) -> String {
    let mut cut: String = text
        .chars()
        .take(60)
        .map(|c| {
            if c.is_control() || moves_the_cursor(c) {
                '?'
            } else {
                c
            }
        })
        .collect();
    if text.chars().nth(60).is_some() {
        cut.push('…');
    }
    cut
}

fn article(words: &str) -> String {
    if words.starts_with('`') {
        return words.to_owned();
    }
    let vowel = words.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {words}", if vowel { "an" } else { "a" })
}

fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("it is empty");
    }
    if name.len() > 64 {
        return Err("it is longer than 64 characters");
    }
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err("it does not begin with a letter or digit");
    }
    if name
        .chars()
        .any(|c| !c.is_ascii_alphanumeric() && !"-_.".contains(c))
    {
        return Err("it holds other characters than letters, digits, `-`, `_` and `.`");
    }
    Ok(())
}
