//! The regions of rows: codes that are looked up, names that are resolved, and the names that people have to look at.
//!
//! Owns the memory of names that were met, and the review list. Both are bounded: a column of something else must not
//! fill the memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use fuma_connectors::regions::Places;
use fuma_schemas::region::{is_code, normal};
use rustc_hash::FxHashMap;

/// So many names are remembered.
const KNOWN_MAX: usize = 100_000;
/// So many names stand in the review list.
const REVIEW_MAX: usize = 10_000;

/// A name that is no region.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unresolved {
    /// The province beside it.
    pub province: String,
    /// The name.
    pub name: String,
    /// Why it is none.
    pub reason: &'static str,
    /// The first row that has it.
    pub first_row: u64,
    /// How many rows have it.
    pub rows: u64,
}

/// What is known of regions.
#[derive(Default)]
pub struct Regions {
    places: Option<Arc<Places>>,
    known: FxHashMap<(String, String), String>,
    review: BTreeMap<(String, String), Unresolved>,
}

impl Regions {
    /// With the table of codes, or without.
    pub fn new(places: Option<Arc<Places>>) -> Regions {
        Regions { places, ..Regions::default() }
    }

    /// Whether a code is one.
    pub(in crate::tables) fn code(&self, code: &str) -> bool {
        is_code(code) && self.places.as_ref().is_none_or(|places| places.has(normal(code)))
    }

    /// The code of a name; none goes to the review list.
    pub(in crate::tables) fn find(&mut self, province: &str, name: &str, row: u64) -> Option<String> {
        let key = (province.to_owned(), name.to_owned());
        if let Some(code) = self.known.get(&key) {
            return Some(code.clone());
        }
        let found = match &self.places {
            Some(places) => places.find(province, name),
            None => Err("there is no table of codes"),
        };
        match found {
            Ok(code) => {
                if self.known.len() < KNOWN_MAX {
                    self.known.insert(key, code.clone());
                }
                Some(code)
            }
            Err(reason) => {
                self.note(key, reason, row);
                None
            }
        }
    }

    fn note(&mut self, key: (String, String), reason: &'static str, row: u64) {
        if let Some(known) = self.review.get_mut(&key) {
            known.rows += 1;
        } else if self.review.len() < REVIEW_MAX {
            let (province, name) = key.clone();
            self.review.insert(key, Unresolved { province, name, reason, first_row: row, rows: 1 });
        }
    }

    /// The names that people have to look at.
    pub fn take_review(&mut self) -> Vec<Unresolved> {
        std::mem::take(&mut self.review).into_values().collect()
    }
}
