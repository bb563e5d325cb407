//! S3: `[media]`: how golive fetches what requests name, where `screening.media_inline` asks for it.

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use crate::units::ByteSize;

/// How images and documents are fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaSection {
    /// The largest one.
    pub size: ByteSize,
    /// For all of one request together.
    pub timeout: Duration,
    /// Private ranges their hosts may be in. Empty: public addresses only.
    pub private_addresses: Vec<IpNet>,
    /// PEM file of the authorities that vouch for the hosts, instead of Mozilla's.
    pub ca_file: Option<PathBuf>,
}

impl Default for MediaSection {
    fn default() -> Self {
        Self {
            size: ByteSize(8 * 1024 * 1024),
            timeout: Duration::from_secs(10),
            private_addresses: Vec::new(),
            ca_file: None,
        }
    }
}
