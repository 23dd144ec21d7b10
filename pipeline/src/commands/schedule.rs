//! The packs of a command line, one after the other: `--policy A --policy B@INSTANT` (docs/feeds.md section 3).
//!
//! Owns their order. The first holds from the beginning and has no instant; each other has one, later than the one
//! before. Anything else is refused before a pack is loaded.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use fuma_schemas::Instant;

use super::CommandError;
use super::input::load_pack;
use crate::admission::Drafts;
use crate::policy::{Pack, PackError};
use crate::replay::Switch;

/// A pack as it was given: its id or folder, and its instant.
type Given<'a> = (&'a str, Option<Instant>);

/// Loads the packs: the first, and those that take over.
///
/// # Errors
/// When their instants are not in order, or a pack may not be used.
pub(super) fn load(words: &[String], drafts: Drafts) -> Result<(Arc<Pack>, Vec<Switch>), CommandError> {
    let given = in_order(words).map_err(CommandError::Input)?;
    let mut loaded: BTreeMap<&str, Arc<Pack>> = BTreeMap::new();
    let mut packs = Vec::with_capacity(given.len());
    for (pack, at) in given {
        let known = loaded.get(pack).map(Arc::clone);
        let pack_loaded = known.map_or_else(|| load_pack(pack, drafts), Ok)?;
        loaded.insert(pack, Arc::clone(&pack_loaded));
        packs.push((at, pack_loaded));
    }
    if drafts == Drafts::Refused {
        one_name_one_pack(packs.iter().map(|(_, pack)| &**pack))?;
    }
    let mut packs = packs.into_iter();
    let Some((_, first)) = packs.next() else {
        return Err(CommandError::Input("give a pack: --policy PACK".to_owned()));
    };
    Ok((first, packs.filter_map(|(at, pack)| Some(Switch { at: at?, pack })).collect()))
}

/// The packs with their instants: the first without, each other with one later than the one before.
fn in_order(words: &[String]) -> Result<Vec<Given<'_>>, String> {
    let mut given: Vec<Given<'_>> = Vec::with_capacity(words.len());
    for word in words {
        let (pack, at) = split(word)?;
        match (given.last(), at) {
            (None, None) => {}
            (None, Some(_)) => {
                return Err(format!(
                    "--policy {word}: the first pack holds from the beginning and has no instant: give --policy {pack}"
                ));
            }
            (Some(_), None) => {
                return Err(format!(
                    "--policy {word}: only the first pack has no instant: give the one from which this one holds, \
                     --policy {pack}@2021-11-09T00:00:00+08:00"
                ));
            }
            (Some((before, Some(earlier))), Some(at)) if at <= *earlier => {
                return Err(format!(
                    "--policy {word}: the instant must be later than that of the pack before it ({before}@{earlier})"
                ));
            }
            (Some(_), Some(_)) => {}
        }
        given.push((pack, at));
    }
    Ok(given)
}

/// The pack of a word and its instant. A folder with an @ in its name is a folder.
fn split(word: &str) -> Result<Given<'_>, String> {
    let Some((pack, instant)) = word.rsplit_once('@') else { return Ok((word, None)) };
    if Path::new(word).is_dir() {
        return Ok((word, None));
    }
    if pack.is_empty() {
        return Err(format!("--policy {word}: there is no pack before the @: give an id or a folder"));
    }
    let at = Instant::parse(instant).ok_or_else(|| {
        format!(
            "--policy {word}: `{instant}` is no instant: give one with an offset, like {pack}@2021-11-09T00:00:00+08:00"
        )
    })?;
    Ok((pack, Some(at)))
}

/// That no two packs have one id and version and other contents: a change could not tell which rules made it.
fn one_name_one_pack<'a>(packs: impl Iterator<Item = &'a Pack>) -> Result<(), CommandError> {
    let mut digests: BTreeMap<(&str, &str), &Pack> = BTreeMap::new();
    for pack in packs {
        let other = digests.insert((&*pack.id, &*pack.version), pack);
        if let Some(other) = other.filter(|other| other.digest != pack.digest) {
            let reason = format!(
                "two packs are {} {} and have other contents (digests {} and {}): raise the version of one",
                pack.id,
                pack.version,
                other.short_digest(),
                pack.short_digest()
            );
            return Err(PackError::of(crate::policy::manifest::FILE, reason).into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ONE: &str = "zhejiang-2020-109";
    const NEXT: &str = "zhejiang-2022@2021-11-09T00:00:00+08:00";

    fn refused(words: &[&str]) -> String {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        in_order(&words).unwrap_err()
    }

    #[test]
    fn the_first_has_no_instant_and_each_other_a_later_one() {
        let later = "zhejiang-2020-109@2021-11-09T00:00:00.001+08:00".to_owned();
        let words = [ONE.to_owned(), NEXT.to_owned(), later];
        let given = in_order(&words).unwrap();
        assert_eq!(given.iter().map(|(pack, _)| *pack).collect::<Vec<_>>(), [ONE, "zhejiang-2022", ONE]);
        assert!(refused(&[NEXT]).contains("has no instant: give --policy zhejiang-2022"));
        assert!(refused(&[ONE, ONE]).contains("only the first pack has no instant"));
        assert!(refused(&[ONE, NEXT, NEXT]).contains("must be later"));
        assert!(refused(&[ONE, NEXT, "national-2020@2021-11-08T23:59:59.999+08:00"]).contains("must be later"));
        // The same instant with another offset is the same instant.
        assert!(refused(&[ONE, NEXT, "national-2020@2021-11-08T16:00:00Z"]).contains("must be later"));
    }

    #[test]
    fn an_instant_has_an_offset() {
        for bad in
            ["", "tomorrow", "2021-11-09", "2021-11-09T00:00:00", "2021-11-09 00:00:00+08:00", "1969-12-31T23:59Z"]
        {
            let said = refused(&[ONE, &format!("zhejiang-2022@{bad}")]);
            assert!(said.contains("is no instant") && said.contains("+08:00"), "{said}");
        }
        assert!(refused(&[ONE, "@2021-11-09T00:00:00+08:00"]).contains("no pack before the @"));
    }

    #[test]
    fn a_folder_may_have_an_at_in_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let pack = folder.path().join("mine@home");
        std::fs::create_dir(&pack).unwrap();
        let word = pack.to_string_lossy().into_owned();
        assert_eq!(split(&word).unwrap(), (word.as_str(), None));
        let dated = format!("{word}@2021-11-09T00:00:00+08:00");
        let (given, at) = split(&dated).unwrap();
        assert!(given == word && at.is_some());
    }
}
