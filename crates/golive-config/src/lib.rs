//! golive.toml as written, then as meant.
