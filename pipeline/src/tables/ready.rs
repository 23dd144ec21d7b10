//! The maps that come with the program: each with a sample, and a test that reads it.
//!
//! Owns their place. They say no owner and no known_at, which the one who imports knows.

use include_dir::{Dir, include_dir};

static MAPS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/maps");

/// The names of the maps, with their text.
pub fn maps() -> impl Iterator<Item = (&'static str, &'static str)> {
    MAPS.files().filter_map(|file| {
        let name = file.path().to_str()?.strip_suffix(".toml")?;
        Some((name, file.contents_utf8()?))
    })
}

/// The text of a map.
pub fn map(name: &str) -> Option<&'static str> {
    maps().find(|(known, _)| *known == name).map(|(_, text)| text)
}
