//! What is wrong with a request, as `application/problem+json` (RFC 9457), with a code for programs.
//!
//! Owns the closed list of codes and their words. Must never repeat what was sent: it may be the number of a
//! certificate.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What can be wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// No token, or one of nobody.
    Unauthorized,
    /// The client's role may not ask this.
    Forbidden,
    /// The client asks more often than its rate.
    TooManyRequests,
    /// There is no such path.
    NotFound,
    /// The path is there, and not for this method.
    BadMethod,
    /// What stands for a person is no token.
    BadToken,
    /// The body is no JSON object with these fields.
    BadBody,
    /// The body is too large.
    BodyTooLarge,
    /// The body did not come in time.
    BodyTooSlow,
    /// The certificate cannot be anybody's.
    BadCertificate,
    /// It is not said what the look-up is for.
    PurposeMissing,
    /// What the look-up is for is no word of a-z, 0-9 and `-`, or holds a number of a person.
    BadPurpose,
    /// The process has not taken over its partitions yet.
    Starting,
    /// Another process holds the person's partition.
    NotHeldHere,
    /// Why cannot be said now: the partition stands still, or too many ask.
    Busy,
    /// The look-up cannot be recorded, so it is not answered.
    AuditUnavailable,
    /// A parameter is unknown, comes twice, or has a value that it cannot have.
    BadQuery,
    /// What is to be gone on from is no position.
    BadPosition,
    /// The position is of another installation.
    ForeignPosition,
    /// What comes after the position is not kept any more.
    PositionGone,
    /// The client, or all together, follow as many streams as they may.
    TooManyStreams,
    /// The changes cannot be read now.
    ChangesUnavailable,
}

impl Code {
    /// Every code.
    pub const ALL: [Code; 22] = [
        Code::Unauthorized,
        Code::Forbidden,
        Code::TooManyRequests,
        Code::NotFound,
        Code::BadMethod,
        Code::BadToken,
        Code::BadBody,
        Code::BodyTooLarge,
        Code::BodyTooSlow,
        Code::BadCertificate,
        Code::PurposeMissing,
        Code::BadPurpose,
        Code::Starting,
        Code::NotHeldHere,
        Code::Busy,
        Code::AuditUnavailable,
        Code::BadQuery,
        Code::BadPosition,
        Code::ForeignPosition,
        Code::PositionGone,
        Code::TooManyStreams,
        Code::ChangesUnavailable,
    ];

    /// Its name.
    pub fn name(self) -> String {
        let name = serde_json::to_value(self).ok().and_then(|name| name.as_str().map(str::to_owned));
        name.unwrap_or_default()
    }

    /// The status of the answer.
    pub fn status(self) -> StatusCode {
        match self {
            Code::Unauthorized => StatusCode::UNAUTHORIZED,
            Code::Forbidden => StatusCode::FORBIDDEN,
            Code::TooManyRequests | Code::TooManyStreams => StatusCode::TOO_MANY_REQUESTS,
            Code::PositionGone => StatusCode::GONE,
            Code::NotFound => StatusCode::NOT_FOUND,
            Code::BadMethod => StatusCode::METHOD_NOT_ALLOWED,
            Code::BadToken | Code::BadBody | Code::BadCertificate | Code::PurposeMissing | Code::BadPurpose => {
                StatusCode::BAD_REQUEST
            }
            Code::BadQuery | Code::BadPosition | Code::ForeignPosition => StatusCode::BAD_REQUEST,
            Code::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Code::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Code::Starting | Code::NotHeldHere | Code::Busy | Code::AuditUnavailable | Code::ChangesUnavailable => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// What is wrong, and what to do.
    pub fn words(self) -> &'static str {
        match self {
            Code::Unauthorized => "give the token of a client: `Authorization: Bearer TOKEN` ([[http.clients]])",
            Code::Forbidden => "the role of this client may not ask this",
            Code::TooManyRequests => "this client asks more often than its rate: ask again after Retry-After seconds",
            Code::NotFound => "there is no such path",
            Code::BadMethod => "this path is not for this method",
            Code::BadToken => "give the token of a person, 32 hex digits",
            Code::BadBody => {
                "give a JSON object with the fields cert_type and cert_number, both strings, and \
                              `Content-Type: application/json`"
            }
            Code::BodyTooLarge => "the body is longer than 1024 bytes",
            Code::BodyTooSlow => "the body did not come within 5 seconds",
            Code::BadCertificate => "the certificate cannot be anybody's: look at its type, length and check digit",
            Code::PurposeMissing => "say what the look-up is for: header `Fuma-Purpose`, like `call-12345`",
            Code::BadPurpose => {
                "the purpose is 1 to 64 of a-z, 0-9 and `-`, and has no more than 10 digits in a row: numbers of \
                 people do not belong there"
            }
            Code::Starting => "the process has not taken over its partitions yet: ask again",
            Code::NotHeldHere => "another process of the group holds this person: ask it, or ask again later",
            Code::Busy => "why cannot be said now: ask again; the colour is at /v1/people/{token}",
            Code::BadQuery => {
                "a parameter is unknown, comes twice, or has a value that it cannot have: see /v1/openapi.json"
            }
            Code::BadPosition => "give the id of an event, or the position of a list, as it was sent",
            Code::ForeignPosition => "this position is of another installation: begin with a list of colours",
            Code::PositionGone => {
                "what comes after this position is not kept any more: begin again with a list of colours"
            }
            Code::TooManyStreams => "so many streams are open already: close one, or ask again later",
            Code::ChangesUnavailable => "the changes cannot be read now: ask again",
            Code::AuditUnavailable => "look-ups cannot be recorded now, so none is answered: ask again",
        }
    }
}

/// What is wrong.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// `urn:fuma:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The name of the status.
    pub title: String,
    /// The status of the answer.
    pub status: u16,
    /// What is wrong, for programs.
    pub code: Code,
    /// What is wrong, and what to do.
    pub detail: String,
}

impl Problem {
    /// A problem in the words of its code.
    pub fn of(code: Code) -> Problem {
        let status = code.status();
        Problem {
            kind: format!("urn:fuma:problem:{}", code.name()),
            title: status.canonical_reason().unwrap_or_default().to_owned(),
            status: status.as_u16(),
            code,
            detail: code.words().to_owned(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.code.status();
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self.code {
            Code::Unauthorized => drop(headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            code if code.status() == StatusCode::SERVICE_UNAVAILABLE
                || code.status() == StatusCode::TOO_MANY_REQUESTS =>
            {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}
