//! What a file is, by its first bytes: never by its name, for a PDF may be called .xlsx.
//!
//! Owns the marks. What is no table is named, so that the message says what came.

/// What a file holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content {
    /// No bytes.
    Empty,
    /// Lines with delimiters.
    Text,
    /// One JSON object a line.
    JsonLines,
    /// .xlsx
    Xlsx,
    /// .xls (BIFF8 in a compound file)
    Xls,
    /// Parquet
    Parquet,
    /// zip
    Zip,
    /// gzip
    Gzip,
    /// zstd
    Zstd,
    /// Something else, by its name.
    Other(&'static str),
}

impl Content {
    /// The name of it.
    pub fn name(self) -> &'static str {
        match self {
            Content::Empty => "empty",
            Content::Text => "text",
            Content::JsonLines => "lines of JSON",
            Content::Xlsx => "xlsx",
            Content::Xls => "xls",
            Content::Parquet => "parquet",
            Content::Zip => "zip",
            Content::Gzip => "gz",
            Content::Zstd => "zst",
            Content::Other(name) => name,
        }
    }
}

/// Beginnings that say what a file is.
const MARKS: &[(&[u8], Content)] = &[
    (b"PAR1", Content::Parquet),
    (b"PK\x03\x04", Content::Zip),
    (b"PK\x05\x06", Content::Zip),
    (b"\x1f\x8b", Content::Gzip),
    (b"\x28\xb5\x2f\xfd", Content::Zstd),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Content::Xls),
    (b"%PDF", Content::Other("a PDF")),
    (b"\x89PNG", Content::Other("a PNG image")),
    (b"\xff\xd8\xff", Content::Other("a JPEG image")),
    (b"GIF8", Content::Other("a GIF image")),
    (b"Rar!", Content::Other("a RAR archive: unpack it, or pack it as zip")),
    (b"7z\xbc\xaf\x27\x1c", Content::Other("a 7z archive: unpack it, or pack it as zip")),
    (b"BZh", Content::Other("bzip2: unpack it, or pack it as gz or zst")),
    (b"\xfd7zXZ", Content::Other("xz: unpack it, or pack it as gz or zst")),
    (b"{\\rtf", Content::Other("a text with layout (RTF)")),
    (b"SQLite format 3", Content::Other("a SQLite database")),
    (b"\x7fELF", Content::Other("a program")),
    (b"MZ\x90", Content::Other("a program")),
    (b"Obj\x01", Content::Other("Avro: write it as Parquet or CSV")),
    (b"ORC", Content::Other("ORC: write it as Parquet or CSV")),
];

/// What a file with these first bytes is. Whether a zip is a workbook its entries say.
pub fn content_of(head: &[u8]) -> Content {
    if head.is_empty() {
        return Content::Empty;
    }
    if let Some((_, content)) = MARKS.iter().find(|(mark, _)| head.starts_with(mark)) {
        return *content;
    }
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    if text.starts_with(b"{") {
        return Content::JsonLines;
    }
    let lower: Vec<u8> = text.iter().take(64).map(u8::to_ascii_lowercase).collect();
    if lower.starts_with(b"<!doctype html") || lower.starts_with(b"<html") || lower.starts_with(b"<table") {
        return Content::Other("a page of HTML: open it and save it as .xlsx or CSV");
    }
    if lower.starts_with(b"<?xml") {
        return Content::Other("XML: open it and save it as .xlsx or CSV");
    }
    if is_binary(head) { Content::Other("no text and no format that is known") } else { Content::Text }
}

/// Bytes that no text has, unless every other one is zero as in UTF-16.
fn is_binary(head: &[u8]) -> bool {
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return false;
    }
    let zeros = |from: usize| head.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let is_wide = even.max(odd) * 8 > head.len() && even.min(odd) == 0;
    let is_control = |byte: u8| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1a | 0x1b);
    head.iter().any(|byte| is_control(*byte) && !(is_wide && *byte == 0))
}
