//! What must not be lost: the ledger of requests, API keys, releases and kept answers, behind one writer,
//! one seal and one lock. SQLite stands behind [`backend::Backend`]; PostgreSQL joins there.
//!
//! Never: answers HTTP, decides policy, or keeps a secret, a user id or a prompt in clear.

#![forbid(unsafe_code)]

mod answers;
pub mod backend;
mod health;
mod keys;
mod ledger;
mod releases;
mod seal;
mod spill;
mod store;
mod tickets;
mod writer;

pub use answers::{IdempotencyKey, KEPT_BODY_MAX, KeptAnswer, NotKept};
pub use health::{DatabaseHealth, StoreHealth};
pub use keys::{ApiKey, BadKey, KeyError, KeyHash, KeyRecord, NewKey, PreviousKey, Rotation};
pub use ledger::{
    Admission, Basis, Cost, CostBasis, CostRow, Cursor, LedgerFilter, LedgerRow, NotAUserHash, OpenRow,
    Spent, Tokens, UserHash,
};
pub use releases::Release;
pub use seal::{
    BadMasterKey, CommandFailed, KeyStatus, MasterKey, Pace, Progress, Replaced, Rotated, RotationStatus,
    SealChange, SealError, SealStatus, SpillStatus, run_master_key_command,
};
pub use spill::SpillError;
pub use store::{
    Durability, Holder, Opened, Retained, Retention, Store, StoreError, StoreOptions, WhenFull, now_us,
};
pub use tickets::{
    Author, ConversationKey, ConversationRecord, Delivery, Message, NewEvent, NewMessage, Ticket,
    TicketError, TicketFilter,
};
pub use writer::{CommitRefused, Committed, NotDone, Writer};

pub use secrecy::SecretString;
pub use uuid::Uuid;
