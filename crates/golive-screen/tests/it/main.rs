//! S3: what the strict validator refuses, what it lets through, and that it agrees with an independent parser.

mod oracle;
mod refusals;
