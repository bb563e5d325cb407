//! P1, P5, P6: open-loop load, the statistics of its answers, and of what grows under it.
//!
//! A [`Plan`] says what to offer, a [`Workload`] sends one request, [`run`] offers the plan to the workload by
//! a seeded schedule and returns a [`RunReport`]: latencies from the *intended* start, what could not be sent,
//! and whether the generator itself kept up ([`report::Invalid`]). The statistics ([`interval`], [`batch`], [`trend`],
//! [`histogram`]) are pure; the only drivers are [`driver`], [`clock`] and [`http`].
//!
//! Never: retries, decides pass or fail, or knows the words of any wire format.

#![forbid(unsafe_code)]

pub mod abort;
pub mod arrivals;
pub mod batch;
pub mod beta;
pub mod bootstrap;
pub mod clock;
mod desk;
pub mod driver;
pub mod histogram;
pub mod http;
pub mod interval;
pub mod plan;
pub mod ramp;
pub mod reply;
pub mod report;
mod tally;
pub mod thread;
pub mod trend;
pub mod warm_up;

pub use clock::{Clock, VirtualClock, WallClock};
pub use driver::{Ended, Event, Stops, run};
pub use plan::{Plan, PlanError, Role, Stage};
pub use reply::{Failure, Reply, Workload};
pub use report::{Invalid, RunReport, StageReport};
