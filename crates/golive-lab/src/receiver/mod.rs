//! S5, S6: what the lab plays beside a model provider. Each receiver records all that reaches it.

pub(crate) mod oidc;
