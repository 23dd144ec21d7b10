//! Answers about people, over HTTP: `/v1`, for clients of the configuration alone (docs/api.md).
//!
//! ```text
//! clients   who may ask: tokens, roles, projections
//! admit     a request before anything is answered: its token, its role, its rate
//! changes   the changes as they are committed, and the present colours for who begins
//! explain   why a person has a colour
//! openapi   the document of all that
//! people    a person's colour, by token or by certificate
//! answer    the shapes of answers
//! problem   what is wrong, as problem+json with a code
//! audit     who looked whom up, and what for
//! ```
//!
//! Owns what leaves the process about people. Must never answer without a token, wait for a step of a worker before a
//! look-up, or show one issuer the token of another.

mod admit;
pub mod answer;
pub mod audit;
pub mod changes;
pub mod clients;
mod explain;
pub mod openapi;
mod people;
pub mod problem;
#[cfg(test)]
mod tests;

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header;
use axum::middleware;
use axum::response::IntoResponse;
use axum::routing::{get, post};

pub(super) use self::admit::Peer;
pub use self::audit::Audit;
pub use self::clients::{ClientConfig, ClientError, Clients, Fields, Role};
use self::problem::{Code, Problem};
use crate::intake::Key;
use crate::live::answers::Answers;
use crate::live::partitions::{ASSESS, Partitions, State};

/// The most bytes of a body.
pub(super) const BODY_BYTES_MAX: usize = 1024;

/// What the port needs to answer about people; clones share it.
#[derive(Clone, Debug)]
pub struct Api(Arc<Parts>);

/// `GET /v1/openapi.json`
fn openapi() -> impl IntoResponse {
    static DOCUMENT: LazyLock<String> = LazyLock::new(openapi::text);
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], DOCUMENT.as_str())
}

#[derive(Debug)]
struct Parts {
    answers: Answers,
    clients: Clients,
    audit: Audit,
    /// Hashes the numbers of those who are looked up by certificate.
    key: Key,
    /// Which partitions stand still.
    partitions: Partitions,
}

impl Api {
    /// Answers from what is published, to these clients.
    pub fn new(answers: Answers, partitions: Partitions, clients: Clients, (audit, key): (Audit, Key)) -> Api {
        Api(Arc::new(Parts { answers, clients, audit, key, partitions }))
    }

    fn is_parked(&self, partition: u32) -> bool {
        self.0.partitions.of(ASSESS, partition).is_some_and(|holding| holding.state == State::Parked)
    }

    /// The routes of `/v1`. Who asks is looked at before the path is: of what is not there nothing is said, either.
    pub(super) fn router(self) -> Router {
        Router::new()
            .route("/openapi.json", get(|| async { openapi() }))
            .route("/changes", get(changes::changes))
            .route("/colours", get(changes::colours))
            .route("/people/lookup", post(people::look_up))
            .route("/people/{token}", get(people::look))
            .route("/people/{token}/explain", get(explain::explain))
            .fallback(|| async { Problem::of(Code::NotFound) })
            .method_not_allowed_fallback(|| async { Problem::of(Code::BadMethod) })
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .layer(middleware::from_fn_with_state(self.clone(), admit::admit))
            .with_state(self)
    }
}
