//! S3, S4, S8: what the strict validator refuses, what it lets through, and that it agrees with an independent parser;
//! what normalising makes of a text, and what the injection screen makes of it.

mod deny;
mod injection;
mod media;
mod normalise;
mod normalise_any;
mod oracle;
mod refusals;
mod schema;
mod text;
mod url;
