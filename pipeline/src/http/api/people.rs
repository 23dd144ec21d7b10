//! A person's colour: by a person's token, or by a certificate in the body.
//!
//! Owns who may look whom up. A number is hashed at once and kept by nobody; what cannot be recorded is not answered.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::rejection::ExtensionRejection;
use axum::extract::{Extension, Path, Request, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use fuma_schemas::Person;

use super::admit::Caller;
use super::answer::{self, LookUpBody};
use super::audit::{Act, LookUp};
use super::clients::{Client, Role};
use super::problem::{Code, Problem};
use super::{Api, BODY_BYTES_MAX};
use crate::intake::person_of_certificate;
use crate::live::answers::{Answer, Missing};

/// Marks a request that was sent on.
const SENT: &str = "sent-on";
/// How long a body may take.
const BODY_WAIT_MAX: Duration = Duration::from_secs(5);

type Called = Result<Extension<Caller>, ExtensionRejection>;

/// `GET /v1/people/{token}`
pub(super) async fn look(State(api): State<Api>, caller: Called, Path(token): Path<String>, uri: Uri) -> Response {
    let looked = caller.map_err(|_| Code::Unauthorized).and_then(|Extension(caller)| {
        let client = caller.client().ok_or(Code::Unauthorized)?;
        let given = may(client, Act::Look).and_then(|()| Person::parse(&token).ok_or(Code::BadToken))?;
        let person = client.key.as_ref().map_or(given, |key| key.found(given));
        let answer = answered(&api, (&caller, client), person, Act::Look);
        or_elsewhere(&api, person, &uri, answer)
    });
    looked.unwrap_or_else(|code| Problem::of(code).into_response())
}

/// `POST /v1/people/lookup`
pub(super) async fn look_up(State(api): State<Api>, caller: Called, request: Request) -> Response {
    let Ok(Extension(caller)) = caller else { return Problem::of(Code::Unauthorized).into_response() };
    let uri = request.uri().clone();
    // Who may not ask is told so before the body is read.
    let allowed = caller.client().ok_or(Code::Unauthorized).and_then(|client| may(client, Act::LookUp));
    let body = match allowed {
        Ok(()) => body(request).await,
        Err(code) => Err(code),
    };
    let looked = body.and_then(|body| {
        let client = caller.client().ok_or(Code::Unauthorized)?;
        let LookUpBody { cert_type, cert_number } = serde_json::from_slice(&body).map_err(|_| Code::BadBody)?;
        let person = person_of_certificate(&api.0.key, &cert_type, &cert_number).map_err(|_| Code::BadCertificate)?;
        let answer = answered(&api, (&caller, client), person, Act::LookUp);
        or_elsewhere(&api, person, &uri, answer)
    });
    looked.unwrap_or_else(|code| Problem::of(code).into_response())
}

async fn body(request: Request) -> Result<Bytes, Code> {
    let is_json = |value: &str| value.split(';').next().is_some_and(|kind| kind.trim() == "application/json");
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !kind.is_some_and(is_json) {
        return Err(Code::BadBody);
    }
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if length.and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > BODY_BYTES_MAX as u64) {
        return Err(Code::BodyTooLarge);
    }
    let read = axum::body::to_bytes(request.into_body(), BODY_BYTES_MAX);
    match tokio::time::timeout(BODY_WAIT_MAX, read).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(_)) => Err(Code::BodyTooLarge),
        Err(_) => Err(Code::BodyTooSlow),
    }
}

/// Whether a client's role may do this.
pub(super) fn may(client: &Client, act: Act) -> Result<(), Code> {
    let may = match (client.role, act) {
        (Role::Issuer | Role::Official, Act::Look | Act::LookUp) | (Role::Auditor, Act::Look) => true,
        (Role::Official | Role::Auditor, Act::Explain) => true,
        (Role::Issuer | Role::Auditor, Act::Changes | Act::Colours) => true,
        (Role::Auditor, Act::LookUp) | (Role::Issuer, Act::Explain) => false,
        (Role::Official, Act::Changes | Act::Colours) | (Role::Operator, _) => false,
    };
    if may { Ok(()) } else { Err(Code::Forbidden) }
}

/// The answer, or where the process is that gives it. Who was sent here is not sent on: owners may just be changing.
pub(super) fn or_elsewhere(
    api: &Api,
    person: Person,
    uri: &Uri,
    answer: Result<Response, Code>,
) -> Result<Response, Code> {
    let is_first = uri.query().is_none_or(|query| query != SENT);
    match answer {
        Err(Code::NotHeldHere) if is_first => {
            let owner = api.0.answers.elsewhere(person).ok_or(Code::NotHeldHere)?;
            // Under `/v1`, which the router has taken off.
            let location = format!("http://{owner}/v1{}?{SENT}", uri.path());
            let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, "no-store".to_owned())];
            Ok((StatusCode::TEMPORARY_REDIRECT, headers).into_response())
        }
        answer => answer,
    }
}

/// Records the look-up and answers it.
fn answered(api: &Api, (caller, client): (&Caller, &Client), person: Person, act: Act) -> Result<Response, Code> {
    let answer = recorded(api, (caller, client), person, act)?;
    Ok(response(&answer, api.is_parked(answer.partition), (client, person)))
}

/// What a request is for. An issuer shows a code to who bears it; all others say what for.
pub(super) fn purpose(caller: &Caller, client: &Client) -> Result<Option<String>, Code> {
    match &caller.purpose {
        None if client.role != Role::Issuer => Err(Code::PurposeMissing),
        purpose => Ok(purpose.clone()),
    }
}

/// Records the look-up, and gives what is published. One that is refused here says nothing of anybody, and is not
/// recorded.
pub(super) fn recorded(
    api: &Api,
    (caller, client): (&Caller, &Client),
    person: Person,
    act: Act,
) -> Result<Answer, Code> {
    let purpose = purpose(caller, client)?;
    let answer = api.0.answers.of(person).map_err(|missing| match missing {
        Missing::Starting => Code::Starting,
        Missing::NotHeld(_) => Code::NotHeldHere,
    })?;
    let look_up = LookUp { client: client.name.clone(), role: client.role, act, person: Some(person), purpose };
    api.0.audit.record(look_up).map_err(|_| Code::AuditUnavailable)?;
    Ok(answer)
}

fn response(answer: &Answer, parked: bool, (client, person): (&Client, Person)) -> Response {
    let shown = client.key.as_ref().map_or(person, |key| key.hidden(person));
    let body = answer::json(answer, (shown, parked), client.fields);
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (StatusCode::OK, headers, Body::from(body)).into_response()
}
