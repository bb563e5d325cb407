//! The machines together, as a gateway uses them.

mod chaos;
mod world;
