//! What Parquet says of itself, in Thrift's compact protocol: looked through before the library acts on it.
//!
//! Owns the walk. Every length is held against the bytes that are there, so that a declared one never makes memory.

use ::parquet::errors::ParquetError;

const DEPTH_MAX: u32 = 64;

/// The types of values that are told apart.
pub(super) const TRUE: u8 = 1;
pub(super) const LIST: u8 = 9;
pub(super) const STRUCT: u8 = 12;

/// Bytes, from the front.
pub(super) struct Walker<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Looks at a field: its number and the type of its value; says whether it used the value up.
pub(super) type Visit<'v, 'a> = &'v mut dyn FnMut(&mut Walker<'a>, i64, u8) -> Result<bool, ParquetError>;

fn wrong(what: &str) -> ParquetError {
    ParquetError::General(format!("its metadata are damaged: {what}"))
}

impl<'a> Walker<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Walker<'a> {
        Walker { bytes, at: 0 }
    }

    /// How many bytes are used up.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    fn byte(&mut self) -> Result<u8, ParquetError> {
        let byte = *self.bytes.get(self.at).ok_or_else(|| wrong("they end early"))?;
        self.at += 1;
        Ok(byte)
    }

    fn pass(&mut self, bytes: u64) -> Result<(), ParquetError> {
        let left = (self.bytes.len() - self.at) as u64;
        if bytes > left {
            return Err(wrong("a length goes past their end"));
        }
        self.at += bytes as usize;
        Ok(())
    }

    fn unsigned(&mut self) -> Result<u64, ParquetError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(wrong("a number has too many bytes"))
    }

    /// An integer of any width.
    pub(super) fn integer(&mut self) -> Result<i64, ParquetError> {
        let value = self.unsigned()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// How many elements a list has, and their type.
    pub(super) fn list(&mut self) -> Result<(u64, u8), ParquetError> {
        let head = self.byte()?;
        let count = if head >> 4 == 15 { self.unsigned()? } else { u64::from(head >> 4) };
        // Each has a byte at least.
        match count > (self.bytes.len() - self.at) as u64 {
            true => Err(wrong("a list has more elements than bytes")),
            false => Ok((count, head & 0x0f)),
        }
    }

    /// Goes through the fields of a struct; what `visit` leaves is passed over.
    pub(super) fn fields(&mut self, visit: Visit<'_, 'a>) -> Result<(), ParquetError> {
        self.fields_at(0, visit)
    }

    fn fields_at(&mut self, depth: u32, visit: Visit<'_, 'a>) -> Result<(), ParquetError> {
        if depth > DEPTH_MAX {
            return Err(wrong("they are nested too deep"));
        }
        let mut number = 0_i64;
        loop {
            let head = self.byte()?;
            let (step, kind) = (head >> 4, head & 0x0f);
            if kind == 0 {
                return Ok(());
            }
            number = if step == 0 { self.integer()? } else { number.saturating_add(i64::from(step)) };
            if !visit(self, number, kind)? {
                self.skip(kind, depth)?;
            }
        }
    }

    fn skip(&mut self, kind: u8, depth: u32) -> Result<(), ParquetError> {
        match kind {
            1 | 2 => Ok(()),
            3 => self.pass(1),
            4..=6 => self.unsigned().map(drop),
            7 => self.pass(8),
            8 => {
                let length = self.unsigned()?;
                self.pass(length)
            }
            LIST | 10 => {
                let (count, kind) = self.list()?;
                (0..count).try_for_each(|_| self.skip_element(kind, depth + 1))
            }
            11 => self.skip_map(depth + 1),
            STRUCT => self.fields_at(depth + 1, &mut |_, _, _| Ok(false)),
            13 => self.pass(16),
            _ => Err(wrong("a value has an unknown type")),
        }
    }

    fn skip_map(&mut self, depth: u32) -> Result<(), ParquetError> {
        let count = self.unsigned()?;
        if count == 0 {
            return Ok(());
        }
        let kinds = self.byte()?;
        for _ in 0..count {
            self.skip_element(kinds >> 4, depth)?;
            self.skip_element(kinds & 0x0f, depth)?;
        }
        Ok(())
    }

    /// In a list, a boolean has a byte.
    pub(super) fn skip_element(&mut self, kind: u8, depth: u32) -> Result<(), ParquetError> {
        if depth > DEPTH_MAX {
            return Err(wrong("they are nested too deep"));
        }
        if matches!(kind, 1 | 2) { self.pass(1) } else { self.skip(kind, depth) }
    }
}
