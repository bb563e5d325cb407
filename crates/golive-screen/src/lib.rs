//! Text: strict validation of what comes in.
