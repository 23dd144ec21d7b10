//! Which files a pack has, by their paths.
//!
//! A file that nobody reads is a rule that colours nobody, so whatever has no place here is refused by name. What
//! editors and file managers leave behind (`.name`, `name~`, `name.swp`, `#name#`) is passed over.
//!
//! Owns the names. Must never look into a file.

use super::PackError;
use super::near::{did_you_mean, nearest};

/// The folders of a pack, and how the files in each end.
pub const FOLDERS: [(&str, &str); 5] =
    [("cases", ".case"), ("rules", ".sql"), ("tables", ".csv"), ("tracing", ".sql"), ("views", ".sql")];
/// The queries that a pack may have for tracing by conveyance.
pub const TRACING: [&str; 2] = ["infectious.sql", "aboard.sql"];
/// The file at the top.
pub const MANIFEST: &str = "policy.toml";
/// The largest file, in bytes.
pub const FILE_BYTES_MAX: u64 = 4 << 20;
/// The most files.
pub const FILES_MAX: usize = 2000;

const SHAPE: &str = "a pack has policy.toml, rules/*.sql, views/*.sql, tables/*.csv, cases/*.case, and tracing/ with \
                     infectious.sql and aboard.sql";

/// Whether a name is what an editor or a file manager leaves behind.
pub fn is_leftover(name: &str) -> bool {
    let swap = [".swp", ".swo"].iter().any(|ending| name.ends_with(ending));
    let autosave = name.len() > 1 && name.starts_with('#') && name.ends_with('#');
    name.starts_with('.') || name.ends_with('~') || swap || autosave
}

/// Whether a folder has a place in a pack.
///
/// # Errors
/// When it has none: its name, and the folders that there are.
pub fn check_folder(name: &str) -> Result<(), PackError> {
    let known = FOLDERS.map(|(folder, _)| folder);
    if known.contains(&name) {
        return Ok(());
    }
    let hint = did_you_mean(name, known);
    Err(PackError::of(&format!("{name}/"), format!("a pack has no such folder: nobody would read it; {SHAPE}{hint}")))
}

/// Whether a file has a place in a pack.
///
/// # Errors
/// When it has none: its path, and what may stand there.
pub fn check_file(path: &str) -> Result<(), PackError> {
    let Some((folder, file)) = path.split_once('/') else {
        if path == MANIFEST {
            return Ok(());
        }
        let hint = did_you_mean(path, [MANIFEST]);
        return Err(PackError::of(path, format!("a pack has no such file: nobody would read it; {SHAPE}{hint}")));
    };
    check_folder(folder)?;
    let ending = FOLDERS.iter().find(|(known, _)| *known == folder).map_or("", |(_, ending)| *ending);
    if file.contains('/') {
        return Err(PackError::of(path, format!("folders in {folder}/ are not read: move the file to {folder}/")));
    }
    if folder == "tracing" && !TRACING.contains(&file) {
        let hint = nearest(file, TRACING).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        return Err(PackError::of(path, format!("tracing/ holds infectious.sql and aboard.sql{hint}")));
    }
    match file.strip_suffix(ending) {
        Some(stem) if !stem.is_empty() && !stem.ends_with('.') => Ok(()),
        _ => Err(PackError::of(
            path,
            format!("a file in {folder}/ ends in {ending}, in small letters: rename it, or nobody reads it"),
        )),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_has_no_place_is_refused_by_name() {
        for good in
            ["policy.toml", "rules/ZJ-R1.sql", "views/a.sql", "tables/a.csv", "cases/a.case", "tracing/aboard.sql"]
        {
            assert_eq!(check_file(good), Ok(()), "{good}");
        }
        let files = ["notes.pdf", "Policy.toml", "Thumbs.db", "rules/ZJ-R9.sql.txt", "rules/ZJ-R9.SQL", "rules/ZJ-R9"];
        let more = ["rules/.sql", "rules/more/ZJ-R9.sql", "tables/x.tsv", "cases/a.txt", "tracing/trips.sql"];
        for bad in files.into_iter().chain(more) {
            assert_eq!(check_file(bad).unwrap_err().file, bad);
        }
        for (bad, folder) in [("table/x.csv", "table/"), ("Rules/ZJ-R1.sql", "Rules/")] {
            assert_eq!(check_file(bad).unwrap_err().file, folder);
        }
        assert!(check_folder("table").unwrap_err().reason.contains("did you mean `tables`?"));
    }

    #[test]
    fn leftovers_are_passed_over() {
        for name in [".git", ".ZJ-R1.sql.swp", "ZJ-R1.sql~", "ZJ-R1.sql.swp", "#ZJ-R1.sql#", ".DS_Store"] {
            assert!(is_leftover(name), "{name}");
        }
        assert!(!is_leftover("ZJ-R1.sql") && !is_leftover("ZJ-R1.sql.bak") && !is_leftover("Thumbs.db"));
    }
}
