//! Files as a kill, a power cut or a bad disk leaves them.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use fuma_schemas::Instant;

use super::super::segments::{Cursor, Segments, segment_path};
use crate::log::{LogError, Severity};

const VALUE: &[u8] = &[7; 100];

fn open(folder: &Path) -> Result<Segments, LogError> {
    Segments::open(folder, 0, 1000)
}

/// Writes and syncs one by one.
fn append(segments: &Segments, count: usize) {
    for _ in 0..count {
        segments.write(Instant(5), [VALUE].into_iter()).unwrap();
        segments.sync().unwrap();
    }
}

fn offsets(segments: &Segments, from: u64, below: u64) -> Result<Vec<u64>, LogError> {
    let mut offsets = Vec::new();
    segments.read(&mut Cursor::new(from), below, usize::MAX, &mut |record| {
        assert_eq!((record.value.as_ref(), record.timestamp), (VALUE, Instant(5)));
        offsets.push(record.offset);
        true
    })?;
    Ok(offsets)
}

#[test]
fn segments_are_read_from_anywhere_and_trimmed_whole() {
    let folder = tempfile::tempdir().unwrap();
    let segments = open(folder.path()).unwrap();
    append(&segments, 30);
    drop(segments);
    let segments = open(folder.path()).unwrap();
    append(&segments, 10);
    for from in 0..40 {
        assert_eq!(offsets(&segments, from, u64::MAX).unwrap(), (from..40).collect::<Vec<_>>());
    }
    assert_eq!(offsets(&segments, 3, 12).unwrap(), (3..12).collect::<Vec<_>>());
    assert_eq!(segments.trim(16).unwrap(), 14, "seven records a segment");
    assert_eq!(segments.bounds(), 14..40);
    assert_eq!(offsets(&segments, 13, 20).unwrap_err().severity(), Severity::Operator);
    assert_eq!(segments.trim(u64::MAX).unwrap(), 35, "the newest stays");
    drop(segments);
    assert_eq!(open(folder.path()).unwrap().bounds(), 35..40);
}

#[test]
fn a_cursor_goes_on_over_segments_in_small_reads() {
    let folder = tempfile::tempdir().unwrap();
    let segments = open(folder.path()).unwrap();
    append(&segments, 40);
    let (mut cursor, mut offsets) = (Cursor::new(2), Vec::new());
    while cursor.next < 40 {
        let before = offsets.len();
        segments
            .read(&mut cursor, u64::MAX, 150, &mut |record| {
                offsets.push(record.offset);
                true
            })
            .unwrap();
        assert!((1..=2).contains(&(offsets.len() - before)));
    }
    assert_eq!(offsets, (2..40).collect::<Vec<_>>());
}

#[test]
fn a_value_longer_than_a_read_and_a_segment_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let long: Vec<u8> = (0..9_000_000_u32).map(|n| n as u8).collect();
    for _ in 0..2 {
        let segments = open(folder.path()).unwrap();
        segments.write(Instant(1), [VALUE, &long, VALUE].into_iter()).unwrap();
        segments.sync().unwrap();
    }
    let segments = open(folder.path()).unwrap();
    let mut lengths = Vec::new();
    segments
        .read(&mut Cursor::new(0), 9, usize::MAX, &mut |record| {
            lengths.push(record.value.len());
            true
        })
        .unwrap();
    assert_eq!(lengths, [100, 9_000_000, 100, 100, 9_000_000, 100]);
}

#[test]
fn nobody_reads_what_is_not_synced() {
    let folder = tempfile::tempdir().unwrap();
    let segments = open(folder.path()).unwrap();
    segments.write(Instant(5), [VALUE, VALUE].into_iter()).unwrap();
    assert_eq!((segments.bounds(), offsets(&segments, 0, 9).unwrap().len()), (0..0, 0));
    segments.sync().unwrap();
    assert_eq!(offsets(&segments, 0, 9).unwrap(), [0, 1]);
}

/// Five records in one segment, and the length of a frame.
fn five(folder: &Path) -> (std::path::PathBuf, u64) {
    append(&open(folder).unwrap(), 5);
    let path = segment_path(folder, 0);
    let frame = fs::metadata(&path).unwrap().len() / 5;
    (path, frame)
}

#[test]
fn a_torn_tail_is_cut_wherever_it_is_torn() {
    for cut in [1, 20, 60, 131] {
        let folder = tempfile::tempdir().unwrap();
        let (path, frame) = five(folder.path());
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(5 * frame - cut).unwrap();
        let segments = open(folder.path()).unwrap();
        assert_eq!(segments.bounds(), 0..4, "cut by {cut}");
        append(&segments, 1);
        drop(segments);
        assert_eq!(offsets(&open(folder.path()).unwrap(), 0, 9).unwrap(), [0, 1, 2, 3, 4]);
    }
}

#[test]
fn a_tail_of_rubbish_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = five(folder.path());
    OpenOptions::new().append(true).open(&path).unwrap().write_all(&[0; 5000]).unwrap();
    assert_eq!(open(folder.path()).unwrap().bounds(), 0..5);
}

#[test]
fn a_batch_that_power_took_in_parts_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let (path, frame) = five(folder.path());
    let segments = open(folder.path()).unwrap();
    segments.write(Instant(5), [VALUE, VALUE].into_iter()).unwrap();
    drop(segments);
    // The second of the two is on the disk, the first is not: neither was synced.
    OpenOptions::new().write(true).open(&path).unwrap().write_all_at(&[0; 50], 5 * frame).unwrap();
    assert_eq!(open(folder.path()).unwrap().bounds(), 0..5);
}

#[test]
fn damage_in_the_middle_names_file_and_place() {
    let folder = tempfile::tempdir().unwrap();
    let (path, frame) = five(folder.path());
    OpenOptions::new().write(true).open(&path).unwrap().write_all_at(&[1], 2 * frame + 50).unwrap();
    let error = open(folder.path()).unwrap_err();
    assert_eq!(error.severity(), Severity::Operator);
    let message = error.to_string();
    assert!(
        message.contains("00000000000000000000.log") && message.contains(&format!("place {}", 2 * frame)),
        "{message}"
    );
}

#[test]
fn damage_in_an_older_segment_is_found_when_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    append(&open(folder.path()).unwrap(), 20);
    let path = segment_path(folder.path(), 0);
    OpenOptions::new().write(true).open(&path).unwrap().write_all_at(&[1], 132 + 50).unwrap();
    let segments = open(folder.path()).unwrap();
    let message = offsets(&segments, 0, 20).unwrap_err().to_string();
    assert!(message.contains("00000000000000000000.log: place 132"), "{message}");
    assert_eq!(offsets(&segments, 7, 20).unwrap().len(), 13);
}

#[test]
fn a_segment_that_was_begun_and_never_written_is_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    append(&open(folder.path()).unwrap(), 5);
    fs::write(segment_path(folder.path(), 5), b"").unwrap();
    let segments = open(folder.path()).unwrap();
    append(&segments, 1);
    assert_eq!(offsets(&segments, 0, 9).unwrap(), [0, 1, 2, 3, 4, 5]);
}
