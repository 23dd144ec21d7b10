//! The table of region codes that a configuration may name: a code that is not in it is `unknown-region`.
//!
//! Owns the table, in normal form. What a code looks like is `schemas::region`'s.

use fuma_schemas::region::{is_code, normal};
use rustc_hash::FxHashSet;

use super::lines::{self, LineError};

/// Digits by which a code of 12 is known.
const KNOWN_BY: usize = 9;

/// The codes that a configuration knows. A code of 12 digits is known by its first 9.
#[derive(Clone, Default, Debug)]
pub struct RegionTable {
    codes: FxHashSet<u64>,
}

impl RegionTable {
    /// The table of a file: one code a line, of any length.
    ///
    /// # Errors
    /// With the first line that is no code, or when there is none.
    pub fn parse(text: &str) -> Result<RegionTable, LineError> {
        let reason = "not a region code; allowed: 2, 4, 6, 9 or 12 digits of GB/T 2260, one code a line";
        let mut codes = FxHashSet::default();
        for (line, code) in lines::of(text) {
            let number = Some(code).filter(|code| is_code(code)).and_then(|code| number(normal(code)));
            codes.insert(number.ok_or(LineError { line, reason })?);
        }
        if codes.is_empty() {
            return Err(LineError { line: 1, reason: "no region code in the file; write one a line, like 330100" });
        }
        Ok(RegionTable { codes })
    }

    /// Whether the table has a code of normal form, for 12 digits its first 9.
    pub fn contains(&self, code: &str) -> bool {
        let looked_up = match code.get(..KNOWN_BY) {
            Some(street) if code.len() > KNOWN_BY => normal(street),
            _ => code,
        };
        number(looked_up).is_some_and(|number| self.codes.contains(&number))
    }

    /// How many codes the table has.
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// Whether the table has no code.
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }
}

/// The code as a number; no code begins with a zero, so its length is in it.
fn number(code: &str) -> Option<u64> {
    code.parse().ok()
}
