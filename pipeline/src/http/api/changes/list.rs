//! The present colours as lines, and at the end the position from which a subscriber goes on.
//!
//! They are read from the log of changes, whose last record of a person is the person's colour. A person may stand
//! there several times, and the last line counts: so no process has to hold who is whose, and any process of the group
//! answers for all. Who is not there is green.
//!
//! Owns the text of lines. Must never say a position before everything in front of it was sent.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use fuma_schemas::documents::text::OutputInstant;

use super::Place;
use super::shape::{self, ListEnd};
use crate::live::subscriptions::{Change, Position, Subscription};
use crate::live::{metric, monotonic};

/// How long a page may take to be sent.
const SEND_MAX: Duration = Duration::from_secs(30);

/// A list that is being sent.
pub(super) struct List {
    subscription: Subscription,
    place: Place,
    /// Where the log ended when the list was asked for.
    end: Position,
    /// When the last frame was handed on.
    handed: Option<Instant>,
    is_over: bool,
}

impl List {
    pub(super) async fn begin(mut subscription: Subscription, place: Place) -> List {
        let end = subscription.begin_first().await;
        metrics::gauge!(metric::API_STREAMS).increment(1.0);
        List { subscription, place, end, handed: None, is_over: false }
    }

    /// The lines as a body.
    pub(super) fn body(self) -> Body {
        Body::from_stream(futures::stream::unfold(self, |mut list| async move {
            let frame = list.frame().await?;
            list.handed = Some(monotonic::now());
            Some((Ok::<_, Infallible>(frame), list))
        }))
    }

    /// The lines of a page, or the last one.
    async fn frame(&mut self) -> Option<Bytes> {
        if self.is_over {
            return None;
        }
        if self.handed.is_some_and(|handed| handed.elapsed() > SEND_MAX) {
            metrics::counter!(metric::API_STREAMS_ENDED, "reason" => "slow").increment(1);
            return None;
        }
        loop {
            if let Some(position) = self.subscription.reached(&self.end) {
                self.is_over = true;
                let as_of = OutputInstant(position.read_at.to_string());
                let mut line = serde_json::to_vec(&ListEnd { position: position.to_string(), as_of }).ok()?;
                line.push(b'\n');
                return Some(line.into());
            }
            // A list that cannot be gone on with ends without a position: it is not whole.
            let changes = self.subscription.next().await.ok()?;
            let lines = self.lines(&changes);
            if !lines.is_empty() {
                return Some(lines.into());
            }
            tokio::task::yield_now().await;
        }
    }

    fn lines(&mut self, changes: &[Arc<Change>]) -> Vec<u8> {
        let mut out = Vec::new();
        let Some(client) = self.place.0.client() else { return out };
        let last: HashMap<_, _> = changes.iter().map(|change| (change.person, change.offset)).collect();
        for change in changes {
            self.subscription.passed(change);
            // The last of a page stands for those before it.
            if last.get(&change.person) != Some(&change.offset) {
                continue;
            }
            let person = client.key.as_ref().map_or(change.person, |key| key.hidden(change.person));
            if let Some(line) = shape::listed(change, person, client.fields) {
                out.extend_from_slice(&line);
                out.push(b'\n');
            }
        }
        out
    }
}

impl Drop for List {
    fn drop(&mut self) {
        metrics::gauge!(metric::API_STREAMS).decrement(1.0);
    }
}
