//! P1, P2, P3, M1, M2, S2, S3, L1: the lab over real sockets, as a gateway, an SDK and a proof meet it.

mod control;
mod docs;
mod faults;
mod formats;
mod hooks;
mod http;
mod issuer;
mod leaving;
mod listeners;
mod load;
mod scenarios;
