//! The simulated world: a provider with scripted faults that records all that reaches it.
