//! The sockets of the lab: accepting, reading requests, and doing to a connection what an answer says.

pub(crate) mod body;
pub(crate) mod connection;
pub mod listener;
pub(crate) mod service;
