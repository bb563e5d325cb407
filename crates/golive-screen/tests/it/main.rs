//! S3, S4, S8: what the strict validator refuses, what it lets through, and that it agrees with an independent parser.

mod detect;
mod normalise;
mod oracle;
mod refusals;
mod stream;
