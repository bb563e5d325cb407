//! The gateway's own door for operators on the same machine: a Unix socket beside the store, mode 0600.
//!
//! One request a line, one answer a line, both JSON. The handlers are the same whether they are reached over the
//! socket or, when no gateway holds the store, called directly: a command does not know the difference.
//!
//! Never: listens on a network address.

mod access;
mod client;
mod costs;
mod handle;
mod serve;

pub use access::{MayAsk, matrix, may_without_store};
pub use client::{Client, ClientError};
pub use costs::{CostsAsk, Sum};
pub use handle::{Answer, Ask, KeyAdded, KeyText, NewKeyAsk, RowsAsk, handle};
pub use serve::{SocketError, listen, path_of, serve};
