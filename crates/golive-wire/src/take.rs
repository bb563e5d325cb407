//! Reading JSON in place: a value is taken apart by whoever knows its shape, and a value of another type is a
//! finding, not a parse failure.
//!
//! Never: builds a tree of values. Strings without escapes are borrowed from the input.

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::{borrow::Cow, fmt, marker::PhantomData};

/// A value as far as it matters here: scalars whole, containers by their kind.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Scalar<'a> {
    /// `null`, and what was not there at all.
    #[default]
    Null,
    Bool(bool),
    /// A whole number from 0 to 2^64 - 1.
    Whole(u64),
    /// Any other number.
    Number(f64),
    Text(Cow<'a, str>),
    /// With the number of its elements.
    Array(usize),
    Object,
}

impl<'a> Scalar<'a> {
    /// The words of an error message.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Scalar::Null => "null",
            Scalar::Bool(_) => "a boolean",
            Scalar::Whole(_) | Scalar::Number(_) => "a number",
            Scalar::Text(_) => "a string",
            Scalar::Array(_) => "an array",
            Scalar::Object => "an object",
        }
    }

    /// The text, if it is text and not empty.
    pub(crate) fn words(self) -> Option<Cow<'a, str>> {
        match self {
            Scalar::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    pub(crate) fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Scalar::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A count. Some servers write counts as `12.0`.
    pub(crate) fn count(&self) -> Option<u64> {
        match *self {
            Scalar::Whole(count) => Some(count),
            Scalar::Number(number) if (0.0..9e15).contains(&number) && number.fract() == 0.0 => {
                Some(number as u64)
            }
            _ => None,
        }
    }

    pub(crate) fn is_filled(&self) -> bool {
        match self {
            Scalar::Null => false,
            Scalar::Array(len) => *len > 0,
            Scalar::Text(text) => !text.is_empty(),
            _ => true,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Seed::new(Plain).deserialize(deserializer)
    }
}

/// Whether something is there at all: not null, not empty. Small, where the value itself is of no use.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Filled(pub(crate) bool);

impl<'de> Deserialize<'de> for Filled {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Scalar::deserialize(deserializer).map(|found| Filled(found.is_filled()))
    }
}

/// Text that is not empty; anything else is none. Smaller than a [`Scalar`].
#[derive(Debug, Default)]
pub(crate) struct Words<'a>(pub(crate) Option<Cow<'a, str>>);

impl<'de: 'a, 'a> Deserialize<'de> for Words<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Scalar::deserialize(deserializer).map(|found| Words(found.words()))
    }
}

struct Plain;

impl<'de> Take<'de> for Plain {
    type Out = Scalar<'de>;
    fn scalar(self, found: Scalar<'de>) -> Scalar<'de> {
        found
    }
}

/// Takes one value. What is not overridden is consumed and reported by its kind.
pub(crate) trait Take<'de>: Sized {
    type Out;

    fn scalar(self, found: Scalar<'de>) -> Self::Out;

    fn array<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Out, A::Error> {
        let mut len = 0;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            len += 1;
        }
        Ok(self.scalar(Scalar::Array(len)))
    }

    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Out, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(self.scalar(Scalar::Object))
    }
}

/// Reads a struct from an object. Derived structs also read arrays, member by member: no server means that.
pub(crate) fn read_object<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Option<T> {
    let text = text.trim_ascii();
    if !text.starts_with(b"{") {
        return None;
    }
    // Checked once here instead of string by string in the parser.
    serde_json::from_str(std::str::from_utf8(text).ok()?).ok()
}

/// A name of an object's member, borrowed where it has no escapes.
pub(crate) fn next_name<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<Cow<'de, str>>, A::Error> {
    Ok(map
        .next_key::<Scalar<'de>>()?
        .map(|name| name.text().unwrap_or_default()))
}

/// Makes a [`Take`] usable with serde.
pub(crate) struct Seed<'de, T>(T, PhantomData<&'de ()>);

impl<'de, T: Take<'de>> Seed<'de, T> {
    pub(crate) fn new(take: T) -> Self {
        Seed(take, PhantomData)
    }
}

impl<'de, T: Take<'de>> DeserializeSeed<'de> for Seed<'de, T> {
    type Value = T::Out;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T::Out, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Take<'de>> Visitor<'de> for Seed<'de, T> {
    type Value = T::Out;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<T::Out, E> {
        Ok(self.0.scalar(Scalar::Null))
    }
    fn visit_bool<E>(self, value: bool) -> Result<T::Out, E> {
        Ok(self.0.scalar(Scalar::Bool(value)))
    }
    fn visit_u64<E>(self, value: u64) -> Result<T::Out, E> {
        Ok(self.0.scalar(Scalar::Whole(value)))
    }
    fn visit_i64<E>(self, value: i64) -> Result<T::Out, E> {
        Ok(self
            .0
            .scalar(u64::try_from(value).map_or(Scalar::Number(value as f64), Scalar::Whole)))
    }
    fn visit_f64<E>(self, value: f64) -> Result<T::Out, E> {
        Ok(self.0.scalar(Scalar::Number(value)))
    }
    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<T::Out, E> {
        Ok(self.0.scalar(Scalar::Text(Cow::Borrowed(value))))
    }
    fn visit_str<E>(self, value: &str) -> Result<T::Out, E> {
        Ok(self.0.scalar(Scalar::Text(Cow::Owned(value.to_owned()))))
    }
    fn visit_string<E>(self, value: String) -> Result<T::Out, E> {
        Ok(self.0.scalar(Scalar::Text(Cow::Owned(value))))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<T::Out, A::Error> {
        self.0.array(seq)
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T::Out, A::Error> {
        self.0.object(map)
    }
}
