//! What came of an import, in words.
//!
//! Owns the words. Every row is in one of the numbers: records, rejects, rows that a rule passes over, blank ones, rows
//! behind the end of the data.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use fuma_connectors::tables::About;
use indicatif::HumanCount;

use super::journal::{Imported, RefusedTable};
use super::output::Folder;
use crate::tables::Counts;

/// What came of the files so far.
#[derive(Default)]
pub(super) struct Summary {
    text: String,
    /// Files and entries that are refused.
    refused: Vec<String>,
    rejects: u64,
    /// The same: map, entry, code, message.
    pub(super) refused_tables: Vec<(String, Option<String>, String, String)>,
    /// What came of the rows of all files.
    pub(super) total: Counts,
}

/// What was read, in words.
pub(super) fn about(about: &About<'_>) -> String {
    let mut text = about.entry.map(|entry| format!("{entry}: ")).unwrap_or_default();
    text.push_str(about.content.name());
    if let Some(encoding) = about.encoding {
        let _ = write!(text, ", {}", encoding.name());
    }
    match about.delimiter {
        Some(b'\t') => text.push_str(", tab"),
        Some(delimiter) => {
            let _ = write!(text, ", delimiter {}", char::from(delimiter));
        }
        None => {}
    }
    if let Some(sheet) = about.sheet {
        let _ = write!(text, ", sheet {sheet}");
    }
    if !about.other_sheets.is_empty() {
        let _ = write!(text, "; not read: sheet {}", about.other_sheets.join(", "));
    }
    text
}

impl Summary {
    pub(super) fn imported(
        &mut self,
        file: &str,
        map: &str,
        about: &[String],
        counts: &Counts,
        (rows, took): (u64, Duration),
    ) {
        let rate = HumanCount((rows as f64 / took.as_secs_f64().max(0.001)) as u64);
        let _ = writeln!(self.text, "{file} by {map} ({}), {rate} rows/s", about.join("; "));
        self.counts(counts);
    }

    fn counts(&mut self, counts: &Counts) {
        self.total.add(counts);
        let (rows, records, rejected) = (counts.rows, counts.records, counts.rejected());
        self.rejects += rejected;
        let line = |text: &mut String, count: u64, what: &str| {
            if count > 0 {
                let _ = writeln!(text, "{:>12}  {what}", HumanCount(count).to_string());
            }
        };
        let _ = writeln!(self.text, "{:>12}  records of {} rows", HumanCount(records).to_string(), HumanCount(rows));
        for (code, count) in sorted(&counts.rejects) {
            line(&mut self.text, *count, &format!("rejected: {code}"));
        }
        for (column, count) in sorted(&counts.skipped) {
            line(&mut self.text, *count, &format!("passed over by a rule of the map on {column}"));
        }
        line(&mut self.text, counts.after_end, "rows from the end of the data on");
        line(&mut self.text, counts.blank, "blank rows, comments and rows before the data");
    }

    pub(super) fn repeated(&mut self, file: &str, map: &str, imported: &Imported) {
        let (records, rejects) = (HumanCount(imported.records), HumanCount(imported.rejects));
        let as_what = if imported.file == file { String::new() } else { format!(", as {}", imported.file) };
        let _ = writeln!(
            self.text,
            "{file} by {map}: was imported before{as_what} ({records} records, {rejects} rejects): nothing changes"
        );
        self.total.add(&imported.counts);
        self.refuse(file, map, &imported.refused);
    }

    pub(super) fn stopped(&mut self, file: &str, map: &str, counts: &Counts) {
        let _ =
            writeln!(self.text, "{file} by {map}: stopped on the way, after {} records", HumanCount(counts.records));
    }

    pub(super) fn refuse(&mut self, file: &str, map: &str, refused: &[RefusedTable]) {
        for RefusedTable { entry, code, message } in refused {
            self.refused_tables.push((map.to_owned(), entry.clone(), code.clone(), message.clone()));
            let entry = entry.as_ref().map(|entry| format!(", entry {entry}")).unwrap_or_default();
            self.refused.push(format!("{file}{entry} by {map}: {code}: {message}. Nothing of it is written"));
        }
    }

    /// What came of the files.
    pub(super) fn text(&self, folder: &Folder) -> String {
        let mut text = self.text.clone();
        if self.rejects > 0 {
            let _ = writeln!(
                text,
                "each reject with its row, column and what to do: {}",
                folder.path.join("rejects-FEED.ndjson").display()
            );
        }
        text
    }

    /// What is refused.
    pub(super) fn refused(&self) -> Option<String> {
        (!self.refused.is_empty()).then(|| self.refused.join("\n"))
    }
}

/// The most frequent first.
fn sorted(counts: &BTreeMap<String, u64>) -> Vec<(&String, &u64)> {
    let mut sorted: Vec<_> = counts.iter().collect();
    sorted.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
    sorted
}
