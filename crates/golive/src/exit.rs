//! The exit codes, a stable surface: scripts depend on them.

use std::process::ExitCode;

/// What a command ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(pub u8);

/// Done; for `check`: GO, or a clean PARTIAL.
pub const OK: Exit = Exit(0);
/// It failed; for `check`: NO-GO.
pub const FAILED: Exit = Exit(1);
/// Wrong use, or a wrong configuration.
pub const USAGE: Exit = Exit(2);
/// `check`: the target cannot be reached. Elsewhere: a process that is needed does not answer.
pub const UNREACHABLE: Exit = Exit(3);
/// Ended by Ctrl-C.
pub const INTERRUPTED: Exit = Exit(130);

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.0)
    }
}
