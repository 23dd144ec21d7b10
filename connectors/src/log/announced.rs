//! An announced change as it is read back, with the headers that a restore needs.
//!
//! Owns which headers these are. Must never read the value: that is the engine's.

use bytes::Bytes;

/// An announced change, read back.
#[derive(Clone, Debug)]
pub struct AnnouncedRecord {
    /// The place in the output partition.
    pub offset: u64,
    /// The key: the person's token as text.
    pub key: Bytes,
    /// The value; none where a person was erased.
    pub value: Option<Bytes>,
    /// The headers of [`READ_BACK`] that it has.
    pub headers: Vec<(&'static str, String)>,
}

/// The headers of a change that are read back: which switch of packs made it, and the state before.
pub const READ_BACK: [&str; 2] = ["ce_switch", "ce_before"];

/// Of these headers the ones that are read back; what is no text is none of ours.
pub fn read_back_headers<'a>(headers: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Vec<(&'static str, String)> {
    let kept = headers.filter_map(|(name, value)| {
        let name = READ_BACK.into_iter().find(|kept| kept.as_bytes() == name)?;
        Some((name, std::str::from_utf8(value).ok()?.to_owned()))
    });
    kept.collect()
}
