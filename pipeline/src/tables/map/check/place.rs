//! Where in a map a key is.

use toml::de::{DeTable, DeValue};

/// The line of an offset, from 1.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    text.get(..offset).map_or(1, |before| before.matches('\n').count() + 1)
}

/// The line of the deepest key of a path that is there.
pub(super) fn line_at(text: &str, path: &[String]) -> usize {
    let Ok(table) = DeTable::parse(text) else { return 1 };
    let (mut table, mut offset) = (table.get_ref(), 0);
    let mut keys = path.iter().peekable();
    while let Some(key) = keys.next() {
        let Some((name, value)) = table.iter().find(|(name, _)| name.get_ref().as_ref() == key) else { break };
        offset = name.span().start;
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            DeValue::Array(items) => {
                let place = keys.next().and_then(|place| place.parse::<usize>().ok()).unwrap_or(0);
                let Some(item) = items.get(place) else { break };
                offset = item.span().start;
                match item.get_ref() {
                    DeValue::Table(inner) => table = inner,
                    _ => break,
                }
            }
            _ => break,
        }
    }
    line_of(text, offset)
}
