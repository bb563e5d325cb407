//! The other listeners: health and metrics.
