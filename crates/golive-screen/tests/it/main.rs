//! S3, S4, S8: what the strict validator refuses, what it lets through, and that it agrees with an independent parser;
//! what normalising makes of a text; what is found in it, whole and in streams; and what is taken for an attack.

mod deny;
mod detect;
mod disguise;
mod injection;
mod media;
mod normalise;
mod normalise_any;
mod oracle;
mod refusals;
mod schema;
mod stream;
mod text;
mod url;
