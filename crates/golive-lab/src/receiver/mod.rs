//! S5, S6, E3: what the lab plays beside a model provider. Each receiver records all that reaches it.

pub mod hook;
pub(crate) mod oidc;
