//! The store from outside: what a person or the gateway sees of it, also when the disk is full, the
//! key is wrong, or the process dies.

mod answers;
mod costs;
mod crash;
mod keys;
mod ledger;
mod opening;
mod outage;
mod seal;
mod tickets;
mod world;
