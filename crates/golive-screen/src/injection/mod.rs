//! S8: the injection screen: is this text trying to steer the model away from its operator or its user?
//!
//! Never: does I/O, decodes anything itself (that is `normalise`), or judges a harmful question that steers nothing.

pub mod concept;
pub mod features;
pub mod fold;
pub mod lexicon;
pub mod model;
pub mod tokens;

/// Where a text stands in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// What the person wrote.
    User,
    /// A document, a page, a mail that the person or a tool brought.
    Document,
    /// What a tool answered.
    Tool,
    /// The operator's own text.
    System,
}

impl Channel {
    /// Every channel.
    pub const ALL: &[Self] = &[Self::User, Self::Document, Self::Tool, Self::System];

    /// As configuration, command line and labelled files write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Document => "document",
            Self::Tool => "tool",
            Self::System => "system",
        }
    }

    /// The channel of a name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|channel| channel.name() == name)
    }

    /// How its words are to be taken.
    pub const fn trust(self) -> Trust {
        match self {
            Self::User => Trust::Asks,
            Self::Document | Self::Tool => Trust::Informs,
            Self::System => Trust::Rules,
        }
    }
}

/// How the words of a channel are to be taken: who may tell the assistant what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Trust {
    /// The user: may ask for anything, but not for other rules.
    Asks,
    /// Data: has nothing to tell the assistant.
    Informs,
    /// The operator: makes the rules.
    Rules,
}
