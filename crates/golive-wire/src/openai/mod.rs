//! S3, P2, M2: OpenAI's Chat Completions, Responses, embeddings and models list, as OpenAI and the servers that imitate it speak them.
//!
//! Never: refuses an answer for a field it does not know; compatible servers add and omit fields.

pub mod build;
pub(crate) mod calls;
pub mod chat;
pub mod embeddings;
pub mod models;
mod request;
pub mod responses;
pub mod stream;
