//! S3, S4: what the strict validator refuses, what it lets through, and that it agrees with an independent parser.

mod detect;
mod oracle;
mod refusals;
mod stream;
