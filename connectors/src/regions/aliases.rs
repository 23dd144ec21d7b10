//! The alias table: names that the table of codes does not have, each with the code that people decided on.
//!
//! Owns its reading. An alias may name a county or a street; or a city or province where a zone lies in several
//! counties: then an area counts only by the street that its text names.

use rustc_hash::FxHashMap;
use serde::Deserialize;

use super::ImportError;
use super::codes::Codes;

const TABLE: &str = "aliases";
const COLUMNS: &str = "province, city, county, code, note";

#[derive(Deserialize)]
struct Row {
    province: String,
    city: String,
    county: String,
    code: String,
    #[serde(rename = "note")]
    _note: String,
}

/// Names to codes.
pub(super) struct Aliases(FxHashMap<(String, String, String), String>);

impl Aliases {
    pub(super) fn read(table: &[u8], codes: &Codes) -> Result<Aliases, ImportError> {
        let mut aliases = FxHashMap::default();
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).comment(Some(b'#')).from_reader(table);
        for (at, row) in reader.deserialize::<Row>().enumerate() {
            let row: Row = row.map_err(|source| ImportError::Table { table: TABLE, columns: COLUMNS, source })?;
            let wrong = |message| Err(ImportError::Row { table: TABLE, row: at + 1, message });
            if !codes.has(&row.code) {
                return wrong(format!("the table of codes does not have {:?}", row.code));
            }
            let code = row.code;
            if aliases.insert((row.province, row.city, row.county), code).is_some() {
                return wrong("these names have an alias already".to_owned());
            }
        }
        Ok(Aliases(aliases))
    }

    /// The code of these names. An alias without a city is good for every city of the province.
    pub(super) fn code(&self, province: &str, city: &str, county: &str) -> Option<&str> {
        let find = |city: &str| self.0.get(&(province.to_owned(), city.to_owned(), county.to_owned()));
        find(city).or_else(|| find("")).map(String::as_str)
    }
}
