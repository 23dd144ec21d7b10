//! A request before anything is answered: whose token it bears, and whether its rate allows it.
//!
//! Owns who asks. Without a token there is no answer about anything, be the path there or not.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::clients::Client;
use super::problem::{Code, Problem};
use super::{Api, Parts};
use crate::live::{metric, monotonic};

/// The longest token that is looked at.
const TOKEN_BYTES_MAX: usize = 512;
/// What a request must be for, at most.
const PURPOSE_MAX: usize = 64;
/// Digits in a row of a purpose: fewer than a phone number has.
const PURPOSE_DIGITS_MAX: usize = 10;
/// The header that says what a look-up is for.
const PURPOSE: &str = "fuma-purpose";

/// When this process first looked at the time.
static BEGUN: LazyLock<Instant> = LazyLock::new(monotonic::now);

/// Who is at the other end of the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Who asks.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    api: Arc<Parts>,
    /// The place among the clients; none: the one of this machine.
    place: Option<usize>,
    /// What for.
    pub(super) purpose: Option<String>,
}

impl Caller {
    pub(super) fn client(&self) -> Option<&Client> {
        self.api.clients.get(self.place)
    }
}

/// Lets a request through, or says why not.
pub(super) async fn admit(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let response = match caller(&api, &request) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(code) => Problem::of(code).into_response(),
    };
    metrics::counter!(metric::API_REQUESTS, "status" => response.status().as_u16().to_string()).increment(1);
    response
}

fn caller(api: &Api, request: &Request) -> Result<Caller, Code> {
    let headers = request.headers();
    let place = match bearer(headers)? {
        Some(token) => Some(api.0.clients.of_token(token).ok_or(Code::Unauthorized)?),
        None if is_from_here(request) => None,
        None => return Err(Code::Unauthorized),
    };
    let mut caller = Caller { api: Arc::clone(&api.0), place, purpose: None };
    let client = caller.client().ok_or(Code::Unauthorized)?;
    if !client.rate.take(monotonic::now().saturating_duration_since(*BEGUN)) {
        return Err(Code::TooManyRequests);
    }
    caller.purpose = purpose(headers)?;
    Ok(caller)
}

/// The token that a request bears, if it bears any.
fn bearer(headers: &HeaderMap) -> Result<Option<&[u8]>, Code> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = given.next() else { return Ok(None) };
    let (scheme, token) = value.as_bytes().split_at_checked(b"Bearer ".len()).ok_or(Code::Unauthorized)?;
    let is_bearer = scheme.eq_ignore_ascii_case(b"Bearer ");
    let is_token = !token.is_empty() && token.len() <= TOKEN_BYTES_MAX;
    if given.next().is_some() || !is_bearer || !is_token { Err(Code::Unauthorized) } else { Ok(Some(token)) }
}

/// Whether a request comes from this machine, and by a name of it: a page elsewhere can have its own name lead here.
fn is_from_here(request: &Request) -> bool {
    let peer = request.extensions().get::<Peer>();
    let is_loopback = peer.is_some_and(|Peer(address)| address.ip().is_loopback());
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok());
    is_loopback && hosts.next().is_none() && host.is_some_and(is_name_of_loopback)
}

fn is_name_of_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// What a request is for.
fn purpose(headers: &HeaderMap) -> Result<Option<String>, Code> {
    let mut given = headers.get_all(PURPOSE).iter();
    let Some(value) = given.next() else { return Ok(None) };
    let text = value.to_str().map_err(|_| Code::BadPurpose)?;
    let is_word = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let digits = text.split(|letter: char| !letter.is_ascii_digit()).map(str::len).max().unwrap_or(0);
    let is_short = (1..=PURPOSE_MAX).contains(&text.len()) && digits <= PURPOSE_DIGITS_MAX;
    if given.next().is_some() || !is_word || !is_short { Err(Code::BadPurpose) } else { Ok(Some(text.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_machine() {
        for host in ["localhost", "LOCALHOST:9464", "127.0.0.1:80", "127.8.8.8", "[::1]:9464", "[::1]"] {
            assert!(is_name_of_loopback(host), "{host}");
        }
        for host in ["", "fuma.example:9464", "localhost.example", "10.0.0.1", "[::2]", "127.0.0.1.example"] {
            assert!(!is_name_of_loopback(host), "{host}");
        }
    }
}
