//! Who may bring which feed (docs/feeds.md section 1, `owner`).
//!
//! Owns the lists and the pattern of an owner. Saying loudly at start that a list is missing is the shell's.

use fuma_schemas::Feed;
use rustc_hash::FxHashSet;

use super::lines::{self, LineError};

type Names = FxHashSet<Box<str>>;

/// Characters of an owner.
const LENGTH_MAX: usize = 64;

/// The owners whose records are accepted.
#[derive(Clone, Default, Debug)]
pub enum Owners {
    /// No list: everyone, except for `listings` live.
    #[default]
    Everyone,
    /// One list for all feeds.
    AllFeeds(Names),
    /// A list for each feed, in the order of [`Feed::ALL`]; none = everyone, except for `listings` live.
    PerFeed(Box<[Option<Names>; Feed::ALL.len()]>),
}

impl Owners {
    /// The list of a file: one owner a line, for all feeds.
    ///
    /// # Errors
    /// With the first line that is no owner, or when there is none.
    pub fn parse(text: &str) -> Result<Owners, LineError> {
        let reason = "not an owner; allowed: 1 to 64 of a-z, 0-9 and -, one owner a line";
        let mut names = Names::default();
        for (line, name) in lines::of(text) {
            names.insert(Some(name).filter(|name| is_owner(name)).map(Box::from).ok_or(LineError { line, reason })?);
        }
        if names.is_empty() {
            return Err(LineError { line: 1, reason: "no owner in the file; write one a line, like hc-330100" });
        }
        Ok(Owners::AllFeeds(names))
    }

    /// A list for some feeds.
    pub fn per_feed<'a, N: IntoIterator<Item = &'a str>>(lists: impl IntoIterator<Item = (Feed, N)>) -> Owners {
        let mut feeds: Box<[Option<Names>; Feed::ALL.len()]> = Box::default();
        for (feed, names) in lists {
            if let Some(list) = feeds.get_mut(feed as usize) {
                list.get_or_insert_default().extend(names.into_iter().map(Box::from));
            }
        }
        Owners::PerFeed(feeds)
    }

    /// Whether the owner may bring the feed. Live, nobody brings listings without a list.
    pub fn accept(&self, feed: Feed, owner: &str, live: bool) -> bool {
        match self.list(feed) {
            Some(names) => names.contains(owner),
            None => !(live && feed == Feed::Listings),
        }
    }

    /// Whether somebody may approve listings: one of the owners listed for them, where they are listed.
    pub(super) fn accept_approver(&self, approver: &str) -> bool {
        self.list(Feed::Listings).is_none_or(|names| names.contains(approver))
    }

    fn list(&self, feed: Feed) -> Option<&Names> {
        match self {
            Owners::Everyone => None,
            Owners::AllFeeds(names) => Some(names),
            Owners::PerFeed(feeds) => feeds.get(feed as usize).and_then(Option::as_ref),
        }
    }
}

/// Whether this is an owner at all: `[a-z0-9-]{1,64}`.
pub(crate) fn is_owner(text: &str) -> bool {
    (1..=LENGTH_MAX).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}
