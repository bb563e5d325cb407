//! A list that is nearly always empty or of one: no allocation then.
//!
//! Never: used where many are the rule; two or more live in a `Vec`.

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use std::{fmt, marker::PhantomData};

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Few<T> {
    #[default]
    None,
    One(T),
    Many(Vec<T>),
}

impl<T> Few<T> {
    pub(crate) fn push(&mut self, item: T) {
        *self = match std::mem::replace(self, Few::None) {
            Few::None => Few::One(item),
            Few::One(first) => Few::Many(vec![first, item]),
            Few::Many(mut all) => {
                all.push(item);
                Few::Many(all)
            }
        };
    }

    pub(crate) fn as_slice(&self) -> &[T] {
        match self {
            Few::None => &[],
            Few::One(item) => std::slice::from_ref(item),
            Few::Many(all) => all,
        }
    }

    pub(crate) fn into_parts(self) -> (Option<T>, std::vec::IntoIter<T>) {
        match self {
            Few::None => (None, Vec::new().into_iter()),
            Few::One(item) => (Some(item), Vec::new().into_iter()),
            Few::Many(all) => (None, all.into_iter()),
        }
    }
}

/// From an array; `null` reads as none, because compatible servers write it for "no choices".
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Few<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Array<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Array<T> {
            type Value = Few<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }
            fn visit_unit<E>(self) -> Result<Few<T>, E> {
                Ok(Few::None)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Few<T>, A::Error> {
                let mut few = Few::None;
                while let Some(item) = seq.next_element()? {
                    few.push(item);
                }
                Ok(few)
            }
        }
        deserializer.deserialize_any(Array(PhantomData))
    }
}
