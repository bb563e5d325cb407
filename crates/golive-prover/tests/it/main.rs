//! The prover against targets that are made for it: a good one, ones that are wrong in one way, and degenerate ones.

mod degenerate;
mod degenerate_ops;
mod degenerate_twins;
mod frame;
mod l1_smoke;
mod m1_health;
mod m2_metrics;
mod p1_load;
mod p2_timeouts;
mod report;
mod s1_secrets;
mod s2_rate_limits;
mod s3_validation;
mod s5_auth;
mod s5_certificates;
mod s5_tokens;
mod s6_rbac;
mod s7_rest;
mod s7_testssl;
mod s7_transit;
mod tls_twin;
mod twin;
mod twin_auth;
mod twin_ops;
mod twin_tls;
mod world;
