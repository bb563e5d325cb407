//! S5: tokens (JWT, RFC 7519) by the rules of RFC 8725: their form, their claims, and the keys that signed them.
//!
//! Pure: nothing here reads a clock or a network. The key decides the algorithm, not the token; what a token says of
//! keys (`jku`, `jwk`, `x5u`, `x5c`) is never looked at.

pub mod claims;
pub mod form;
pub mod keys;
#[cfg(test)]
mod tests;

pub use claims::Claims;
pub use form::Jws;
pub use keys::{BadKeys, KeySet, NoKey};
