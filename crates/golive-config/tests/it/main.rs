//! S1: what a user meets when a `golive.toml` is good, and when it is not.

mod bad_input;
mod good_input;
mod init;
mod litellm;
mod money;
mod reloading;
mod rendering;
mod secrets;
mod world;
