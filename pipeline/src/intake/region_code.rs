//! Region codes (GB/T 2260): by structure, and against a table where one is configured.
//!
//! Owns the shape of a code and the 34 provincial ones. Knows no names of places.

use rustc_hash::FxHashSet;

/// The 34 provincial codes.
const PROVINCES: [u8; 34] = [
    11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52, 53, 54, 61, 62, 63,
    64, 65, 71, 81, 82,
];

/// The codes that a configuration knows. A code of 12 digits is known by its first 9.
#[derive(Clone, Default, Debug)]
pub struct RegionTable {
    codes: FxHashSet<u64>,
}

impl RegionTable {
    /// A table of these codes; what is no code is left out.
    pub fn new<'a>(codes: impl IntoIterator<Item = &'a str>) -> RegionTable {
        RegionTable { codes: codes.into_iter().filter(|code| is_code(code)).filter_map(number).collect() }
    }

    /// Whether the table has the code, for 12 digits its first 9.
    pub fn contains(&self, code: &str) -> bool {
        let looked_up = if code.len() == 12 { code.get(..9) } else { Some(code) };
        looked_up.and_then(number).is_some_and(|number| self.codes.contains(&number))
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

/// Whether this is a code of 2, 4, 6, 9 or 12 digits of one of the 34 provinces.
pub fn is_code(code: &str) -> bool {
    matches!(code.len(), 2 | 4 | 6 | 9 | 12)
        && code.bytes().all(|byte| byte.is_ascii_digit())
        && has_province(code.as_bytes())
}

/// Whether this is one of the 34 provincial codes of 2 digits.
pub fn is_province(code: &str) -> bool {
    code.len() == 2 && is_code(code)
}

fn has_province(digits: &[u8]) -> bool {
    match digits {
        [tens, units, ..] => PROVINCES.binary_search(&((tens - b'0') * 10 + (units - b'0'))).is_ok(),
        _ => false,
    }
}

/// The code as a number; no code begins with a zero, so its length is in it.
fn number(code: &str) -> Option<u64> {
    code.parse().ok()
}
