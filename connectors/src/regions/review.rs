//! What people look at after an import: the rows that no event was made of, and the code that each area got.
//!
//! Owns the two lists and their CSV.

/// A row of the list that no event was made of.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Review {
    /// The line in the list, from 1.
    pub line: u64,
    /// Why there is no event.
    pub reason: String,
    /// The names, as far as the row has them: province, city, county, area.
    pub names: [String; 4],
    /// What the row said: `add`, `change` or `remove`.
    pub op: String,
}

/// The code that an area got.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    /// The code in the events.
    pub code: String,
    /// False where the table of codes has it; true for a code made for this area.
    pub made: bool,
    /// Province, city, county, area, as in the list.
    pub names: [String; 4],
}

impl super::Import {
    /// The rows for review as CSV with headings: line, reason, province, city, county, area_name, op.
    pub fn review_csv(&self) -> Vec<u8> {
        let rows = self.review.iter().map(|row| {
            let [province, city, county, area] = row.names.clone();
            [row.line.to_string(), row.reason.clone(), province, city, county, area, row.op.clone()]
        });
        csv_of(["line", "reason", "province", "city", "county", "area_name", "op"], rows)
    }

    /// The areas as CSV with headings: code, made, province, city, county, area_name.
    pub fn places_csv(&self) -> Vec<u8> {
        let rows = self.places.iter().map(|place| {
            let [province, city, county, area] = place.names.clone();
            [place.code.clone(), place.made.to_string(), province, city, county, area]
        });
        csv_of(["code", "made", "province", "city", "county", "area_name"], rows)
    }
}

fn csv_of<const WIDTH: usize>(headings: [&str; WIDTH], rows: impl Iterator<Item = [String; WIDTH]>) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing rows of one width to a Vec cannot fail.
    let mut good = writer.write_record(headings).is_ok();
    for row in rows {
        good &= writer.write_record(&row).is_ok();
    }
    debug_assert!(good);
    writer.into_inner().unwrap_or_default()
}
