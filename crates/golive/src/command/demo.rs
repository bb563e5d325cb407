//! `golive demo`.
use crate::cli::Demo;
use crate::exit::Exit;
pub async fn run(_args: Demo, _quiet: bool) -> Exit { crate::exit::OK }
