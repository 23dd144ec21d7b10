//! `GET /v1/changes`: the changes as they are committed, as server-sent events, from any position that is kept; and
//! `GET /v1/colours`: the present colours, with the position from which a subscriber goes on.
//!
//! ```text
//! list    the present colours as lines
//! query   which changes, and from where
//! shape   what of a change a client sees
//! stream  the events, for as long as somebody reads them
//! ```
//!
//! Owns who may follow, and how many. Must never show one issuer the token of another, a rule to who sees colours
//! alone, or hold more for a slow reader than a page.

mod list;
mod query;
pub mod shape;
mod stream;
#[cfg(test)]
mod tests;

use std::time::Duration;

use axum::extract::rejection::ExtensionRejection;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};

use super::Api;
use super::admit::Caller;
use super::audit::{Act, LookUp};
use super::clients::{Client, Fields};
use super::people;
use super::problem::{Code, Problem};
use crate::live::subscriptions::{Position, Refused};

/// How long who begins waits for the log.
const BEGIN_WAIT_MAX: Duration = Duration::from_secs(15);
/// Where one who comes back stopped.
const LAST_EVENT_ID: &str = "last-event-id";

/// `GET /v1/changes`
pub(super) async fn changes(
    State(api): State<Api>,
    caller: Result<Extension<Caller>, ExtensionRejection>,
    request: Request,
) -> Response {
    let Ok(Extension(caller)) = caller else { return Problem::of(Code::Unauthorized).into_response() };
    let asked = (request.uri().query().unwrap_or_default().to_owned(), request.headers().clone());
    followed(&api, caller, asked).await.unwrap_or_else(|code| Problem::of(code).into_response())
}

async fn followed(api: &Api, caller: Caller, (asked, headers): (String, HeaderMap)) -> Result<Response, Code> {
    let client = caller.client().ok_or(Code::Unauthorized)?;
    people::may(client, Act::Changes)?;
    let purpose = people::purpose(&caller, client)?;
    let query = query::read(&asked, client.key.as_ref())?;
    if query.names_rules() && client.fields == Fields::Colour {
        return Err(Code::Forbidden);
    }
    let at = position(&headers, query.from.as_deref())?;
    let place = Place::take(&caller).ok_or(Code::TooManyStreams)?;
    let subscription = api.0.answers.subscriptions().subscribe().ok_or(Code::TooManyStreams)?;
    let mut stream = stream::Stream::new(subscription, query, place);
    match tokio::time::timeout(BEGIN_WAIT_MAX, stream.begin(at)).await {
        Ok(Ok(())) => {}
        Ok(Err(Refused::Foreign)) => return Err(Code::ForeignPosition),
        Ok(Err(Refused::Gone)) => return Err(Code::PositionGone),
        Ok(Err(Refused::Away)) | Err(_) => return Err(Code::ChangesUnavailable),
    }
    record(api, client, (Act::Changes, purpose))?;
    Ok((headers_of("text/event-stream"), stream.body()).into_response())
}

/// `GET /v1/colours`
pub(super) async fn colours(
    State(api): State<Api>,
    caller: Result<Extension<Caller>, ExtensionRejection>,
    request: Request,
) -> Response {
    let Ok(Extension(caller)) = caller else { return Problem::of(Code::Unauthorized).into_response() };
    let has_query = request.uri().query().is_some_and(|query| !query.is_empty());
    listed(&api, caller, has_query).await.unwrap_or_else(|code| Problem::of(code).into_response())
}

async fn listed(api: &Api, caller: Caller, has_query: bool) -> Result<Response, Code> {
    let client = caller.client().ok_or(Code::Unauthorized)?;
    people::may(client, Act::Colours)?;
    let purpose = people::purpose(&caller, client)?;
    if has_query {
        return Err(Code::BadQuery);
    }
    let place = Place::take(&caller).ok_or(Code::TooManyStreams)?;
    let subscription = api.0.answers.subscriptions().subscribe().ok_or(Code::TooManyStreams)?;
    let list = tokio::time::timeout(BEGIN_WAIT_MAX, list::List::begin(subscription, place)).await;
    let list = list.map_err(|_| Code::ChangesUnavailable)?;
    record(api, client, (Act::Colours, purpose))?;
    Ok((headers_of("application/x-ndjson"), list.body()).into_response())
}

fn record(api: &Api, client: &Client, (act, purpose): (Act, Option<String>)) -> Result<(), Code> {
    let look_up = LookUp { client: client.name.clone(), role: client.role, act, person: None, purpose };
    api.0.audit.record(look_up).map_err(|_| Code::AuditUnavailable)
}

/// A proxy that gathers answers would keep what is sent bit by bit.
fn headers_of(kind: &'static str) -> [(&'static str, &'static str); 3] {
    [(header::CONTENT_TYPE.as_str(), kind), (header::CACHE_CONTROL.as_str(), "no-store"), ("x-accel-buffering", "no")]
}

/// From where: the header of who comes back wins over the address, which stays what it was at the first time.
fn position(headers: &HeaderMap, from: Option<&str>) -> Result<Option<Position>, Code> {
    let mut given = headers.get_all(LAST_EVENT_ID).iter();
    let text = match (given.next(), given.next()) {
        (None, _) => from,
        (Some(value), None) => Some(value.to_str().map_err(|_| Code::BadPosition)?),
        (Some(_), Some(_)) => return Err(Code::BadPosition),
    };
    text.map(|text| Position::parse(text).ok_or(Code::BadPosition)).transpose()
}

/// One of the streams that a client may follow.
#[derive(Debug)]
pub(super) struct Place(pub(super) Caller);

impl Place {
    fn take(caller: &Caller) -> Option<Place> {
        caller.client()?.streams.take().then(|| Place(caller.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(client) = self.0.client() {
            client.streams.give_back();
        }
    }
}
