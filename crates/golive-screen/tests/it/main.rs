//! S3, S4, S8: what the strict validator refuses, what it lets through, and that it agrees with an independent parser;
//! what normalising makes of a text.

mod deny;
mod media;
mod injection;
mod normalise;
mod normalise_any;
mod oracle;
mod refusals;
mod schema;
mod text;
mod url;
//! S3, S4: what the strict validator refuses, what it lets through, and that it agrees with an independent parser.
mod detect;
mod stream;
