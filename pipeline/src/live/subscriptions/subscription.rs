//! One subscriber, who waits for what is next.
//!
//! Owns its position. Holds one page at most; dropped, it makes room for another.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fuma_schemas::Instant;
use futures::channel::oneshot;

use super::recent::Found;
use super::{Behind, Change, Gone, Page, Position, Shared};

/// After a page that could not be read.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// Follows the changes from a position on.
#[derive(Debug)]
pub struct Subscription {
    shared: Arc<Shared>,
    /// None until it has begun.
    position: Option<Position>,
    /// What comes next, of the recent ones.
    seen: Option<u64>,
    /// A page that is being read.
    asked: Option<oneshot::Receiver<Result<Page, Gone>>>,
    /// A page that was read to see whether it is there.
    first: Option<Page>,
    /// Where it stands once the page that was handed out is passed on.
    then: Option<Position>,
    /// Whether it began where the log begins.
    from_first: bool,
}

/// Why a position cannot be gone on from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// It is of another installation, or of no log like this one.
    Foreign,
    /// What comes after it is not kept any more.
    Gone,
    /// The log cannot be read now.
    Away,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.shared.open.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Subscription {
    pub(super) fn new(shared: Arc<Shared>) -> Subscription {
        Subscription { shared, position: None, seen: None, asked: None, first: None, then: None, from_first: false }
    }

    /// Begins at a position, or with what is next; waits until the log is followed. Has read what comes first, so that
    /// a position from which nobody can go on is refused here.
    ///
    /// # Errors
    /// Where there is no going on.
    pub async fn begin(&mut self, at: Option<Position>) -> Result<(), Refused> {
        let now = self.now().await;
        let Some(mut at) = at else {
            self.position = Some(now);
            return Ok(());
        };
        if at.installation != now.installation || at.offsets.len() != now.offsets.len() {
            return Err(Refused::Foreign);
        }
        // What nobody can have read yet was read of another log, or never.
        at.read_at = at.read_at.min(now.read_at);
        // Another process may have read further than this one; or it is of a log that was made again.
        let is_ahead = at.offsets.iter().zip(&now.offsets).any(|(at, end)| at > end);
        let mut seen = None;
        let found = match is_ahead {
            true => Found::Behind,
            false => self.shared.recent().after(&mut at, &mut seen),
        };
        if let Found::Behind = found {
            let page = self.ask(at.clone()).await.map_err(|_| Refused::Away)?;
            self.first = Some(page.map_err(|Gone| Refused::Gone)?);
        } else if let Found::Changes(_) = found {
            // They are found again.
            seen = None;
        }
        (self.position, self.seen) = (Some(at), seen);
        Ok(())
    }

    /// Begins with the first change that is kept; says where the log ends now.
    pub async fn begin_first(&mut self) -> Position {
        let mut grown = self.shared.grown.subscribe();
        // A look at the log that began before the question says nothing of now; the next one does.
        for _ in 0..2 {
            let _ = grown.changed().await;
        }
        let end = self.now().await;
        let offsets = vec![0; end.offsets.len()];
        self.position = Some(Position { installation: end.installation, read_at: Instant::default(), offsets });
        self.from_first = true;
        end
    }

    /// Where it stands, once it has all before an end that was told.
    pub fn reached(&mut self, end: &Position) -> Option<Position> {
        let at = self.then.take().or_else(|| self.position.clone())?;
        let is_there = at.offsets.iter().zip(&end.offsets).all(|(at, end)| at >= end);
        self.position = Some(at.clone());
        is_there.then(|| Position { read_at: at.read_at.max(end.read_at), ..at })
    }

    /// Where the log is, once it is followed.
    async fn now(&self) -> Position {
        let mut grown = self.shared.grown.subscribe();
        loop {
            grown.borrow_and_update();
            if let Some(now) = self.shared.recent().now() {
                return now;
            }
            // The other end is in what this holds.
            let _ = grown.changed().await;
        }
    }

    /// Where it stands: before what it hands out next.
    pub fn position(&self) -> Position {
        self.position.clone().unwrap_or_default()
    }

    /// A change was handed on.
    pub fn passed(&mut self, change: &Change) {
        if let Some(position) = &mut self.position {
            position.reach(change.partition, change.offset + 1);
        }
    }

    /// The next changes; waits for them. Who gives up waiting loses nothing. None may come of a page.
    ///
    /// # Errors
    /// When the log does not hold them any more.
    pub async fn next(&mut self) -> Result<Vec<Arc<Change>>, Gone> {
        if let Some(page) = self.first.take() {
            return Ok(self.take(page));
        }
        if let Some(then) = self.then.take() {
            self.position = Some(then);
        }
        let mut grown = self.shared.grown.subscribe();
        loop {
            grown.borrow_and_update();
            let Some(position) = &mut self.position else { return Ok(Vec::new()) };
            let found = match self.asked {
                None => self.shared.recent().after(position, &mut self.seen),
                Some(_) => Found::Behind,
            };
            match found {
                Found::Changes(changes) => return Ok(changes),
                // Who reads the past is done; all others wait for what is next.
                Found::All if self.from_first => return Ok(Vec::new()),
                Found::NotYet | Found::All => {
                    let _ = grown.changed().await;
                }
                Found::Behind => {
                    let at = position.clone();
                    match self.ask(at).await {
                        Ok(page) => return page.map(|page| self.take(page)),
                        Err(_) => tokio::time::sleep(READ_AGAIN).await,
                    }
                }
            }
        }
    }

    fn take(&mut self, page: Page) -> Vec<Arc<Change>> {
        self.then = Some(page.position);
        page.changes
    }

    /// A page of the log; the same one, for who gave up waiting and asks again.
    async fn ask(&mut self, position: Position) -> Result<Result<Page, Gone>, oneshot::Canceled> {
        let from_first = self.from_first;
        let asked = self.asked.get_or_insert_with(|| {
            let (reply, asked) = oneshot::channel();
            self.shared.behind().push(Behind { position, from_first, reply });
            asked
        });
        let page = asked.await;
        self.asked = None;
        page
    }
}
