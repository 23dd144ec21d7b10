//! `fuma policy publish`: a pack goes into the log whole, and is proposed from an instant on.
//!
//! Owns what is checked before: the pack, its cases, its name, the instant. The fold asks the same of the record.

use std::path::PathBuf;
use std::process::ExitCode;

use bytes::Bytes;
use clap::Args;
use fuma_schemas::Instant;

use super::agree::{agree, by_key};
use super::place::{PlaceArguments, Seen};
use super::withdraw::reason;
use super::{refused, shown};
use crate::admission::{self, Drafts};
use crate::commands::CommandError;
use crate::commands::screen::Screen;
use crate::live::decisions::Record;
use crate::live::decisions::basis::{
    PackName, Proposed, Purpose, SWITCH_NOTICE_MS, Seen as SeenBasis, Signed, State, What,
};
use crate::live::packs;
use crate::policy::{PackSource, manifest};

/// The arguments of `fuma policy publish`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct PublishArguments {
    /// A pack: a folder, or an id of this binary; with --rollback the id or digest of one that was in force
    pack: String,
    /// From when, like 2026-12-01T00:00:00+08:00; at the earliest 5 minutes after the last signature
    #[arg(long, value_name = "INSTANT", value_parser = instant, required_unless_present = "at_once")]
    valid_from: Option<Instant>,
    /// At its instant, or not at all: what is signed too late is void
    #[arg(long, conflicts_with = "at_once")]
    not_after: bool,
    /// In need: each partition takes it as soon as it is signed, at no common instant
    #[arg(long)]
    at_once: bool,
    /// Go back to an earlier pack
    #[arg(long, requires = "reason")]
    rollback: bool,
    /// Why one goes back, on one line
    #[arg(long, value_name = "TEXT", value_parser = reason, requires = "rollback")]
    reason: Option<String>,
    /// Sign it as the author, with the PEM file of your private key
    #[arg(long, value_name = "KEY")]
    sign: Option<PathBuf>,
    #[command(flatten)]
    place: PlaceArguments,
}

const EXAMPLES: &str = "\
Nothing is in force by this alone: an author and another approver sign it (fuma approve ID --sign KEY). Until 5 minutes
before its instant it can be withdrawn (fuma withdraw ID --reason TEXT).

Examples:
  fuma policy publish ten-days --valid-from 2026-12-01T00:00:00+08:00 --sign zhang-wei.pem --state fuma-state
  fuma policy publish zhejiang-2020-109 --at-once --rollback --reason \"a fault in ten-days\" --state fuma-state";

fn instant(text: &str) -> Result<Instant, String> {
    Instant::parse(text).ok_or_else(|| "give an instant with its offset, like 2026-12-01T00:00:00+08:00".to_owned())
}

/// A pack that is to be published.
struct Wanted {
    name: PackName,
    record: Option<Bytes>,
    valid_from: Instant,
}

/// Publishes.
///
/// # Errors
/// When the pack may not be used, may not follow what is in force, or the log does not take it.
pub fn publish(arguments: &PublishArguments, screen: &Screen) -> Result<ExitCode, CommandError> {
    let office = arguments.place.office()?;
    let seen = office.installation()?;
    let basis = seen.fold.basis();
    let wanted = wanted(arguments, &seen)?;
    let valid_from = arguments.valid_from.unwrap_or(Instant(seen.now_ms));
    if valid_from < wanted.valid_from {
        return Err(CommandError::Input(format!(
            "{valid_from} is before {}, from which the document of {} is valid: give that or later",
            wanted.valid_from, wanted.name.id
        )));
    }
    if arguments.not_after && valid_from.0 < seen.now_ms.saturating_add(SWITCH_NOTICE_MS) {
        return Err(CommandError::Input(format!(
            "{valid_from} is less than 5 minutes away, and --not-after voids what is signed too late: give a later \
             --valid-from"
        )));
    }
    let what = What::Pack {
        pack: wanted.name.clone(),
        rollback: arguments.reason.clone(),
        not_after: arguments.not_after,
        at_once: arguments.at_once,
    };
    let follows = basis.follows(arguments.at_once, seen.now_ms);
    let follows = follows.map(|switch| SeenBasis { number: switch.number, pack: switch.pack.digest.clone() });
    let follows = follows.unwrap_or_default();
    let proposed = Proposed::new(basis.installation(), what.clone(), valid_from.0, follows.clone(), seen.now_ms);
    let id = proposed.id.clone();
    if let Some(earlier) = basis.proposal(&id) {
        return again(&seen, &id, &earlier.state, &office, screen);
    }
    if let Some(void) = basis.refusal(&what, valid_from.0, &follows, seen.now_ms) {
        return Err(refused(format!("{} {}: {void}", wanted.name.id, wanted.name.version)));
    }
    // Who may not sign is told before anything is written.
    let digest = wanted.name.digest.clone();
    let installation = basis.installation().to_owned();
    let signed = Signed { purpose: Purpose::Approval, digest, valid_from: valid_from.0, installation, preview: None };
    let by = arguments.sign.as_ref().map(|key| by_key(&seen, key, &signed)).transpose()?;
    let record = Record::Proposed(proposed);
    let pack = wanted.record.map(|record| (wanted.name.digest.as_str(), record));
    let mut after = office.write(&seen, pack, &record)?;
    if let Some(void) = after.event(&record).and_then(|event| event.void.clone()) {
        return Err(refused(format!("the proposal counts for nothing: {void}")));
    }
    let PackName { digest, id: name, version } = &wanted.name;
    let digest: String = digest.chars().take(16).collect();
    let mut text = format!("published {name} {version} (digest {digest}) as {id}\n");
    if let Some(by) = by {
        text.push_str(&agree(&office, &after, &id, by, None)?);
        after = office.look()?;
    } else {
        text.push_str(&shown::waiting(&after, &id, &office));
    }
    screen.print(&text)?;
    let is_void = matches!(after.fold.basis().proposal(&id).map(|it| &it.state), Some(State::Void(_)));
    Ok(if is_void { ExitCode::from(crate::commands::REFUSED) } else { ExitCode::SUCCESS })
}

/// The same was published before: that one counts.
fn again(
    seen: &Seen,
    id: &str,
    state: &State,
    office: &super::Office,
    screen: &Screen,
) -> Result<ExitCode, CommandError> {
    let told = shown::waiting(seen, id, office);
    match state {
        State::Open | State::Scheduled(_) | State::Done => {
            screen.print(&format!("{id} is published already\n{told}"))?;
            Ok(ExitCode::SUCCESS)
        }
        State::Withdrawn { .. } | State::Void(_) => Err(refused(format!(
            "the same was published as {id}, and is not applied: the first record counts. Give another --valid-from\n\
             {told}"
        ))),
    }
}

fn wanted(arguments: &PublishArguments, seen: &Seen) -> Result<Wanted, CommandError> {
    if arguments.rollback {
        return earlier(&arguments.pack, seen);
    }
    let source = PackSource::find(&arguments.pack)?;
    let pack = admission::admit_source(&source, Drafts::Refused)?.pack;
    let record = packs::record(&source).map_err(|error| CommandError::Input(error.to_string()))?;
    let name = PackName { digest: pack.digest.to_string(), id: pack.id.to_string(), version: pack.version.to_string() };
    Ok(Wanted { name, record: Some(record), valid_from: pack.manifest.valid_from })
}

/// A pack that was in force: by its id the last of that id, or by the first digits of its digest.
fn earlier(named: &str, seen: &Seen) -> Result<Wanted, CommandError> {
    let schedule = seen.fold.schedule();
    let is_digest = named.len() >= 8 && named.bytes().all(|byte| byte.is_ascii_hexdigit());
    let newest = schedule.last().map(|switch| switch.pack.digest.as_str());
    let is_meant = |pack: &PackName| pack.id == named || (is_digest && pack.digest.starts_with(named));
    let mut found = schedule.iter().rev().map(|switch| &switch.pack).filter(|pack| is_meant(pack));
    let name = found.clone().find(|pack| Some(pack.digest.as_str()) != newest).or_else(|| found.next());
    let name = name.ok_or_else(|| {
        let were: Vec<String> = schedule.iter().map(|it| format!("{} {}", it.pack.id, it.pack.version)).collect();
        refused(format!("{named}: no switch had this pack. There were: {}", were.join(", ")))
    })?;
    let unusable = |error: packs::PackLogError| CommandError::Other(error.to_string());
    let source = packs::source(&seen.packs, &name.digest).map_err(unusable)?;
    let text = source.files.get(manifest::FILE).map(String::as_str).unwrap_or_default();
    let valid_from = manifest::parse(text)?.valid_from;
    // It is still what it was: gate and cases, by this build.
    packs::load(&seen.packs, &name.digest).map_err(unusable)?;
    Ok(Wanted { name: name.clone(), record: None, valid_from })
}
