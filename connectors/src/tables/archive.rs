//! Files as they come: plain, packed with gzip or zstd, or several in a zip; each is read by what it is.
//!
//! Names of entries without the mark of UTF-8 are GBK, as a Chinese Windows writes them. What unpacks to more than
//! 200 times its size, beyond 256 MiB, is refused. Owns those bounds, and that one entry that is no table does not stop
//! the others. Must never write what it unpacks.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek};
use std::path::Path;
use std::rc::Rc;

use bytes::Bytes;
use zip::ZipArchive;
use zip::result::ZipError;

use super::content::{Content, content_of};
use super::encoding::{Decoded, Encoding, encoding_of, mark_of};
use super::{About, Options, Sink, TableError, columnar, fits, lines, text, workbook};
use crate::files::{gzip, zstd};

/// As much is looked at to know what a file is.
const HEAD_BYTES: u64 = 1 << 16;
/// What may be unpacked whatever was packed, and how many times the packed size beyond that.
const UNPACKED_BYTES_FREE: u64 = 256 << 20;
const UNPACKED_TIMES_MAX: u64 = 200;
/// Workbooks and Parquet in an archive are read from memory.
const IN_MEMORY_BYTES_MAX: u64 = 256 << 20;
/// Entries of a zip.
const ENTRIES_MAX: usize = 10_000;

/// Reads a file.
pub(super) fn read_file(path: &Path, options: &Options, sink: &mut dyn Sink) -> Result<(), TableError> {
    let mut file = File::open(path)?;
    let head = head_of(&mut file)?;
    file.rewind()?;
    let position = Rc::new(Cell::new(0));
    match content_of(&head) {
        Content::Zip => read_zip(file, options, sink),
        Content::Parquet => columnar::read(file, None, sink),
        Content::Xls => workbook::read_xls(file, None, options, sink),
        Content::Gzip => {
            let inner = gzip(Counted { source: file, count: Rc::clone(&position) });
            read_stream(&mut bounded(inner, &position), None, &position, options, sink)
        }
        Content::Zstd => {
            let inner = zstd(Counted { source: file, count: Rc::clone(&position) })?;
            read_stream(&mut bounded(inner, &position), None, &position, options, sink)
        }
        _ => read_stream(&mut Counted { source: file, count: Rc::clone(&position) }, None, &position, options, sink),
    }
}

/// Reads what can be read from front to back; workbooks and Parquet from memory.
fn read_stream(
    source: &mut dyn Read,
    entry: Option<&str>,
    position: &Rc<Cell<u64>>,
    options: &Options,
    sink: &mut dyn Sink,
) -> Result<(), TableError> {
    let head = head_of(source)?;
    let content = content_of(&head);
    let mut whole = Cursor::new(&head).chain(source);
    match content {
        Content::Empty => Err(TableError::NotATable("it is empty: no header and no rows".to_owned())),
        Content::Other(what) => Err(TableError::NotATable(format!("it is {what}"))),
        Content::Gzip | Content::Zstd => Err(TableError::NotATable(format!("it is packed twice ({})", content.name()))),
        Content::Text | Content::JsonLines => read_text(whole, &head, content, entry, position, options, sink),
        Content::Parquet => columnar::read(Bytes::from(in_memory(&mut whole)?), entry, sink),
        Content::Xls => workbook::read_xls(Cursor::new(in_memory(&mut whole)?), entry, options, sink),
        Content::Zip | Content::Xlsx => {
            let bytes = Cursor::new(in_memory(&mut whole)?);
            let mut archive = ZipArchive::new(bytes.clone()).map_err(of_zip)?;
            match kind_of_zip(&mut archive) {
                Content::Xlsx => workbook::read_xlsx(bytes, entry, options, sink),
                Content::Zip => Err(TableError::NotATable("it is an archive in an archive: unpack it".to_owned())),
                other => Err(TableError::NotATable(format!("it is {}", other.name()))),
            }
        }
    }
}

fn read_text(
    mut whole: impl Read,
    head: &[u8],
    content: Content,
    entry: Option<&str>,
    position: &Rc<Cell<u64>>,
    options: &Options,
    sink: &mut dyn Sink,
) -> Result<(), TableError> {
    let found = encoding_of(head);
    let (encoding, mark) = match (mark_of(head), options.encoding, found) {
        (Some((encoding, length)), ..) => (encoding, length),
        (None, Some(encoding), _) | (None, None, Some(encoding)) => (encoding, 0),
        (None, None, None) => {
            return Err(TableError::NotATable(
                "its text is neither UTF-8, UTF-16 nor GB18030: save it as UTF-8, or write its encoding into the map"
                    .to_owned(),
            ));
        }
    };
    whole.read_exact(&mut vec![0; mark])?;
    let delimiter = match (content, options.delimiter) {
        (Content::JsonLines, _) => None,
        (_, Some(delimiter)) => Some(delimiter),
        (_, None) => Some(text::delimiter_of(&decoded(head, encoding))),
    };
    let names = (content == Content::JsonLines).then_some(options.wanted.as_slice());
    let about = About {
        entry,
        sheet: None,
        content,
        encoding: Some(encoding),
        delimiter,
        names,
        other_sheets: &[],
        is_1904: false,
    };
    table(&about, sink, |sink| {
        let mut source = Decoded::new(whole, encoding, Rc::clone(position));
        match delimiter {
            Some(delimiter) => text::read(&mut source, delimiter, sink),
            None => lines::read(&mut source, &options.wanted, sink),
        }
    })
}

/// A table between its begin and its end.
pub(super) fn table(
    about: &About<'_>,
    sink: &mut dyn Sink,
    rows: impl FnOnce(&mut dyn Sink) -> Result<(), TableError>,
) -> Result<(), TableError> {
    let outcome = match sink.begin(about) {
        Ok(true) => rows(sink),
        Ok(false) => return Ok(()),
        Err(error) => Err(error),
    };
    sink.end(outcome)
}

/// The beginning of a text, readable; what does not fit at its end is left away.
pub(super) fn decoded(head: &[u8], encoding: Encoding) -> String {
    let mut out = Vec::new();
    let mut source = Decoded::new(head, encoding, Rc::default());
    while source.append_to(&mut out).unwrap_or(false) {}
    String::from_utf8_lossy(&out).into_owned()
}

fn read_zip(file: File, options: &Options, sink: &mut dyn Sink) -> Result<(), TableError> {
    let mut archive = ZipArchive::new(file).map_err(of_zip)?;
    match kind_of_zip(&mut archive) {
        Content::Xlsx => return workbook::read_xlsx(archive.into_inner(), None, options, sink),
        Content::Zip => {}
        other => return Err(TableError::NotATable(format!("it is {}", other.name()))),
    }
    if archive.len() > ENTRIES_MAX {
        return Err(TableError::Beyond(format!("the archive has more than {ENTRIES_MAX} entries: divide it")));
    }
    let (position, mut tables) = (Rc::new(Cell::new(0)), 0);
    for place in 0..archive.len() {
        let mut entry = archive.by_index(place).map_err(of_zip)?;
        let name = entry_name(entry.name_raw());
        let is_rubbish = name.starts_with("__MACOSX/") || name.ends_with(".DS_Store");
        if entry.is_dir() || is_rubbish {
            continue;
        }
        if options.entry.as_deref().is_some_and(|pattern| !fits(pattern, &name)) {
            sink.passed_over(&name);
            continue;
        }
        tables += 1;
        let packed = Rc::new(Cell::new(entry.compressed_size()));
        let mut source = bounded(&mut entry, &packed);
        if let Err(error) = read_stream(&mut source, Some(&name), &position, options, sink) {
            refuse(&name, error, sink)?;
        }
        position.set(position.get() + packed.get());
        sink.progress(position.get(), None);
    }
    match (tables, &options.entry) {
        (0, Some(pattern)) => Err(TableError::NotATable(format!("the archive has no entry that is called {pattern}"))),
        (0, None) => Err(TableError::NotATable("the archive is empty".to_owned())),
        _ => Ok(()),
    }
}

/// An entry that is no table is named, and the others are read.
fn refuse(entry: &str, error: TableError, sink: &mut dyn Sink) -> Result<(), TableError> {
    if matches!(error, TableError::Sink(_)) {
        return Err(error);
    }
    let content = Content::Other("no table");
    let about = About {
        entry: Some(entry),
        sheet: None,
        content,
        encoding: None,
        delimiter: None,
        names: None,
        other_sheets: &[],
        is_1904: false,
    };
    if sink.begin(&about)? {
        return sink.end(Err(error));
    }
    Ok(())
}

/// What a zip is by its entries.
fn kind_of_zip<R: Read + Seek>(archive: &mut ZipArchive<R>) -> Content {
    let has = |name: &str| archive.index_for_name(name).is_some();
    if has("xl/workbook.xml") || has("xl/workbook2.xml") {
        Content::Xlsx
    } else if has("xl/workbook.bin") {
        Content::Other("a binary workbook (.xlsb): save it as .xlsx")
    } else if has("word/document.xml") {
        Content::Other("a Word document: copy its table into a workbook")
    } else if has("content.xml") && has("mimetype") {
        Content::Other("an OpenDocument file: save it as .xlsx or CSV")
    } else {
        Content::Zip
    }
}

fn entry_name(raw: &[u8]) -> String {
    match str::from_utf8(raw) {
        Ok(name) => name.to_owned(),
        Err(_) => encoding_rs::GB18030.decode(raw).0.into_owned(),
    }
}

fn of_zip(error: ZipError) -> TableError {
    match error {
        ZipError::Io(error) => error.into(),
        ZipError::UnsupportedArchive(what) => TableError::Beyond(format!("the archive cannot be unpacked: {what}")),
        error => TableError::damaged(error),
    }
}

fn head_of(source: &mut (impl Read + ?Sized)) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    source.take(HEAD_BYTES).read_to_end(&mut head)?;
    Ok(head)
}

fn in_memory(source: &mut impl Read) -> Result<Vec<u8>, TableError> {
    let mut bytes = Vec::new();
    source.take(IN_MEMORY_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > IN_MEMORY_BYTES_MAX {
        return Err(TableError::Beyond(
            "a workbook or Parquet file of more than 256 MiB in an archive: unpack it".into(),
        ));
    }
    Ok(bytes)
}

/// Counts what is read.
struct Counted<R> {
    source: R,
    count: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(into)?;
        self.count.set(self.count.get() + read as u64);
        Ok(read)
    }
}

/// A reader that ends what unpacks without end; `packed` says how much was read for it.
fn bounded<R: Read>(source: R, packed: &Rc<Cell<u64>>) -> Bounded<R> {
    Bounded { source, packed: Rc::clone(packed), unpacked: 0 }
}

/// Ends what unpacks to far more than it is.
struct Bounded<R> {
    source: R,
    packed: Rc<Cell<u64>>,
    unpacked: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(into)?;
        self.unpacked += read as u64;
        if self.unpacked > UNPACKED_BYTES_FREE && self.unpacked / UNPACKED_TIMES_MAX > self.packed.get() {
            let what =
                "it unpacks to more than 200 times its size, which no table does: unpack it yourself if it is one";
            return Err(io::Error::new(io::ErrorKind::Unsupported, what));
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_unpacks_to_far_more_than_it_is_ends() {
        let read = |packed: u64| {
            let source = io::repeat(0).take(UNPACKED_BYTES_FREE + 1);
            io::copy(&mut bounded(source, &Rc::new(Cell::new(packed))), &mut io::sink())
        };
        assert_eq!(read(1).unwrap_err().kind(), io::ErrorKind::Unsupported);
        assert_eq!(read(UNPACKED_BYTES_FREE / UNPACKED_TIMES_MAX + 1).unwrap(), UNPACKED_BYTES_FREE + 1);
    }
}
