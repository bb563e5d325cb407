//! The integration tests of the whole: one binary, because linking is what makes loops slow.

mod agents;
mod arrows;
mod caller;
mod client_certificates;
mod config_errors;
mod connections;
mod crash;
mod disk;
mod drain;
mod gate;
mod http2;
mod keys;
mod ledger;
mod limits;
mod pages;
mod report_page;
mod requests;
mod sdk;
mod strangers;
mod tags;
mod tls;
mod tokens;
mod upstream_faults;
mod world;
