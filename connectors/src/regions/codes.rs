//! The table of region codes (GB/T 2260 and the statistical codes below it): names to codes, level by level.
//!
//! Owns the look-ups. The length of a code is its level, and its beginning the region that holds it.

use fuma_schemas::region;
use rustc_hash::FxHashMap;
use serde::Deserialize;

use super::ImportError;

const TABLE: &str = "region codes";
const COLUMNS: &str = "code, name";

/// The endings of streets and of what is on their level, longest first.
const STREET_ENDINGS: [&str; 8] = ["街道办事处", "民族乡", "街道", "地区", "苏木", "镇", "乡", "场"];

#[derive(Deserialize)]
struct Row {
    code: String,
    name: String,
}

/// A region of the table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Region {
    pub(super) code: String,
    pub(super) name: String,
}

/// The regions in the order of their codes.
pub(super) struct Codes {
    regions: Vec<Region>,
    by_name: FxHashMap<String, Vec<usize>>,
}

impl Codes {
    pub(super) fn read(table: &[u8]) -> Result<Codes, ImportError> {
        let mut regions = Vec::new();
        for (at, row) in csv::Reader::from_reader(table).deserialize::<Row>().enumerate() {
            let Row { code, name } =
                row.map_err(|source| ImportError::Table { table: TABLE, columns: COLUMNS, source })?;
            if !is_code(&code) {
                return Err(ImportError::Row {
                    table: TABLE,
                    row: at + 1,
                    message: format!("{code:?} is no code of 2, 4, 6, 9 or 12 digits"),
                });
            }
            // The statistical office writes all levels with 12 digits.
            let code = if code.len() == 12 { region::normal(&code).to_owned() } else { code };
            regions.push(Region { code, name });
        }
        regions.sort_by(|a, b| a.code.cmp(&b.code));
        let mut by_name: FxHashMap<String, Vec<usize>> = FxHashMap::default();
        for (at, region) in regions.iter().enumerate() {
            by_name.entry(region.name.clone()).or_default().push(at);
        }
        Ok(Codes { regions, by_name })
    }

    pub(super) fn has(&self, code: &str) -> bool {
        self.regions.binary_search_by(|region| region.code.as_str().cmp(code)).is_ok()
    }

    /// The only region of a level with this name within another; none if there are several.
    pub(super) fn named(&self, within: &str, digits: usize, name: &str) -> Option<&Region> {
        let mut found = self
            .by_name
            .get(name)?
            .iter()
            .filter_map(|at| self.regions.get(*at))
            .filter(|region| region.code.len() == digits && region.code.starts_with(within));
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }

    /// The street of a county, or of whatever else holds it, that a text names in its own way: 高碑店（地区）乡 is
    /// 高碑店地区.
    pub(super) fn street(&self, within: &str, name: &str) -> Option<&Region> {
        let plain = name.replace("（地区）", "").replace("(地区)", "");
        let exact = self.named(within, 9, name).or_else(|| self.named(within, 9, &plain));
        exact.or_else(|| {
            let stem = street_stem(&plain)?;
            let mut found = self.streets(within).filter(|street| street_stem(&street.name) == Some(stem));
            let first = found.next()?;
            found.next().is_none().then_some(first)
        })
    }

    /// All streets within a region.
    pub(super) fn streets(&self, within: &str) -> impl Iterator<Item = &Region> {
        let from = self.regions.partition_point(|region| region.code.as_str() < within);
        let regions = self.regions.get(from..).unwrap_or_default();
        regions.iter().take_while(move |region| region.code.starts_with(within)).filter(|region| region.code.len() == 9)
    }
}

/// The name of a street without what it is; none if nothing or only one character is left, or if it does not say.
pub(super) fn street_stem(name: &str) -> Option<&str> {
    let stem = STREET_ENDINGS.iter().find_map(|ending| name.strip_suffix(ending))?;
    (stem.chars().count() >= 2).then_some(stem)
}

/// 2, 4, 6, 9 or 12 digits.
pub(super) fn is_code(code: &str) -> bool {
    fuma_schemas::region::has_shape(code)
}
