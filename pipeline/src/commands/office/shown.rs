//! Switches, proposals, officials and the history: in words, and as JSON.
//!
//! Owns the words. What they mean is the fold's.

use std::fmt::Write as _;

use fuma_schemas::Instant;
use serde_json::{Value, json};

use super::outcomes;
use super::place::{Office, Seen};
use super::publications;
use crate::live::decisions::Record;
use crate::live::decisions::basis::{
    Basis, Event, Hold, Officials, PackName, Proposal, Role, State, Switch, Then, What,
};

/// What became of a proposal, and what it still waits for.
pub(super) fn waiting(seen: &Seen, id: &str, office: &Office) -> String {
    let basis = seen.fold.basis();
    let named = office.named();
    if let Some(text) = publications::waiting(seen, id, &named) {
        return text;
    }
    let Some(proposal) = basis.proposal(id) else {
        let is_held = basis.holds().any(|hold| hold.held.id == id);
        return if is_held { "  it waits for more approvers\n".to_owned() } else { "  it is released\n".to_owned() };
    };
    let mut text = String::new();
    match &proposal.state {
        State::Open => {
            let signed = proposal.signed();
            let (authors, approvers) = basis.officials().map_or((0, 0), |officials| officials.missing(&signed));
            line(&mut text, format_args!("  it waits for {authors} author(s) and {approvers} approver(s)"));
            line(&mut text, format_args!("  to agree:   fuma approve {id} --sign KEY{named}"));
            line(&mut text, format_args!("  to refuse:  fuma withdraw {id} --reason TEXT{named}"));
        }
        State::Scheduled(number) => {
            let switch = basis.schedule().iter().find(|switch| switch.number == *number);
            let at = switch.map_or_else(String::new, when);
            line(&mut text, format_args!("  it is signed by enough: switch {number}, {at}"));
            match switch.is_some_and(|switch| basis.is_settled(switch)) {
                true => line(
                    &mut text,
                    format_args!("  to go back: fuma policy publish PACK --rollback --reason TEXT --at-once{named}"),
                ),
                false => line(&mut text, format_args!("  to take it back: fuma withdraw {id} --reason TEXT{named}")),
            }
        }
        State::Done => line(&mut text, format_args!("  it is signed by enough, and holds")),
        State::Withdrawn { reason, .. } => line(&mut text, format_args!("  it was withdrawn: {reason}")),
        State::Void(void) => line(&mut text, format_args!("  NOT APPLIED: {void}")),
    }
    text
}

fn when(switch: &Switch) -> String {
    match (switch.proposal.is_some(), switch.at_once) {
        (false, _) => "from the beginning".to_owned(),
        (true, true) => format!("at once, as soon as each partition reads it (signed {})", Instant(switch.instant_ms)),
        (true, false) => format!("from {}", Instant(switch.instant_ms)),
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a text cannot fail.
    let _ = writeln!(out, "{text}");
}

fn short(digest: &str) -> String {
    digest.chars().take(16).collect()
}

/// A switch with its document, in which place it is: was, in force, coming.
fn place_of(basis: &Basis, switch: &Switch, now_ms: i64) -> &'static str {
    match basis.in_force(now_ms.max(basis.clock_ms())) {
        Some(in_force) if in_force.number == switch.number => "in-force",
        Some(in_force) if in_force.number < switch.number => "coming",
        Some(_) => "was",
        None => "coming",
    }
}

/// The document of a pack, where the log holds it.
fn document(seen: &Seen, digest: &str) -> Option<String> {
    let source = crate::live::packs::source(&seen.packs, digest).ok()?;
    let text = source.files.get(crate::policy::manifest::FILE)?;
    Some(crate::policy::manifest::parse(text).ok()?.document)
}

/// What is in force, coming, was, and waits.
pub(crate) fn list(seen: &Seen) -> String {
    let basis = seen.fold.basis();
    let mut text = String::new();
    for switch in basis.schedule() {
        let PackName { id, version, digest } = &switch.pack;
        let document = document(seen, digest).unwrap_or_else(|| "the log does not hold it".to_owned());
        let (place, number) = (place_of(basis, switch, seen.now_ms), switch.number);
        let signed = if switch.signed.is_empty() { "first pack".to_owned() } else { switch.signed.join(", ") };
        let (digest, at) = (short(digest), when(switch));
        line(&mut text, format_args!("{place:<9} {number:>4}  {id} {version}  {at}  {document}  ({digest})  {signed}"));
        if let Some(reason) = &switch.rollback {
            line(&mut text, format_args!("                rollback: {reason}"));
        }
        if let Some(outcome) = outcomes::text(&seen.fold, switch.number) {
            line(&mut text, format_args!("                {outcome}"));
        }
    }
    for proposal in basis.proposals().filter(|proposal| proposal.state == State::Open) {
        let (authors, approvers) = basis.officials().map_or((0, 0), |it| it.missing(&proposal.signed()));
        let (id, what) = (&proposal.proposed.id, what(&proposal.proposed.what));
        let from = Instant(proposal.proposed.valid_from);
        line(
            &mut text,
            format_args!("waits     {id}  {what}  from {from}: {authors} author(s), {approvers} approver(s) missing"),
        );
    }
    for publication in publications::open(seen) {
        line(&mut text, format_args!("{publication}"));
    }
    for hold in basis.holds() {
        line(&mut text, format_args!("HELD      {}  nothing is announced: {}", hold.held.id, hold.held.reason));
    }
    if text.is_empty() {
        line(&mut text, format_args!("no pack is in force yet"));
    }
    text
}

/// The same for machines.
pub(crate) fn list_json(seen: &Seen) -> Value {
    let basis = seen.fold.basis();
    let switches: Vec<Value> = basis
        .schedule()
        .iter()
        .map(|switch| {
            let mut value = switch_json(switch);
            if let Some(object) = value.as_object_mut() {
                object.insert("place".to_owned(), place_of(basis, switch, seen.now_ms).into());
                object.insert("document".to_owned(), document(seen, &switch.pack.digest).into());
                object.insert("outcome".to_owned(), outcomes::json(&seen.fold, switch.number));
            }
            value
        })
        .collect();
    let proposals: Vec<Value> = basis.proposals().map(|proposal| proposal_json(basis, proposal)).collect();
    let holds: Vec<Value> = basis.holds().map(hold_json).collect();
    json!({
        "installation": basis.installation(),
        "switches": switches,
        "proposals": proposals,
        "holds": holds,
        "publications": publications::json(seen),
        "officials": basis.officials(),
    })
}

fn switch_json(switch: &Switch) -> Value {
    let PackName { id, version, digest } = &switch.pack;
    let from = switch.proposal.as_ref().map(|_| Instant(switch.instant_ms).to_string());
    json!({
        "number": switch.number,
        "id": id,
        "version": version,
        "digest": digest,
        "from": from,
        "at_once": switch.at_once,
        "proposal": switch.proposal,
        "signed": switch.signed,
        "rollback": switch.rollback,
        "replay": replay_of(switch),
    })
}

/// The switch as `fuma replay` takes it.
fn replay_of(switch: &Switch) -> String {
    match switch.proposal {
        None => format!("--policy {}", switch.pack.id),
        Some(_) => format!("--policy {}@{}", switch.pack.id, Instant(switch.instant_ms)),
    }
}

fn proposal_json(basis: &Basis, proposal: &Proposal) -> Value {
    let (authors, approvers) = basis.officials().map_or((0, 0), |it| it.missing(&proposal.signed()));
    let (state, why) = match &proposal.state {
        State::Open => ("open", None),
        State::Scheduled(_) => ("scheduled", None),
        State::Done => ("done", None),
        State::Withdrawn { reason, .. } => ("withdrawn", Some(reason.clone())),
        State::Void(void) => ("not-applied", Some(void.to_string())),
    };
    let code = match &proposal.state {
        State::Void(void) => Some(void.code()),
        _ => None,
    };
    json!({
        "id": proposal.proposed.id,
        "what": proposal.proposed.what,
        "valid_from": Instant(proposal.proposed.valid_from).to_string(),
        "follows": proposal.proposed.basis.number,
        "signed": proposal.signed(),
        "previews": proposal.approvals.iter().map(|approval| &approval.preview).collect::<Vec<_>>(),
        "state": state,
        "why": why,
        "code": code,
        "missing": { "authors": authors, "approvers": approvers },
    })
}

fn hold_json(hold: &Hold) -> Value {
    json!({ "id": hold.held.id, "reason": hold.held.reason, "since": Instant(hold.held.at).to_string() })
}

fn what(what: &What) -> String {
    match what {
        What::Pack { pack, rollback, not_after, at_once } => {
            let marks = [(*at_once, " at once"), (*not_after, " not after"), (rollback.is_some(), " rollback")];
            let marks: String = marks.into_iter().filter_map(|(is_so, mark)| is_so.then_some(mark)).collect();
            format!("{} {} (digest {}){marks}", pack.id, pack.version, short(&pack.digest))
        }
        What::Officials { list, .. } => format!("a list of {} officials", list.officials.len()),
    }
}

/// The officials that hold.
pub(super) fn officials(list: Option<&Officials>) -> String {
    let Some(list) = list else { return "there are no officials: nothing can be approved\n".to_owned() };
    let mut text = String::new();
    for official in &list.officials {
        let role = |role: &Role| if *role == Role::Author { "author" } else { "approver" };
        let roles: Vec<&str> = official.roles.iter().map(role).collect();
        line(&mut text, format_args!("{}  {}  {}", official.name, roles.join(", "), official.key));
    }
    let quorum = list.quorum;
    let (authors, approvers) = (quorum.authors, quorum.approvers);
    line(&mut text, format_args!("a switch takes {authors} author(s) and {approvers} other approver(s)"));
    text
}

/// The whole history.
pub(crate) fn log(seen: &Seen) -> String {
    let mut text = String::new();
    for event in seen.fold.basis().events() {
        let (offset, at, said) = (event.offset, Instant(event.at_ms), said(&event.record));
        line(&mut text, format_args!("{offset:>6}  {at}  {said}"));
        if let Some(void) = &event.void {
            line(&mut text, format_args!("        NOT APPLIED: {void}"));
        }
        for then in &event.then {
            line(&mut text, format_args!("        {}", then_said(then)));
        }
    }
    line(&mut text, format_args!("\nschedule, as `fuma replay` takes it:"));
    for switch in seen.fold.schedule() {
        let signed = if switch.signed.is_empty() { "first pack".to_owned() } else { switch.signed.join(", ") };
        let at_once = if switch.at_once { "  (at once: each partition at an instant of its own)" } else { "" };
        line(&mut text, format_args!("  {}  # switch {}, {signed}{at_once}", replay_of(switch), switch.number));
        if let Some(outcome) = outcomes::text(&seen.fold, switch.number) {
            line(&mut text, format_args!("      {outcome}"));
        }
    }
    text
}

fn said(record: &Record) -> String {
    match record {
        Record::Bootstrap(first) => {
            let PackName { id, version, digest } = &first.pack;
            format!("first pack: {id} {version} (digest {}), switch {}", short(digest), first.number)
        }
        Record::Officials(first) => {
            let names: Vec<&str> = first.list.officials.iter().map(|it| it.name.as_str()).collect();
            format!("first officials: {}", names.join(", "))
        }
        Record::Proposed(proposed) => {
            let (id, what, from) = (&proposed.id, what(&proposed.what), Instant(proposed.valid_from));
            format!("proposed {id}: {what} from {from}, to follow switch {}", proposed.basis.number)
        }
        Record::Approved(approved) => {
            let preview = approved.preview.as_deref().map_or_else(String::new, |it| format!(", saw preview {it}"));
            format!("approved {} by {}{preview}", approved.proposal, approved.official)
        }
        Record::Withdrawn(withdrawn) => {
            let by = withdrawn.official.as_deref().unwrap_or("an operator");
            format!("withdrawn {} by {by}: {}", withdrawn.proposal, withdrawn.reason)
        }
        Record::Held(held) => format!("held {}: {}", held.id, held.reason),
        Record::Limits(limits) => {
            format!("limits of publications of tiers: {} people an hour, {} %", limits.people, limits.percent)
        }
        Record::Closed(closed) => format!("closed {}: {}", closed.id, publications::what(closed)),
        Record::Counted(counted) => format!("counted {} in partition {}", counted.publication, counted.partition),
        other => other.kind().to_owned(),
    }
}

fn then_said(then: &Then) -> String {
    match then {
        Then::Scheduled(switch) => {
            let (number, at, replay) = (switch.number, when(switch), replay_of(switch));
            format!("switch {number}: {} {}, {at}   {replay}", switch.pack.id, switch.pack.version)
        }
        Then::Unscheduled { number, .. } => format!("switch {number} is taken out of the schedule"),
        Then::Voided { proposal, void } => format!("{proposal} NOT APPLIED: {void}"),
        Then::Officials { .. } => "the officials are others from here on".to_owned(),
        Then::HeldBack { publication, size } => {
            format!("publication {publication} is HELD: {}", publications::of_size(*size))
        }
        Then::Admitted { publication, size, signed } => {
            let by = if signed.is_empty() { "within the limits".to_owned() } else { signed.join(", ") };
            format!("publication {publication} takes effect ({by}): {}", publications::of_size(*size))
        }
        Then::Released { hold } => format!("hold {hold} is released"),
    }
}

/// The same for machines: an array.
pub(crate) fn log_json(seen: &Seen) -> Value {
    let event = |event: &Event| {
        let switch = |then: &Then| match then {
            Then::Scheduled(switch) => Some(switch_json(switch)),
            _ => None,
        };
        json!({
            "offset": event.offset,
            "at": Instant(event.at_ms).to_string(),
            "record": event.record,
            "applied": event.void.is_none(),
            "why": event.void.as_ref().map(ToString::to_string),
            "code": event.void.as_ref().map(crate::live::decisions::basis::Void::code),
            "then": event.then.iter().map(then_said).collect::<Vec<_>>(),
            "switch": event.then.iter().find_map(switch),
        })
    };
    Value::Array(seen.fold.basis().events().iter().map(event).collect())
}
