//! The events of one who follows, for as long as they are read.
//!
//! ```text
//! id: 0707070707070707:1669852800000:12.7.31
//! event: change
//! data: {"id":"...","time":"...","person":"...","from":"green","to":"red"}
//! ```
//!
//! A heartbeat has the position, too: who wants few of the changes goes on from there. Owns the text of events. Must
//! never take a page before the last one was sent: who reads slowly is ended, and holds up nobody.

use std::convert::Infallible;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use fuma_schemas::documents::text::OutputInstant;

use super::Place;
use super::query::Query;
use super::shape::{self, Beat};
use crate::http::api::problem::{Code, Problem};
use crate::live::subscriptions::{Change, Position, Refused, Subscription};
use crate::live::{metric, monotonic};

/// After so long without an event there is a heartbeat.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How long a page may take to be sent.
const SEND_MAX: Duration = Duration::from_secs(30);
/// How soon a browser comes back, ms.
const RETRY: &str = "retry: 3000\n";

/// One who follows.
pub(super) struct Stream {
    subscription: Subscription,
    query: Query,
    place: Place,
    /// When the last frame was handed on; none before the first.
    handed: Option<Instant>,
    is_over: bool,
}

impl Stream {
    pub(super) fn new(subscription: Subscription, query: Query, place: Place) -> Stream {
        metrics::gauge!(metric::API_STREAMS).increment(1.0);
        Stream { subscription, query, place, handed: None, is_over: false }
    }

    pub(super) async fn begin(&mut self, at: Option<Position>) -> Result<(), Refused> {
        self.subscription.begin(at).await
    }

    /// The events as a body.
    pub(super) fn body(self) -> Body {
        Body::from_stream(futures::stream::unfold(self, |mut stream| async move {
            let frame = stream.frame().await?;
            stream.handed = Some(monotonic::now());
            Some((Ok::<_, Infallible>(frame), stream))
        }))
    }

    /// What is sent next: the events of a page as one frame.
    async fn frame(&mut self) -> Option<Bytes> {
        if self.is_over {
            return None;
        }
        let Some(handed) = self.handed else {
            let mut first = RETRY.as_bytes().to_vec();
            self.beat(&mut first);
            return Some(first.into());
        };
        // The connection asks again when it has room.
        if handed.elapsed() > SEND_MAX {
            metrics::counter!(metric::API_STREAMS_ENDED, "reason" => "slow").increment(1);
            return None;
        }
        let begun = monotonic::now();
        loop {
            let left = HEARTBEAT.saturating_sub(begun.elapsed());
            let mut out = Vec::new();
            match tokio::time::timeout(left, self.subscription.next()).await {
                Ok(Ok(changes)) => self.events(&changes, &mut out),
                Ok(Err(_)) => self.gone(&mut out),
                Err(_) => self.beat(&mut out),
            }
            if !out.is_empty() {
                return Some(out.into());
            }
            // Who wants few of many leaves room for the others.
            tokio::task::yield_now().await;
        }
    }

    fn events(&mut self, changes: &[Arc<Change>], out: &mut Vec<u8>) {
        let Some(client) = self.place.0.client() else { return };
        for change in changes {
            self.subscription.passed(change);
            if !self.query.wants(change) {
                continue;
            }
            let person = client.key.as_ref().map_or(change.person, |key| key.hidden(change.person));
            if let Some((name, data)) = shape::event(change, person, client.fields) {
                event(out, &self.subscription.position(), name, &data);
            }
        }
    }

    fn beat(&self, out: &mut Vec<u8>) {
        let position = self.subscription.position();
        let beat = Beat { as_of: OutputInstant(position.read_at.to_string()) };
        event(out, &position, "heartbeat", &serde_json::to_vec(&beat).unwrap_or_default());
    }

    /// What comes next is not kept any more: the last event, without a position.
    fn gone(&mut self, out: &mut Vec<u8>) {
        metrics::counter!(metric::API_STREAMS_ENDED, "reason" => "gone").increment(1);
        self.is_over = true;
        let problem = serde_json::to_vec(&Problem::of(Code::PositionGone)).unwrap_or_default();
        // Writing to a Vec cannot fail.
        drop(write!(out, "event: problem\ndata: "));
        out.extend_from_slice(&problem);
        out.extend_from_slice(b"\n\n");
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        metrics::gauge!(metric::API_STREAMS).decrement(1.0);
    }
}

fn event(out: &mut Vec<u8>, position: &Position, name: &str, data: &[u8]) {
    // Writing to a Vec cannot fail. JSON as it is written here has no line end.
    drop(write!(out, "id: {position}\nevent: {name}\ndata: "));
    out.extend_from_slice(data);
    out.extend_from_slice(b"\n\n");
}
