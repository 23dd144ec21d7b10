//! A message that is too long for its topic, as two shorter ones.
//!
//! Owns the cut. Rows are a set, so any cut is right for them; verdicts and what was forgotten depend on their places,
//! and a message that holds any is never cut here.

use bytes::Bytes;

use super::read::{origin_of, read};
use super::section::Section;
use super::write::RecordWriter;

/// The rows of a message in two messages of the same origin; none of a single row, and none where rows depend on their
/// places.
pub fn halves(message: &Bytes) -> Option<[Bytes; 2]> {
    let sections = read(message).ok()?;
    let origin = origin_of(message).ok()?;
    let is_a_set =
        |section: &Section| matches!(section, Section::Rows { .. } | Section::Phones { .. } | Section::Derived { .. });
    let rows: usize = sections.iter().map(Section::rows).sum();
    if rows < 2 || !sections.iter().all(is_a_set) {
        return None;
    }
    let mut writers = [RecordWriter::of(origin), RecordWriter::of(origin)];
    let mut left = rows / 2;
    for section in &sections {
        let (kind, batch, by) = match section {
            Section::Rows { kind, batch } | Section::Phones { kind, batch } => (*kind, batch, None),
            Section::Derived { derived, kind, batch } => (*kind, batch, Some(*derived)),
            _ => continue,
        };
        let first = left.min(batch.num_rows());
        left -= first;
        for (writer, (from, count)) in writers.iter_mut().zip([(0, first), (first, batch.num_rows() - first)]) {
            if count > 0 {
                match by {
                    None => writer.add(kind, &batch.slice(from, count)).ok()?,
                    Some(derived) => writer.add_derived(derived, kind, &batch.slice(from, count)).ok()?,
                }
            }
        }
    }
    Some(writers.map(|mut writer| writer.finish()))
}
