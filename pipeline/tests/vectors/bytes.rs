//! The bytes of a feed file as a vector describes them.
//!
//! Owns the three forms: lines, base64, and base64 of what gzip packed. A record is written as it stands in the vector.

use std::io::Read as _;

use serde::Deserialize;
use serde_json::value::RawValue;

/// Bytes, in place of text.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Bytes {
    Base64(String),
    Gzip(String),
}

impl Bytes {
    fn read(json: &str) -> Option<Vec<u8>> {
        match serde_json::from_str(json).ok()? {
            Bytes::Base64(text) => Some(base64(&text)),
            Bytes::Gzip(text) => {
                let mut bytes = Vec::new();
                flate2::read::MultiGzDecoder::new(base64(&text).as_slice()).read_to_end(&mut bytes).unwrap();
                Some(bytes)
            }
        }
    }
}

/// The bytes of a file.
pub(crate) fn of_file(json: &str) -> Vec<u8> {
    if let Some(bytes) = Bytes::read(json) {
        return bytes;
    }
    let lines: Vec<Box<RawValue>> = serde_json::from_str(json).unwrap();
    let mut bytes = Vec::new();
    for line in &lines {
        bytes.extend(of_line(line.get()));
        bytes.push(b'\n');
    }
    bytes
}

/// The bytes of a line: a string is its text, bytes are bytes, and any other object is a record.
fn of_line(json: &str) -> Vec<u8> {
    if let Ok(text) = serde_json::from_str::<String>(json) {
        return text.into_bytes();
    }
    Bytes::read(json).unwrap_or_else(|| json.as_bytes().to_vec())
}

fn base64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for letter in text.bytes().filter(|letter| *letter != b'=') {
        let value = ALPHABET.iter().position(|other| *other == letter).expect("base64");
        bits = bits << 6 | u32::try_from(value).unwrap();
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).unwrap());
        }
    }
    bytes
}

#[test]
fn base64_is_read() {
    assert_eq!(base64("aGVsbG8="), b"hello");
    assert_eq!(of_file(r#"["a", {"b": 1}, {"base64": "/w=="}]"#), b"a\n{\"b\": 1}\n\xff\n");
}
