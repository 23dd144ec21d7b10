//! Bounds of a Parquet file, checked before the library makes memory for what the file declares.
//!
//! ```text
//! footer    its length; each list against its bytes; the tree of the schema
//! chunks    within the file, and together no more than it
//! pages     their size, packed and unpacked; what gzip really unpacks to
//! ```
//!
//! Owns these bounds and the words for a file beyond them. Must never unpack a page that it did not measure.

use std::io::Read as _;
use std::sync::Arc;

use ::parquet::basic::{Compression, Type};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use ::parquet::file::reader::ChunkReader;
use flate2::bufread::MultiGzDecoder;

use super::delta;
use super::thrift::{LIST, STRUCT, TRUE, Walker};

const FOOTER_BYTES_MAX: u64 = 32 << 20;
const ROW_GROUPS_MAX: u64 = 32_767;
const SCHEMA_DEPTH_MAX: usize = 64;
/// Of a page, unpacked.
const PAGE_BYTES_MAX: u64 = 128 << 20;
/// Of the largest pages of all columns of a row group: so much is held at once.
const PAGES_BYTES_MAX: u64 = 512 << 20;
/// Of a column of lists, in a row group: a row may be of any number of them.
const LIST_VALUES_MAX: u64 = 16 << 20;
/// The header of a page, with its statistics.
const HEADER_BYTES_MAX: usize = 1 << 20;
/// As much is read at first.
const HEADER_BYTES: usize = 1 << 10;
const TAIL_BYTES: u64 = 8;

/// Rows decoded at once, and cells.
const BATCH_ROWS_MAX: usize = 4096;
const BATCH_CELLS_MAX: usize = 1 << 20;
/// Of the texts of a batch that share their beginnings.
const SHARED_BYTES_MAX: u64 = 256 << 20;
/// DELTA_LENGTH_BYTE_ARRAY and DELTA_BYTE_ARRAY.
const DELTA_LENGTHS: i64 = 6;
const DELTA_TEXTS: i64 = 7;

type Checked = Result<(), ParquetError>;

fn beyond(what: String) -> ParquetError {
    ParquetError::NYI(format!("{what}; write it again with smaller row groups and pages"))
}

/// Checks the footer, before it is read.
pub(super) fn check_footer<T: ChunkReader>(source: &T) -> Checked {
    let length = source.len();
    if length < TAIL_BYTES {
        return Err(ParquetError::General("it is too short for Parquet".to_owned()));
    }
    let tail = source.get_bytes(length - TAIL_BYTES, TAIL_BYTES as usize)?;
    let Some((size, b"PAR1")) = tail.split_first_chunk::<4>() else {
        return Err(ParquetError::General("it does not end as Parquet does: cut short, or something else".to_owned()));
    };
    let size = u64::from(u32::from_le_bytes(*size));
    if size > length - TAIL_BYTES {
        return Err(ParquetError::General("its footer is longer than the file: it is cut short".to_owned()));
    }
    if size > FOOTER_BYTES_MAX {
        return Err(beyond(format!("its footer has {size} bytes, at most {FOOTER_BYTES_MAX} are read")));
    }
    let footer = source.get_bytes(length - TAIL_BYTES - size, size as usize)?;
    Walker::new(&footer).fields(&mut |walker, number, kind| match (number, kind) {
        (2, LIST) => check_schema(walker).map(|()| true),
        (4, LIST) => {
            let (count, kind) = walker.list()?;
            if count > ROW_GROUPS_MAX {
                return Err(beyond(format!("it has {count} row groups, at most {ROW_GROUPS_MAX} are read")));
            }
            (0..count).try_for_each(|_| walker.skip_element(kind, 1)).map(|()| true)
        }
        _ => Ok(false),
    })
}

/// The elements are a tree written in order: each says how many children follow.
fn check_schema(walker: &mut Walker<'_>) -> Checked {
    let wrong = || ParquetError::General("its schema is no tree of at most 64 levels".to_owned());
    let (count, kind) = walker.list()?;
    if kind != STRUCT {
        return Err(wrong());
    }
    // How many children each of the open groups still waits for.
    let mut open: Vec<u64> = Vec::new();
    for left in (0..count).rev() {
        let mut children = 0;
        walker.fields(&mut |walker, number, kind| {
            let is_count = number == 5 && kind == 5;
            if is_count {
                children = walker.integer()?;
            }
            Ok(is_count)
        })?;
        let children = u64::try_from(children).map_err(|_| wrong())?;
        if let Some(last) = open.last_mut() {
            *last -= 1;
        }
        if children > left {
            return Err(wrong());
        }
        open.push(children);
        while open.last() == Some(&0) {
            open.pop();
        }
        if open.len() > SCHEMA_DEPTH_MAX {
            return Err(wrong());
        }
    }
    Ok(())
}

/// Checks where the columns lie, and each of their pages; says how large the largest page is of texts that share
/// their beginnings.
pub(super) fn check_pages<T: ChunkReader + 'static>(
    source: &Arc<T>,
    metadata: &ParquetMetaData,
) -> Result<u64, ParquetError> {
    let length = source.len();
    let (mut held, mut shared) = (0_u64, 0);
    for group in metadata.row_groups() {
        let mut pages = 0_u64;
        for chunk in group.columns() {
            let (start, bytes) = chunk.byte_range();
            held = held.saturating_add(bytes);
            if start.saturating_add(bytes) > length || held > length {
                return Err(ParquetError::General("its columns lie outside of the file or on each other".to_owned()));
            }
            let largest = check_chunk(source.as_ref(), group, chunk)?;
            pages = pages.saturating_add(largest.page);
            if pages > PAGES_BYTES_MAX {
                return Err(beyond(format!("the pages of a row group have more than {PAGES_BYTES_MAX} bytes")));
            }
            if largest.is_delta && matches!(chunk.column_type(), Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY) {
                delta::check(source, chunk, usize::try_from(group.num_rows()).unwrap_or_default())?;
            }
            shared = shared.max(largest.shared);
        }
    }
    Ok(shared)
}

/// Of the pages of a column.
#[derive(Default)]
struct Largest {
    page: u64,
    /// Of texts that share their beginnings.
    shared: u64,
    is_delta: bool,
}

/// Goes through the pages of a column.
fn check_chunk<T: ChunkReader>(
    source: &T,
    group: &RowGroupMetaData,
    chunk: &ColumnChunkMetaData,
) -> Result<Largest, ParquetError> {
    let (start, bytes) = chunk.byte_range();
    let (mut at, end) = (start, start + bytes);
    if matches!(chunk.compression(), Compression::BROTLI(_) | Compression::LZO) {
        let (column, packing) = (chunk.column_path().string(), chunk.compression());
        let what = format!("column {column:?}: is packed with {packing:?}, which is not read");
        return Err(ParquetError::NYI(format!("{what}; write it again with zstd, snappy, gzip or LZ4_RAW")));
    }
    let (mut largest, mut values) = (Largest::default(), 0_u64);
    let in_column = |what: &str| beyond(format!("column {:?}: {what}", chunk.column_path().string()));
    let values_max = LIST_VALUES_MAX.max(u64::try_from(group.num_rows()).unwrap_or_default());
    while at < end {
        let (header, header_bytes) = read_header(source, at, end)?;
        at += header_bytes as u64;
        let number = |number: i64| u64::try_from(number).map_err(|_| in_column("a page has a negative size"));
        let (packed, unpacked) = (number(header.packed)?, number(header.unpacked)?);
        if packed > end - at {
            return Err(in_column("a page goes past its end"));
        }
        let size = packed.max(unpacked);
        if size > PAGE_BYTES_MAX {
            return Err(in_column(&format!("a page has {size} bytes, at most {PAGE_BYTES_MAX} are read")));
        }
        values = values.saturating_add(number(header.values)?);
        if chunk.column_descr().max_rep_level() > 0 && values > values_max {
            return Err(in_column(&format!("more than {LIST_VALUES_MAX} elements of lists in a row group")));
        }
        check_unpacked(source, chunk.compression(), at, &header)?;
        largest.page = largest.page.max(unpacked);
        if header.encoding == DELTA_TEXTS {
            largest.shared = largest.shared.max(unpacked);
        }
        largest.is_delta |= matches!(header.encoding, DELTA_LENGTHS | DELTA_TEXTS);
        at += packed;
    }
    Ok(largest)
}

/// What the header of a page says.
#[derive(Default)]
struct PageHeader {
    packed: i64,
    unpacked: i64,
    values: i64,
    encoding: i64,
    /// Bytes before what is packed.
    levels: i64,
    is_plain: bool,
}

fn read_header<T: ChunkReader>(source: &T, at: u64, end: u64) -> Result<(PageHeader, usize), ParquetError> {
    let mut bytes = HEADER_BYTES;
    loop {
        let room = usize::try_from(end - at).unwrap_or(usize::MAX).min(bytes);
        let read = source.get_bytes(at, room)?;
        match parse_header(&read) {
            // It may go on behind what was read.
            Err(_) if room == bytes && bytes < HEADER_BYTES_MAX => bytes = HEADER_BYTES_MAX,
            outcome => return outcome,
        }
    }
}

fn parse_header(bytes: &[u8]) -> Result<(PageHeader, usize), ParquetError> {
    let mut header = PageHeader::default();
    let mut walker = Walker::new(bytes);
    walker.fields(&mut |walker, number, kind| {
        match (number, kind) {
            (2, 5) => header.unpacked = walker.integer()?,
            (3, 5) => header.packed = walker.integer()?,
            (5, STRUCT) => walker.fields(&mut |walker, number, kind| header.of_page(walker, (number, kind), 2))?,
            (7, STRUCT) => {
                // The values of a dictionary are none of a row.
                let mut dictionary = PageHeader::default();
                walker.fields(&mut |walker, number, kind| dictionary.of_page(walker, (number, kind), 2))?;
            }
            (8, STRUCT) => walker.fields(&mut |walker, number, kind| header.of_page(walker, (number, kind), 4))?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok((header, walker.at()))
}

impl PageHeader {
    /// A field of the part that is of its kind of page alone; where the encoding stands differs.
    fn of_page(
        &mut self,
        walker: &mut Walker<'_>,
        (number, kind): (i64, u8),
        encoding_at: i64,
    ) -> Result<bool, ParquetError> {
        let is_second = encoding_at == 4;
        match (number, kind) {
            (1, 5) => self.values = walker.integer()?,
            (number, 5) if number == encoding_at => self.encoding = walker.integer()?,
            (5 | 6, 5) if is_second => self.levels = self.levels.saturating_add(walker.integer()?),
            (7, _) if is_second => self.is_plain = kind != TRUE,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Two packings are unpacked without regard to the declared size: they are measured here.
fn check_unpacked<T: ChunkReader>(source: &T, packing: Compression, at: u64, header: &PageHeader) -> Checked {
    let is_measured = matches!(packing, Compression::GZIP(_) | Compression::LZ4) && !header.is_plain;
    if !is_measured {
        return Ok(());
    }
    let page = source.get_bytes(at, header.packed as usize)?;
    let packed = usize::try_from(header.levels).ok().and_then(|levels| page.get(levels..)).unwrap_or_default();
    if packing == Compression::LZ4 {
        return match packed.starts_with(&[0x04, 0x22, 0x4d, 0x18]) {
            true => {
                Err(beyond("it is packed as LZ4 frames, which are not read: use LZ4_RAW, zstd or snappy".to_owned()))
            }
            false => Ok(()),
        };
    }
    let declared = header.unpacked.saturating_sub(header.levels).max(0) as u64;
    let mut unpacked = MultiGzDecoder::new(packed).take(declared + 1);
    match std::io::copy(&mut unpacked, &mut std::io::sink()) {
        Ok(bytes) if bytes > declared => {
            Err(ParquetError::General("a page unpacks to more than it declares".to_owned()))
        }
        // The library says what is wrong with it.
        _ => Ok(()),
    }
}

/// How many rows are decoded at once: fewer of many columns, and of texts that are written by what they share with the
/// text before: each may be as long as its page.
pub(super) fn batch_rows(columns: usize, shared_bytes: u64) -> usize {
    let of_columns = BATCH_CELLS_MAX / columns.max(1);
    let of_texts = usize::try_from(SHARED_BYTES_MAX / shared_bytes.max(1)).unwrap_or(BATCH_ROWS_MAX);
    of_columns.min(of_texts).clamp(1, BATCH_ROWS_MAX)
}
