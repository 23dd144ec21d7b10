//! What an operator sees of `fuma run`: metrics, probes, alerts, `fuma status`, and the lines of the log.
//!
//! ```text
//! process   the real binary on a log in a folder or on a broker, and its port
//! scrape    what /metrics says, and which series an expression of Prometheus asks for
//! alerts    every expression finds its series; every alert fires once, and once it does not (with promtool)
//! asked     clients ask a service about people, before and after it is killed
//! folder    a service on a folder: metrics, status, probes
//! decided   packs that are published, signed, withdrawn and held
//! phones    records of phones become evidence of whoever holds them, as in a replay, through a kill
//! aboard    those aboard with a case are contacts, as in a replay, through kills
//! switched  a pack changes in a running service, and is taken back
//! broker    a service on a broker that is killed for a while
//! ```

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]
#![allow(clippy::print_stdout, reason = "says what it could not try")]
#![cfg(feature = "kafka")]

mod aboard;
mod alerts;
mod asked;
#[allow(unreachable_pub, dead_code, reason = "shared with a library")]
#[path = "../../../tests/src/broker.rs"]
mod broker;
mod brokers;
mod decided;
mod dropped;
mod folder;
mod phones;
mod process;
mod scrape;
mod switched;

/// One test at a time: each has processes, and deadlines are for a machine that has nothing else to do.
fn alone() -> std::sync::MutexGuard<'static, ()> {
    static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
