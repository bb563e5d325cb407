//! State machines over a clock handed in.
