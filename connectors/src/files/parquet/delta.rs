//! Texts by their differences (DELTA_LENGTH_BYTE_ARRAY, DELTA_BYTE_ARRAY): how many a page says that it holds.
//!
//! The library makes room for that many before it reads one, and a page of some bytes can say billions. Owns this
//! check. Must never make memory for a count itself.

use std::sync::Arc;

use ::parquet::basic::Encoding;
use ::parquet::column::page::{Page, PageReader as _};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::ColumnChunkMetaData;
use ::parquet::file::reader::ChunkReader;
use ::parquet::file::serialized_reader::SerializedPageReader;

fn wrong() -> ParquetError {
    ParquetError::General("a page of differences is damaged".to_owned())
}

/// Checks the pages of a column, one after another. Their sizes are checked already.
pub(super) fn check<T: ChunkReader + 'static>(
    source: &Arc<T>,
    chunk: &ColumnChunkMetaData,
    rows: usize,
) -> Result<(), ParquetError> {
    let mut pages = SerializedPageReader::new(Arc::clone(source), chunk, rows, None)?;
    while let Some(page) = pages.get_next_page()? {
        let encoding = page.encoding();
        if !matches!(encoding, Encoding::DELTA_LENGTH_BYTE_ARRAY | Encoding::DELTA_BYTE_ARRAY) {
            continue;
        }
        let values = u64::from(page.num_values());
        let bytes = values_of(&page, chunk)?;
        let mut stream = Stream { bytes, at: 0 };
        if encoding == Encoding::DELTA_BYTE_ARRAY {
            stream.pass(values)?;
        }
        stream.header(values)?;
    }
    Ok(())
}

/// What follows the levels.
fn values_of<'p>(page: &'p Page, chunk: &ColumnChunkMetaData) -> Result<&'p [u8], ParquetError> {
    let column = chunk.column_descr();
    match page {
        Page::DataPage { buf, .. } => {
            let mut rest = buf.as_ref();
            for _ in [column.max_rep_level(), column.max_def_level()].into_iter().filter(|level| *level > 0) {
                let (length, levels) = rest.split_first_chunk::<4>().ok_or_else(wrong)?;
                rest = levels.get(u32::from_le_bytes(*length) as usize..).ok_or_else(wrong)?;
            }
            Ok(rest)
        }
        Page::DataPageV2 { buf, def_levels_byte_len, rep_levels_byte_len, .. } => {
            let levels = u64::from(*def_levels_byte_len) + u64::from(*rep_levels_byte_len);
            usize::try_from(levels).ok().and_then(|levels| buf.get(levels..)).ok_or_else(wrong)
        }
        Page::DictionaryPage { buf, .. } => Ok(buf),
    }
}

/// A stream of integers by their differences (DELTA_BINARY_PACKED).
struct Stream<'a> {
    bytes: &'a [u8],
    at: usize,
}

struct Header {
    values_in_mini: u64,
    minis: u64,
    count: u64,
}

impl Stream<'_> {
    fn unsigned(&mut self) -> Result<u64, ParquetError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.bytes.get(self.at).ok_or_else(wrong)?;
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(wrong())
    }

    /// Reads how many there are: no more than the page has values.
    fn header(&mut self, values_max: u64) -> Result<Header, ParquetError> {
        let (block, minis, count) = (self.unsigned()?, self.unsigned()?, self.unsigned()?);
        self.unsigned()?;
        let is_sound = (1..=1 << 16).contains(&minis) && (1..=1 << 24).contains(&block) && count <= values_max;
        match is_sound {
            true => Ok(Header { values_in_mini: block / minis, minis, count }),
            false => Err(wrong()),
        }
    }

    /// Goes behind the stream.
    fn pass(&mut self, values_max: u64) -> Result<(), ParquetError> {
        let Header { values_in_mini, minis, count } = self.header(values_max)?;
        let mut left = count.saturating_sub(1);
        while left > 0 {
            self.unsigned()?;
            let widths = self.bytes.get(self.at..).and_then(|rest| rest.get(..minis as usize)).ok_or_else(wrong)?;
            self.at += widths.len();
            for width in widths {
                if left == 0 {
                    break;
                }
                let bytes = u64::from(*width) * values_in_mini / 8;
                self.at = usize::try_from(bytes).ok().and_then(|bytes| self.at.checked_add(bytes)).ok_or_else(wrong)?;
                left = left.saturating_sub(values_in_mini.max(1));
            }
        }
        Ok(())
    }
}
