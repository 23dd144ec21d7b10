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
            assert!(!block.bytes.is_empty() && block.bad_rows.is_empty());
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
    assert!(matches!(read_stream(Format::Lines, Failing(0), 1 << 10, &mut |_| ()), Err(Fault::Io(_))));
    assert!(matches!(read_stream(Format::Csv, Failing(0), 1 << 10, &mut |_| ()), Err(Fault::Io(_))));
}
