//! S6: who may do what: `[policies]`, `[tools.NAME]`, and the listener of operators, `[admin]`.

use std::net::SocketAddr;
use std::path::PathBuf;

/// `[policies]`: what is added to the built-in roles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicySection {
    /// Files of Cedar policies, in the order written.
    pub files: Vec<PolicyFile>,
}

/// A file of policies as it was read. Whether it is good Cedar is the gateway's to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFile {
    /// Where it stands, joined to the folder of the config file.
    pub path: PathBuf,
    /// Its text; empty where only the prover reads the configuration.
    pub text: String,
}

/// `[tools.NAME]`: a function tool that is governed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolRule {
    /// Roles that may use it, beside those that a policy permits.
    pub roles: Vec<String>,
}

/// `[admin]`: the listener of operators. Every request to it is authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// Where it listens: an address of this machine alone.
    pub listen: SocketAddr,
    /// Names other than those of the listener that a `Host` header may hold, without a port.
    pub hosts: Vec<String>,
}

/// What becomes of a request that offers a tool its caller may not use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeniedTools {
    /// It is refused with 403.
    #[default]
    Refuse,
    /// The tool is taken out, and a header of the answer says so.
    Strip,
}

impl DeniedTools {
    /// As written in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Strip => "strip",
        }
    }
}
