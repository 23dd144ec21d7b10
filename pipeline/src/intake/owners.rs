//! Who may bring which feed (FEEDS.md section 1, `owner`).
//!
//! Owns the lists and the pattern of an owner. Saying loudly at start that a list is missing is the shell's.

use fuma_schemas::Feed;
use rustc_hash::FxHashSet;

type Names = FxHashSet<Box<str>>;

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
    /// The list of a file: one owner a line; empty lines and white space around a name are no part of it.
    pub fn from_lines(text: &str) -> Owners {
        Owners::AllFeeds(text.lines().map(str::trim).filter(|name| !name.is_empty()).map(Box::from).collect())
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
        let list = match self {
            Owners::Everyone => None,
            Owners::AllFeeds(names) => Some(names),
            Owners::PerFeed(feeds) => feeds.get(feed as usize).and_then(Option::as_ref),
        };
        match list {
            Some(names) => names.contains(owner),
            None => !(live && feed == Feed::Listings),
        }
    }
}

/// Whether this is an owner at all: `[a-z0-9-]{1,64}`.
pub(crate) fn is_owner(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}
