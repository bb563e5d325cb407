//! What the store asks of a database.
/// A database.
pub trait Backend: Send + Sync {}
