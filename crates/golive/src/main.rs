//! The go-live gate for AI agents: one binary, two halves. This file only starts what the command line names.
//!
//! Never: exits from the middle of something. Every command returns its exit code, so that what it holds is
//! closed on the way out.
#![forbid(unsafe_code)]

mod cli;
mod command;
mod exit;
mod output;

use std::process::ExitCode;

use clap::Parser;

/// glibc's allocator gives memory back late under many threads; this one needs only a C compiler, and without
/// transparent huge pages it idles within the budget of docs/performance.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(help_or_mistake) => {
            let mistake = help_or_mistake.use_stderr();
            // A closed pipe is no reason to fail while showing help.
            let _ = help_or_mistake.print();
            return if mistake {
                exit::USAGE.into()
            } else {
                exit::OK.into()
            };
        }
    };
    // One crypto library for the whole process; only a second call could fail, and there is none.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::error(&format!("cannot start: {error}"));
            return exit::FAILED.into();
        }
    };
    let code = runtime.block_on(command::run(cli));
    // A blocked name look-up must not hold up the end.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    code.into()
}
