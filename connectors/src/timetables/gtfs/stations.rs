//! stops.txt: what each stop is called: by its name, that of the station it belongs to, and its code.
//!
//! Owns those names. Must never take the id of a stop for a name.

use rustc_hash::FxHashMap;

use super::super::TimetableError;
use super::source::Source;

/// Names by stop_id.
pub(super) type Stations = FxHashMap<String, Vec<String>>;

/// Reads the stops.
pub(super) fn read(source: &mut Source) -> Result<Stations, TimetableError> {
    let columns = ["stop_id", "stop_name", "parent_station", "stop_code"];
    let mut read: FxHashMap<String, [String; 3]> = FxHashMap::default();
    source.needed_rows("stops.txt", &columns, 1, &mut |cells| {
        let of_stop = [cells.get(1), cells.get(2), cells.get(3)].map(str::to_owned);
        read.insert(cells.get(0).to_owned(), of_stop);
        Ok(())
    })?;
    let name_of = |id: &String| read.get(id).map(|[name, ..]| name.clone()).unwrap_or_default();
    let names = |[name, parent, code]: &[String; 3]| {
        let mut names: Vec<String> = Vec::new();
        for name in [name.clone(), name_of(parent), code.clone()] {
            if !name.is_empty() && !names.contains(&name) {
                names.push(name);
            }
        }
        names
    };
    Ok(read.iter().map(|(id, of_stop)| (id.clone(), names(of_stop))).collect())
}
