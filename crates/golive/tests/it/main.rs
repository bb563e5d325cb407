//! The integration tests of the whole: one binary, because linking is what makes loops slow.

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
mod limits_scopes;
mod pages;
mod report_page;
mod requests;
mod scan;
mod sdk;
mod seal;
mod secrets;
mod tags;
mod tls;
mod upstream_faults;
mod upstream_tls;
mod world;
