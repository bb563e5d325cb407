//! S4: the rules: where something may begin, each says whether and where it ends.
//!
//! Never: reads past the end other than through [`super::text::Text`].

pub(crate) mod address;
pub(crate) mod date;
pub(crate) mod email;
pub(crate) mod net;
pub(crate) mod number;
pub(crate) mod open;
pub(crate) mod password;
pub(crate) mod person;
pub(crate) mod phone;
pub(crate) mod secret;
pub(crate) mod table;
pub(crate) mod token;
pub(crate) mod url;
