//! P1: the driver on a virtual clock, and the HTTP sender against small servers on loopback.

#[path = "../../examples/truth/server.rs"]
mod server;

mod driver;
mod http;
mod ramp;
