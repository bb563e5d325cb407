//! The integration tests of the whole: one binary, because linking is what makes loops slow.

mod admin;
mod agents;
mod arrows;
mod caller;
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
mod policy;
mod report_page;
mod requests;
mod sdk;
mod tags;
mod tls;
mod tools;
mod upstream_faults;
mod world;
