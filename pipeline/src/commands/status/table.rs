//! The answer for people: what it is of, the processes, and a line a partition.
//!
//! Owns the columns.

use std::fmt::Write as _;

use crate::live::partitions::TRACE;
use crate::live::status::answer::{Answer, Partition, Process};
use crate::live::status::entry::PolicyName;
use crate::live::status::publications::WaitingTiers;
use crate::live::status::switches::{Coming, Progress, UnderWay};

/// The text.
pub(super) fn text(answer: &Answer) -> String {
    let mut out = String::new();
    let policy = answer.policy.as_ref().map_or_else(
        || "none in force yet".to_owned(),
        |policy| format!("{} {} ({})", policy.id, policy.version, policy.digest),
    );
    let installation = answer.installation.as_ref().and_then(|record| record.get("id")).and_then(|id| id.as_str());
    line(&mut out, format_args!("installation  {}", installation.unwrap_or("not recorded")));
    line(&mut out, format_args!("policy        {policy}"));
    switches(&mut out, answer);
    for waiting in &answer.publications {
        let WaitingTiers { id, owner, rows, state, changes, green, counted, partitions } = waiting;
        let word = if *state == "held" { "HELD TIERS" } else { "tiers wait" };
        line(
            &mut out,
            format_args!(
                "{word}    {id} of {owner}, {rows} rows: changes {changes} people, {green} to green; {counted} of \
                 {partitions} partitions have counted"
            ),
        );
    }
    for hold in &answer.holds {
        line(&mut out, format_args!("HELD          {} since {}: {}", hold.id, hold.since, hold.reason));
    }
    if let Some(withheld) = &answer.withheld {
        for text in withheld.lines() {
            line(&mut out, format_args!("              {text}"));
        }
    }
    processes(&mut out, &answer.processes);
    let count = |state: &str| answer.partitions.iter().filter(|partition| partition.state == state).count();
    let states = ["owned", "restoring", "parked", "unowned"].map(|state| (state, count(state)));
    let states: Vec<String> =
        states.iter().filter(|(_, count)| *count > 0).map(|(state, count)| format!("{count} {state}")).collect();
    line(&mut out, format_args!("partitions    {}: {}\n", answer.partitions.len(), states.join(", ")));
    let rows: Vec<[String; 7]> = answer.partitions.iter().map(row).collect();
    let head = ["PARTITION", "STATE", "COMMITTED", "END", "LAG", "WAITS", "OWNER"].map(str::to_owned);
    let widths: [usize; 7] = std::array::from_fn(|column| {
        let cells = std::iter::once(&head).chain(&rows).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    });
    for row in std::iter::once(&head).chain(&rows) {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .enumerate()
            .map(|(column, (cell, width))| match column {
                0 | 2..=5 => format!("{cell:>width$}"),
                _ => format!("{cell:<width$}"),
            })
            .collect();
        line(&mut out, format_args!("{}", cells.join("  ").trim_end()));
    }
    for parked in &answer.parked {
        let next = parked
            .next_try
            .as_ref()
            .map_or_else(|| "waits for somebody".to_owned(), |next| format!("tried again at {next}"));
        let (reason, since) = (&parked.reason, &parked.since);
        let what = match parked.stage {
            TRACE => "the link log (trace)".to_owned(),
            _ => format!("partition {}", parked.partition),
        };
        line(&mut out, format_args!("\n{what} is parked since {since}: {reason}; {next}"));
    }
    out
}

/// The switch under way, and what is to come.
fn switches(out: &mut String, answer: &Answer) {
    if let Some(UnderWay { number, policy: PolicyName { id, version, digest }, at, partitions }) = &answer.switch {
        let done = partitions.iter().filter(|progress| progress.state == "done").count();
        let all = partitions.len();
        line(
            out,
            format_args!("switch        {number} to {id} {version} ({digest}) since {at}: {done} of {all} are done"),
        );
        for Progress { partition, state, percent } in partitions.iter().filter(|progress| progress.state != "done") {
            line(out, format_args!("              partition {partition}: {state}, {percent} %"));
        }
    }
    for coming in &answer.coming {
        let Coming { id, policy, at, authors_missing, approvers_missing, .. } = coming;
        let at = if coming.at_once { "at once" } else { at.as_str() };
        let policy = format!("{} {} ({})", policy.id, policy.version, policy.digest);
        match coming.number {
            Some(number) => {
                let may = if coming.settled { "nothing changes it any more" } else { "it may still be withdrawn" };
                line(out, format_args!("next switch   {number} to {policy} at {at}: {may}"));
            }
            None => line(
                out,
                format_args!(
                    "waits         {id}: {policy} at {at}: {authors_missing} author(s), {approvers_missing} approver(s)\
                     \x20missing"
                ),
            ),
        }
    }
}

fn processes(out: &mut String, processes: &[Process]) {
    if processes.is_empty() {
        line(out, format_args!("processes     none was heard of"));
    }
    for (place, process) in processes.iter().enumerate() {
        let title = if place == 0 { "processes" } else { "" };
        let heard = if process.stale { "silent for" } else { "heard of" };
        let ago = if process.stale { "" } else { " ago" };
        let http = process.http.as_deref().unwrap_or("no HTTP");
        line(
            out,
            format_args!(
                "{title:<14}{}  {http}  {}  {}  {heard} {}{ago}",
                process.process,
                process.version,
                process.roles.join(","),
                duration(process.heard_seconds as f64)
            ),
        );
    }
}

fn row(partition: &Partition) -> [String; 7] {
    let number = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    [
        partition.partition.to_string(),
        partition.state.to_owned(),
        number(partition.committed),
        number(partition.end),
        number(partition.lag_records),
        partition.lag_seconds.map_or_else(|| "-".to_owned(), duration),
        partition.owner.clone().unwrap_or_else(|| "-".to_owned()),
    ]
}

/// Seconds for people.
fn duration(seconds: f64) -> String {
    match seconds {
        _ if seconds < 120.0 => format!("{seconds:.0} s"),
        _ if seconds < 7200.0 => format!("{:.0} min", seconds / 60.0),
        _ if seconds < 172_800.0 => format!("{:.0} h", seconds / 3600.0),
        _ => format!("{:.0} days", seconds / 86_400.0),
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    let written = out.write_fmt(text).and_then(|()| out.write_char('\n'));
    debug_assert!(written.is_ok(), "writing to a String cannot fail");
}
