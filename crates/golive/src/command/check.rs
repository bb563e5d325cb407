//! `golive check`.
use crate::cli::Check;
use crate::exit::Exit;
pub async fn run(_args: Check, _config: &std::path::Path, _quiet: bool) -> Exit { crate::exit::OK }
