//! NDJSON, plain and packed: nothing is changed, whatever the size of a block, and damage is seen.
//!
//! Owns the cases of lines. Must never look into a record.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};

use super::*;

const TEXT: &[u8] =
    b"{\"id\":\"1\"}\r\n\n  \n{\"id\":\"a rather long line, longer than a block\"}\n\xff\xfe not text\r\n\
    {\"id\":\"the last lacks its end\"}";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut packer = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    packer.include_checksum(true).unwrap();
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

/// The blocks hold these bytes, each ends a line, and each knows its number.
fn assert_holds(name: &str, packed: &[u8], text: &[u8]) {
    for block_bytes in [1, 2, 5, 16, 1 << 20] {
        let found = blocks(name, packed, block_bytes).unwrap();
        let mut joined = Vec::new();
        for (at, block) in found.iter().enumerate() {
            let lines_before = joined.iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(block.first_line, lines_before as u64 + 1);
            assert!(block.bytes.ends_with(b"\n") || at + 1 == found.len());
            assert!(!block.bytes.is_empty() && block.refused.is_empty());
            joined.extend_from_slice(&block.bytes);
        }
        assert_eq!(joined, text, "{name} in blocks of {block_bytes}");
    }
}

#[test]
fn lines_stand_as_they_are_whatever_the_size_of_a_block() {
    let with_end = [TEXT, b"\n"].concat();
    for text in [TEXT, &with_end, b"", b"\n", b"x", b"\n\n\n"] {
        assert_holds("cases.ndjson", text, text);
        assert_holds("cases.ndjson.gz", &gzip(text), text);
        assert_holds("cases.ndjson.zst", &zstd(text), text);
    }
}

#[test]
fn members_and_frames_are_read_to_the_last() {
    let (head, tail) = TEXT.split_at(30);
    assert_holds("cases.ndjson.gz", &[gzip(head), gzip(b""), gzip(tail)].concat(), TEXT);
    assert_holds("cases.ndjson.zst", &[zstd(head), zstd(b""), zstd(tail)].concat(), TEXT);
    // A frame to pass over, as some packers write in front.
    let skippable = [b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc".to_vec(), zstd(TEXT)].concat();
    assert_holds("cases.ndjson.zst", &skippable, TEXT);
}

#[test]
fn a_packed_file_cut_short_anywhere_is_damaged() {
    for (name, packed) in [("cases.ndjson.gz", gzip(TEXT)), ("cases.ndjson.zst", zstd(TEXT))] {
        for length in 0..packed.len() {
            damage(name, &packed[..length]);
        }
        let second = [packed.clone(), packed.clone()].concat();
        for length in packed.len() + 1..second.len() {
            damage(name, &second[..length]);
        }
    }
}

#[test]
fn a_packed_file_with_a_bad_checksum_or_something_behind_it_is_damaged() {
    for (name, packed) in [("cases.ndjson.gz", gzip(TEXT)), ("cases.ndjson.zst", zstd(TEXT))] {
        for rest in [&b"garbage"[..], b"\n", b"\0\0\0\0\0\0\0\0\0\0\0\0", b"{\"owner\":\"src\"}\n"] {
            damage(name, &[&packed[..], rest].concat());
        }
        let mut flipped = packed.clone();
        let at = if name.ends_with("gz") { packed.len() - 6 } else { packed.len() - 2 };
        flipped[at] ^= 1;
        damage(name, &flipped);
    }
}

#[test]
fn what_is_not_what_its_name_says_is_damaged() {
    damage("tests.ndjson.gz", b"{\"owner\":\"src\"}\n");
    damage("tests.ndjson.zst", b"{\"owner\":\"src\"}\n");
    damage("tests.ndjson.gz", &zstd(TEXT));
    damage("tests.ndjson.zst", &gzip(TEXT));
    assert!(damage("tests.ndjson", &gzip(TEXT)).contains("holds gzip data"));
    assert!(damage("tests.ndjson", &zstd(TEXT)).contains("holds zstd data"));
    damage("tests.csv", &gzip(TEXT));
}

#[test]
fn a_source_that_fails_half_way_is_an_error() {
    struct Failing(usize);
    impl Read for Failing {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            if self.0 > 2 {
                return Err(io::Error::other("the disk"));
            }
            into[..3].copy_from_slice(b"{}\n");
            Ok(3)
        }
    }
    assert!(matches!(read_stream(Format::Lines, Failing(0), 1 << 10, LastLine::Take, &mut |_| ()), Err(Fault::Io(_))));
    assert!(matches!(read_stream(Format::Csv, Failing(0), 1 << 10, LastLine::Take, &mut |_| ()), Err(Fault::Io(_))));
}

/// The sizes around the limit, whatever the size of a read: a line without an end, of text or of a packed file, costs
/// the memory of a record and is one reject.
#[test]
fn a_line_longer_than_a_record_is_too_large() {
    let long = |bytes: usize| [b"x".repeat(bytes), b"\n".to_vec()].concat();
    let text = [
        &b"1\n"[..],
        &long(RECORD_BYTES_MAX),
        &long(RECORD_BYTES_MAX + 1),
        b"4\n",
        &[b" ".repeat(RECORD_BYTES_MAX + 1), b"\r\n6\n".to_vec()].concat(),
        &long(3 * RECORD_BYTES_MAX + 17),
        &[b"y".repeat(RECORD_BYTES_MAX), b"\r\n9\n".to_vec()].concat(),
        &b"z".repeat(RECORD_BYTES_MAX + 2),
    ]
    .concat();
    for (name, bytes) in
        [("cases.ndjson", text.clone()), ("cases.ndjson.gz", gzip(&text)), ("cases.ndjson.zst", zstd(&text))]
    {
        for block_bytes in [1 << 14, 1_000_003, 1 << 20, 1 << 23] {
            let found = blocks(name, &bytes, block_bytes).unwrap();
            let (lines, refused) = lines_of(&found);
            let lines: Vec<(u64, usize)> =
                lines.iter().filter(|(_, line)| !line.trim().is_empty()).map(|(at, line)| (*at, line.len())).collect();
            assert_eq!(lines, [(1, 1), (2, RECORD_BYTES_MAX), (4, 1), (6, 1), (9, 1)]);
            let lengths = refused.iter().map(|row| match row.why {
                Refusal::TooLarge(oversize) => (row.line, oversize.length as usize, row.raw.len()),
                Refusal::BadRow(_) => panic!("a line is no row"),
            });
            let expected = [
                (3, RECORD_BYTES_MAX + 1, RAW_BYTES_MAX),
                (7, 3 * RECORD_BYTES_MAX + 17, RAW_BYTES_MAX),
                (8, RECORD_BYTES_MAX + 1, RAW_BYTES_MAX),
                (10, RECORD_BYTES_MAX + 2, RAW_BYTES_MAX),
            ];
            assert_eq!(lengths.collect::<Vec<_>>(), expected, "{name} in reads of {block_bytes}");
            // `head -c 1048577 /dev/zero | tr '\\0' x | sha256sum`
            let Refusal::TooLarge(oversize) = refused[0].why else { panic!() };
            assert_eq!(oversize, Oversize::of(&b"x".repeat(RECORD_BYTES_MAX + 1)).unwrap());
            assert_eq!(oversize.sha256_hex(), "154b8ed3c2383ce429058768595935faf7851b5c38db2b1732594be1d88bc05a");
            assert!(found.iter().all(|block| block.bytes.capacity() < 2 * RECORD_BYTES_MAX + 2 * block_bytes));
        }
    }
    assert_eq!(Oversize::of(&b"x".repeat(RECORD_BYTES_MAX)), None);
}

/// The cut of lines hangs neither on the size of reads nor on where they end; a small limit stands for the large one.
#[test]
fn lines_are_cut_the_same_whatever_a_read_brings() {
    use super::super::cutter::Cutter;
    let text = b"a\nbbbbbbbbbbbb\n\n \ncccccc\r\nddddddd\r\n            \neeeeeee\n\xff\xff\nffffffffffffffffffff";
    let cut = |read_bytes: usize| {
        let (mut cutter, mut at, mut all) = (Cutter::with_limit(7), 0, Vec::new());
        loop {
            let cut = cutter
                .next(read_bytes, |bytes| {
                    let until = (at + read_bytes).min(text.len());
                    bytes.extend_from_slice(&text[at..until]);
                    let at_end = at == until;
                    at = until;
                    Ok::<bool, ()>(at_end)
                })
                .unwrap();
            if let Some(block) = cut.block {
                let lines = block.bytes.strip_suffix(b"\n").unwrap_or(&block.bytes).split(|byte| *byte == b'\n');
                all.extend(lines.zip(block.first_line..).map(|(line, number)| (number, line.to_vec(), None)));
                all.extend(block.refused.into_iter().map(|row| (row.line, row.raw, Some(row.why))));
            }
            if cut.at_end {
                all.sort_by_key(|(number, ..)| *number);
                return all;
            }
        }
    };
    let whole = cut(1000);
    let refused: Vec<u64> = whole.iter().filter(|(.., why)| why.is_some()).map(|(number, ..)| *number).collect();
    assert_eq!(refused, [2, 6, 10]);
    for read_bytes in 1..text.len() {
        assert_eq!(cut(read_bytes), whole, "reads of {read_bytes}");
    }
}

#[test]
fn a_last_line_without_an_end_is_left_where_somebody_may_write_it() {
    let left = |name: &str, bytes: &[u8]| {
        let (feed, format) = feed_of(name).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = FeedFile { feed, name: name.to_owned(), path: folder.path().join(name), format };
        std::fs::write(&file.path, bytes).unwrap();
        let mut found = Vec::new();
        let has_left = read_part(&file, bytes.len() as u64, 64, LastLine::Leave, &mut |block| found.push(block));
        (lines_of(&found).0.into_iter().map(|(_, line)| line).collect::<Vec<_>>(), has_left.unwrap())
    };
    let lines = |text: &[&str]| text.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    for (name, pack) in [
        ("cases.ndjson", (|bytes: &[u8]| bytes.to_vec()) as fn(&[u8]) -> Vec<u8>),
        ("cases.ndjson.gz", gzip),
        ("cases.ndjson.zst", zstd),
    ] {
        assert_eq!(left(name, &pack(b"1\n2\n3")), (lines(&["1", "2"]), true), "{name}");
        assert_eq!(left(name, &pack(b"1\n2\n")), (lines(&["1", "2"]), false), "{name}");
        assert_eq!(left(name, &pack(b"1\n \r")), (lines(&["1"]), false), "{name}: blanks are no line");
        assert_eq!(left(name, &pack(&b"x".repeat(RECORD_BYTES_MAX + 1))), (lines(&[]), true), "{name}");
    }
    assert_eq!(left("cases.csv", b"id\n1\n2"), (lines(&[r#"{"id":"1"}"#]), true));
    assert_eq!(left("cases.csv", b"id,own"), (lines(&[]), true), "headings too");
    assert_eq!(left("cases.csv", b"id\n1\n"), (lines(&[r#"{"id":"1"}"#]), false));
}

/// `zstd --long=28` to `--long=31`: the file is sound, and the window is as large as its frame asks for.
#[test]
fn a_long_window_is_read_and_one_beyond_is_told_how_to_pack_again() {
    let mut packer = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    packer.window_log(28).unwrap();
    packer.write_all(TEXT).unwrap();
    let mut packed = packer.finish().unwrap();
    // The window's logarithm less 10, in the upper five bits of the byte after the magic number and the flags.
    assert_eq!(packed[5], 18 << 3);
    assert_holds("cases.ndjson.zst", &packed, TEXT);
    packed[5] = 21 << 3;
    let found = blocks("cases.ndjson.zst", &packed, 1 << 16).unwrap();
    assert_eq!(found.iter().flat_map(|block| block.bytes.clone()).collect::<Vec<u8>>(), TEXT);
    packed[5] = 22 << 3;
    let error = blocks("cases.ndjson.zst", &packed, 1 << 16).unwrap_err();
    assert!(matches!(error, FileError::Beyond { .. }), "{error}");
    assert!(error.to_string().contains("more than 2 GiB; pack it again"), "{error}");
}
