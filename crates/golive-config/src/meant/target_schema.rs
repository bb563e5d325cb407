//! S3: what a target says of the form of its requests: `[targets.NAME.declares.schema]`.

/// Stands in a declared body where the prover puts a word of its own.
pub const MARKER: &str = "{marker}";

/// What a target says of the form of its requests.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TargetSchema {
    /// Bodies that it serves: by the name of their file, as text with [`MARKER`] in it.
    pub good: Vec<(String, String)>,
    /// Bodies that it refuses, likewise.
    pub bad: Vec<(String, String)>,
    /// Texts that it refuses, wherever a good body has its marker.
    pub deny: Vec<String>,
    /// It refuses system and developer messages.
    pub refuses_system: bool,
}
