//! Connections: how many there may be, and how long a head may take.
//!
//! Owns the bounds of the port. A client that sends its head slowly, says nothing, or does not take what is sent,
//! loses its connection; one more than there may be is closed at once, so that the others are answered.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};

use super::api::Peer;
use super::sending::Sending;

/// How long the head of a request may take, and how long a connection may wait for its next request.
const HEAD_WAIT_MAX: Duration = Duration::from_secs(15);
/// The most bytes of a head.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// The most headers.
const HEADERS_MAX: usize = 64;
/// How long nothing is accepted where the system has no room for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Answers connections, at most so many at once.
pub(super) async fn connections(listener: TcpListener, router: Router, most: usize) {
    let open = Arc::new(AtomicUsize::new(0));
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let Some(place) = Place::take(&open, most) else { continue };
                tokio::spawn(connection(stream, peer, router.clone(), place));
            }
            Err(error) => {
                tracing::debug!(%error, "no connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, place: Place) {
    let _ = stream.set_nodelay(true);
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        let answered = hyper::service::Service::call(&router, request.map(axum::body::Body::new) as Request);
        async move { Ok::<_, Infallible>(answered.await.unwrap_or_else(|never| match never {})) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WAIT_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(Sending::new(stream)), service)
        .await;
    // What a client sends is nothing to be told of.
    if let Err(error) = served {
        tracing::trace!(%error, "a connection ended");
    }
    drop(place);
}

/// A connection's place among those that there may be.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(open: &Arc<AtomicUsize>, most: usize) -> Option<Place> {
        let taken = open.fetch_update(Ordering::AcqRel, Ordering::Acquire, |open| (open < most).then_some(open + 1));
        taken.is_ok().then(|| Place(Arc::clone(open)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
