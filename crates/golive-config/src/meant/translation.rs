//! E4: what becomes of a request whose link speaks another format.

/// How requests are put into another format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translation {
    /// What is done with a parameter that the other format cannot express.
    pub unsupported: Unsupported,
    /// The same for single parameters, the later over the earlier.
    pub parameters: Vec<(String, Unsupported)>,
    /// Most tokens of an answer where the caller named none and the other format wants a number.
    pub output: u64,
}

impl Default for Translation {
    fn default() -> Self {
        Self {
            unsupported: Unsupported::Refuse,
            parameters: Vec::new(),
            output: 4096,
        }
    }
}

/// What is done with a parameter that the other format cannot express.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unsupported {
    /// The request does not go to that link.
    #[default]
    Refuse,
    /// It goes without, and the caller is told in `golive-untranslated`.
    Warn,
    /// It goes without; the ledger knows.
    Drop,
}

impl Unsupported {
    /// As written in the file.
    pub const WORDS: [(&str, Self); 3] = [
        ("refuse", Self::Refuse),
        ("warn", Self::Warn),
        ("drop", Self::Drop),
    ];

    /// As written in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Warn => "warn",
            Self::Drop => "drop",
        }
    }
}
