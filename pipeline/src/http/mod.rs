//! How the service is, for machines: metrics and probes over HTTP.
//!
//! ```text
//! /metrics   Prometheus text: those of `live::metric`, and the process's CPU, memory, files
//! /livez     200 while the supervisor turns, 503 and what does not
//! /readyz    200 while every part has what it needs, 503 and what is missing; which partitions are parked, and why;
//!            whether everything is held
//! /startupz  200 once it was ready
//! ```
//!
//! `/v1` is answered to clients of the configuration alone, where there are any (`api`).
//!
//! Gauges of a partition are shown while this process holds it: what was true of it before is another's to say. One
//! thread with a runtime of its own; the port is taken before anything else starts. Owns the answers. Must never show a
//! person (but for `/v1`), a key, or an owner beyond a bounded number, and never ask a broker.

pub mod api;
mod described;
mod health;
mod held;
mod sending;
mod serve;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::OnceLock;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use futures::channel::oneshot;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;

pub use api::Api;
pub use described::{DESCRIBED, Described, Kind};
pub use health::{Health, Heartbeat, Part};

use crate::live::partitions::Partitions;

/// The buckets of every histogram in seconds: 1 ms to 60 s.
const SECONDS: [f64; 16] =
    [0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0];
/// How often what histograms gathered is brought into their buckets, also when nobody scrapes.
const UPKEEP: Duration = Duration::from_secs(5);

/// Why there is no HTTP port.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The port cannot be opened.
    #[error(
        "cannot listen on {address}: {source}; choose another with --http (or [http] listen; port 0 is any free one), \
         or give --http off"
    )]
    Bind {
        /// Where it was to be.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The thread or its runtime cannot be started.
    #[error("the thread of the HTTP port cannot be started: {0}")]
    Thread(#[from] io::Error),
    /// There is a recorder of metrics already.
    #[error("internal error: metrics are recorded elsewhere already: {0}. Please report this")]
    Metrics(String),
}

/// The recorded metrics; clones share them.
#[derive(Clone)]
pub struct Metrics {
    recorded: PrometheusHandle,
    process: Collector,
}

impl Metrics {
    /// Records the metrics of this process from now on; further calls get the same.
    ///
    /// # Errors
    /// When something else records them.
    pub fn install() -> Result<Metrics, HttpError> {
        static INSTALLED: OnceLock<Result<Metrics, String>> = OnceLock::new();
        INSTALLED.get_or_init(Metrics::begin).clone().map_err(HttpError::Metrics)
    }

    fn begin() -> Result<Metrics, String> {
        let builder = PrometheusBuilder::new();
        let builder = builder.set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS);
        let recorder = builder.map_err(|error| error.to_string())?.build_recorder();
        let recorded = recorder.handle();
        metrics::set_global_recorder(recorder).map_err(|error| error.to_string())?;
        described::describe();
        described::begin_at_zero();
        let process = Collector::default();
        process.describe();
        Ok(Metrics { recorded, process })
    }

    /// All of them as Prometheus text.
    pub fn render(&self) -> String {
        self.process.collect();
        self.recorded.render()
    }
}

/// The HTTP port of a service; dropping it closes it.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    close: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Takes the port and answers on it from now on.
    ///
    /// # Errors
    /// When the port cannot be opened, or a thread cannot be started.
    pub fn start(address: SocketAddr, shown: Shown) -> Result<Server, HttpError> {
        let bound = |source| HttpError::Bind { address, source };
        let listener = TcpListener::bind(address).map_err(bound)?;
        listener.set_nonblocking(true).map_err(bound)?;
        let address = listener.local_addr().map_err(bound)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let (close, closed) = oneshot::channel();
        let thread = std::thread::Builder::new().name("http".to_owned()).spawn(move || {
            if let Err(error) = runtime.block_on(serve(listener, shown, closed)) {
                tracing::error!(%error, "the HTTP port is closed");
            }
        })?;
        Ok(Server { address, close: Some(close), thread: Some(thread) })
    }

    /// Where it listens: with port 0 asked for, the one that was free.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.close.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Answers until the other end of `closed` is gone. Requests under way are cut: none of them changes anything.
async fn serve(listener: TcpListener, shown: Shown, closed: oneshot::Receiver<()>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let upkept = shown.metrics.recorded.clone();
    let upkeep = tokio::spawn(async move {
        let mut turns = tokio::time::interval(UPKEEP);
        loop {
            turns.tick().await;
            upkept.run_upkeep();
        }
    });
    let most = shown.connections_max;
    let answers = tokio::spawn(async move { serve::connections(listener, router(shown), most).await });
    let _ = closed.await;
    upkeep.abort();
    answers.abort();
    Ok(())
}

/// What the port shows.
#[derive(Clone)]
pub struct Shown {
    /// What is measured.
    pub metrics: Metrics,
    /// How the process is.
    pub health: Health,
    /// What becomes of its partitions.
    pub partitions: Partitions,
    /// Answers about people; none: nobody may ask.
    pub api: Option<Api>,
    /// The most connections at once.
    pub connections_max: usize,
}

/// The most connections at once, unless the configuration says otherwise.
pub const CONNECTIONS_MAX: usize = 2_000;

impl Shown {
    /// Metrics and probes, and nothing about people.
    pub fn new(metrics: Metrics, health: Health, partitions: Partitions) -> Shown {
        Shown { metrics, health, partitions, api: None, connections_max: CONNECTIONS_MAX }
    }
}

fn router(mut shown: Shown) -> Router {
    let about_people = shown.api.take().map(Api::router);
    let router = Router::new()
        .route("/", get(index))
        .route("/metrics", get(scrape))
        .route("/livez", get(|State(shown): State<Shown>| async move { probed(shown.health.live()) }))
        .route("/readyz", get(|State(shown): State<Shown>| async move { ready(&shown) }))
        .route("/startupz", get(|State(shown): State<Shown>| async move { probed(shown.health.started()) }))
        .with_state(shown);
    match about_people {
        Some(about_people) => router.nest("/v1", about_people),
        None => router,
    }
}

async fn index() -> Html<&'static str> {
    Html(
        "<!doctype html><title>fuma</title><h1>fuma</h1><ul>\
         <li><a href=/metrics>/metrics</a> Prometheus\
         <li><a href=/livez>/livez</a> the process works\
         <li><a href=/readyz>/readyz</a> every partition is restored, or parked and why\
         <li><a href=/startupz>/startupz</a> was ready once</ul>",
    )
}

async fn scrape(State(shown): State<Shown>) -> impl IntoResponse {
    let text = held::only(&shown.metrics.render(), &shown.partitions);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}

/// Whether it is ready, and what is parked: that is no reason to send nobody here, but somebody should look.
fn ready(shown: &Shown) -> (StatusCode, String) {
    let (status, mut text) = probed(shown.health.ready());
    if let Some(remark) = shown.health.remarked() {
        text.push_str(&remark);
        text.push('\n');
    }
    for ((stage, partition), holding) in shown.partitions.all() {
        let Some(parked) = &holding.parked else { continue };
        let next = parked.next_try.map(|next| format!("; tried again at {next}")).unwrap_or_default();
        let line = format!(
            "{stage} {partition}: parked since {}: {}: {}; {}{next}\n",
            holding.since,
            parked.reason,
            parked.what,
            parked.advice(partition)
        );
        text.push_str(&line);
    }
    (status, text)
}

fn probed(state: Result<(), String>) -> (StatusCode, String) {
    match state {
        Ok(()) => (StatusCode::OK, "ok\n".to_owned()),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}
