//! Names of provinces, cities and counties, as carriers and registers write them, to region codes.
//!
//! ```text
//! 浙江省 + 杭州市   3301        浙江省杭州市   3301        上海市   31        河南省 + 济源市   419001
//! ```
//!
//! Owns these readings. A name is the whole name of one region, in its province where one is given (浙江 for 浙江省 will
//! do). Must never take the nearest name, a part of one, or the first of several.

use fuma_schemas::region::normal;

use super::ImportError;
use super::aliases::Aliases;
use super::codes::{Codes, Region};

/// What a province's name may leave away at its end.
const PROVINCE_ENDINGS: [&str; 7] = ["省", "市", "自治区", "壮族自治区", "回族自治区", "维吾尔自治区", "特别行政区"];
/// Levels of the table that are no places: names of groups of counties.
const ARTIFICIAL: [&str; 4] = ["市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划"];
/// The lengths of the codes that are looked up, the widest first.
const LEVELS: [usize; 3] = [2, 4, 6];

/// The names and their codes.
pub struct Places {
    codes: Codes,
    aliases: Aliases,
}

impl Places {
    /// Reads the tables, packed or not: of codes (code, name), and of aliases (province, city, county, code, note).
    ///
    /// # Errors
    /// When one of them is no such table.
    pub fn read(codes: Vec<u8>, aliases: Option<Vec<u8>>) -> Result<Places, ImportError> {
        let codes = Codes::read(&super::unpacked(codes)?)?;
        let aliases = match aliases {
            Some(table) => super::unpacked(table)?,
            None => super::ALIASES.as_bytes().to_vec(),
        };
        let aliases = Aliases::read(&aliases, &codes)?;
        Ok(Places { codes, aliases })
    }

    /// Whether the table has a code of normal form.
    pub fn has(&self, code: &str) -> bool {
        self.codes.has(code)
    }

    /// The code of a name, in normal form; or why there is none.
    ///
    /// # Errors
    /// What a person has to look at.
    pub fn find(&self, province: &str, name: &str) -> Result<String, &'static str> {
        if let Some(code) = self.aliases.code(province, name, "") {
            return Ok(normal(code).to_owned());
        }
        let (within, name) = match province {
            "" => ("", name),
            province => {
                let around = self.province(province).ok_or("no such province")?;
                // The province may stand in both columns.
                let rest = name.strip_prefix(around.name.as_str()).filter(|rest| !rest.is_empty());
                (around.code.as_str(), rest.unwrap_or(name))
            }
        };
        self.within(within, name).map(|code| normal(code).to_owned())
    }

    fn province(&self, name: &str) -> Option<&Region> {
        let named = |name: &str| self.codes.named("", 2, name);
        let long = || PROVINCE_ENDINGS.iter().find_map(|ending| named(&format!("{name}{ending}")));
        named(name).or_else(long)
    }

    fn within(&self, within: &str, name: &str) -> Result<&str, &'static str> {
        if ARTIFICIAL.contains(&name) {
            return Err("the name of a group of counties");
        }
        let mut found = LEVELS.iter().filter_map(|digits| self.codes.named(within, *digits, name));
        match (found.next(), found.next()) {
            (Some(region), None) => return Ok(&region.code),
            (Some(_), Some(_)) => return Err("several regions have this name: give the province"),
            (None, _) => {}
        }
        self.begun(within, name).ok_or("no region has this name, or several have it")
    }

    /// A name that begins with the names of the regions around it.
    fn begun(&self, within: &str, name: &str) -> Option<&str> {
        let digits = match within.len() {
            0 => 2,
            2 => 4,
            _ => return None,
        };
        let around = self.prefix(within, digits, name)?;
        let rest = name.strip_prefix(around.name.as_str()).filter(|rest| !rest.is_empty())?;
        self.within(&around.code, rest).ok()
    }

    /// The only region of a level whose name a text begins with.
    fn prefix(&self, within: &str, digits: usize, text: &str) -> Option<&Region> {
        let ends = text.char_indices().map(|(at, _)| at).filter(|at| *at > 0);
        let mut found = ends.filter_map(|end| self.codes.named(within, digits, text.get(..end)?));
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }
}
