//! Why a person has a colour: evidence, what does not count, what would end it, and what was announced.
//!
//! Owns who may ask why. Waits for a step of a worker, and for no longer than a moment.

use std::time::Duration;

use axum::extract::rejection::ExtensionRejection;
use axum::extract::{Extension, Path, State};
use axum::http::{Uri, header};
use axum::response::{IntoResponse as _, Response};
use fuma_schemas::Person;

use super::Api;
use super::admit::Caller;
use super::answer::ExplainAnswer;
use super::audit::Act;
use super::people;
use super::problem::{Code, Problem};

/// How long who asks waits.
const WAIT_MAX: Duration = Duration::from_secs(15);

/// `GET /v1/people/{token}/explain`
pub(super) async fn explain(
    State(api): State<Api>,
    caller: Result<Extension<Caller>, ExtensionRejection>,
    Path(token): Path<String>,
    uri: Uri,
) -> Response {
    let Ok(Extension(caller)) = caller else { return Problem::of(Code::Unauthorized).into_response() };
    answer(&api, &caller, (&token, &uri)).await.unwrap_or_else(|code| Problem::of(code).into_response())
}

async fn answer(api: &Api, caller: &Caller, (token, uri): (&str, &Uri)) -> Result<Response, Code> {
    let client = caller.client().ok_or(Code::Unauthorized)?;
    people::may(client, Act::Explain)?;
    let person = Person::parse(token).ok_or(Code::BadToken)?;
    let shown = match people::recorded(api, (caller, client), person, Act::Explain) {
        Ok(shown) => shown,
        Err(code) => return people::or_elsewhere(api, person, uri, Err(code)),
    };
    // A partition that stands still makes no step: its last colour is at /v1/people/{token}.
    let parked = api.is_parked(shown.partition);
    let asked = (!parked).then(|| api.0.answers.ask(person)).flatten().ok_or(Code::Busy)?;
    let explained = tokio::time::timeout(WAIT_MAX, asked).await.map_err(|_| Code::Busy)?.map_err(|_| Code::Busy)?;
    let body = serde_json::to_vec(&ExplainAnswer::of(person, explained)).unwrap_or_default();
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, body).into_response())
}
