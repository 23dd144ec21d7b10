//! A map to begin with, as text: what the headings and the first cells say.
//!
//! Owns the writing. What it does not know stands there as a comment; a date without a time is refused until a person
//! has said what it is. Must never write down a value of a column that may not be shown.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use fuma_schemas::registry::{ColumnType, kinds};
use fuma_schemas::vocabulary::{CertificateType, ClosedList};

use super::super::values::dates::Form;
use super::header::Place;
use super::may_be_shown;
use super::sample::Sampled;
use super::words::{ALIGHTING, BOARDING, COMMON, FEEDS, FeedWords, VALUES, Words, plain};

/// Forms of dates that are tried, those with a time first.
const FORMS: &[&str] = &[
    "yyyy-MM-dd HH:mm:ss",
    "yyyy-MM-dd HH:mm:ss.SSS",
    "yyyy-MM-dd HH:mm",
    "yyyy-M-d H:mm",
    "yyyy/M/d H:mm",
    "yyyy/M/d H:mm:ss",
    "yyyyMMddHHmmss",
    "yyyyMMdd",
    "yyyy年M月d日H时[m分]",
    "yyyy年M月d日",
    "yyyy-MM-dd",
    "yyyy/M/d",
    "yyyy-M-d",
];
/// More values than this are no closed list.
const VALUES_MAX: usize = 20;
/// Fields that are instants or dates, by the end of their names.
const DATED: &[&str] = &["_at", "_date"];
/// Fields of closed lists.
const LISTS: &[&str] = &[
    "cert_type",
    "method",
    "result",
    "tube",
    "classification",
    "degree",
    "stage",
    "basis",
    "outcome",
    "colour",
    "role",
    "approver",
];

/// A map, and which feed it is of.
pub fn guess(table: &Sampled, place: &Place) -> Option<String> {
    let names: Vec<String> = place.names.iter().map(|name| plain(name)).collect();
    let column = |words: &[&str]| names.iter().position(|name| words.contains(&name.as_str()));
    let found = |list: &[Words]| -> Vec<(&'static str, usize)> {
        list.iter().filter_map(|(field, words)| Some((*field, column(words)?))).collect()
    };
    let feed = FEEDS.iter().max_by_key(|feed| found(feed.words).len()).filter(|feed| found(feed.words).len() >= 2)?;
    let mut fields = found(feed.words);
    let is_of_phones = feed.kind == Some("stay") && fields.iter().any(|(field, _)| *field == "phone");
    fields.extend(found(COMMON).into_iter().filter(|(field, _)| !(is_of_phones && field.starts_with("cert_"))));
    let has_times = fields.iter().any(|(field, _)| matches!(*field, "boarded_at" | "alighted_at"));
    let date = fields.iter().find(|(field, _)| *field == "service_date").map(|(_, at)| *at);
    let journey = match (feed.kind, has_times, date, column(BOARDING), column(ALIGHTING)) {
        (Some("trip"), false, Some(date), Some(from), Some(to)) => Some((date, from, to)),
        _ => None,
    };
    fields.retain(|(field, _)| journey.is_none() || *field != "service_date");
    let mut text = head(table, place, feed, &fields);
    let writer = Writer { table, place, fields: &fields };
    writer.id(&mut text);
    for (field, at) in &fields {
        writer.field(&mut text, field, *at);
    }
    if let Some(columns) = journey {
        writer.journey(&mut text, columns);
    }
    Some(text)
}

fn head(table: &Sampled, place: &Place, feed: &FeedWords, fields: &[(&str, usize)]) -> String {
    let mut text = String::from("# A guess of `fuma import look`: read each line before you use it.\n");
    let _ = writeln!(text, "feed = \"{}\"\n# owner = \"...\"\nzone = \"+08:00\"\n\n[table]", feed.feed);
    match place.rows.as_slice() {
        [] if table.names.is_some() => {}
        [] => text.push_str("header = \"none\"\n"),
        [row] => {
            let _ = writeln!(text, "header = {row}");
        }
        rows => {
            let _ = writeln!(text, "header = {rows:?}");
        }
    }
    for (key, value) in [
        ("encoding", table.encoding.map(str::to_owned)),
        (
            "delimiter",
            table.delimiter.map(|byte| if byte == b'\t' { "tab".to_owned() } else { char::from(byte).to_string() }),
        ),
        ("sheet", table.sheet.clone().filter(|_| !table.other_sheets.is_empty())),
        ("entry", table.entry.clone()),
        ("comment", place.comment.map(str::to_owned)),
    ] {
        if let Some(value) = value {
            let _ = writeln!(text, "{key} = {}", quoted(&value));
        }
    }
    text.push_str("\n[constants]\n# known_at = \"...\"\n");
    let has = |name: &str| fields.iter().any(|(field, _)| *field == name);
    if let Some(kind) = feed.kind {
        let _ = writeln!(text, "kind = \"{kind}\"");
        text.push_str(match kind {
            "stay" => "source = \"telecom\" # or checkin, declared\n",
            _ => "mode = \"rail\" # or air, coach, ship\n",
        });
    }
    if feed.feed == "tests" && !has("method") {
        text.push_str("method = \"nat\" # or antigen, antibody\n");
    }
    if has("cert_number") && !has("cert_type") {
        text.push_str("cert_type = \"10\" # resident IDs; 20 are passports\n");
    }
    text
}

struct Writer<'g> {
    table: &'g Sampled,
    place: &'g Place,
    fields: &'g [(&'static str, usize)],
}

impl Writer<'_> {
    /// A column by its name, or by its number where the name is none or not the only one.
    fn column(&self, at: usize) -> String {
        let name = self.place.names.get(at).map(String::as_str).unwrap_or_default();
        let is_only = self.place.names.iter().filter(|other| *other == name).count() == 1;
        if name.is_empty() || !is_only { (at + 1).to_string() } else { quoted(name) }
    }

    /// The cells of a column that hold something.
    fn cells(&self, at: usize) -> Vec<&str> {
        let first = self.place.first_row.unwrap_or(u64::MAX);
        let rows = self.table.rows.iter().filter(|(number, _)| *number >= first);
        rows.filter_map(|(_, cells)| cells.get(at)).map(String::as_str).filter(|cell| !cell.is_empty()).collect()
    }

    fn id(&self, text: &mut String) {
        if self.fields.iter().any(|(field, _)| *field == "id") {
            return;
        }
        let wanted =
            ["phone", "cert_number", "number", "service_date", "document", "region", "arrived_at", "sampled_at"];
        let parts: Vec<String> = wanted
            .iter()
            .filter(|wanted| self.fields.iter().any(|(field, _)| field == *wanted))
            .map(|part| format!("\"{part}\""))
            .collect();
        let _ = writeln!(text, "\n[fields.id]\nmade_of = [{}] # what makes a row another fact", parts.join(", "));
    }

    /// A manifest of stations without times: the timetable has them.
    fn journey(&self, text: &mut String, (date, from, to): (usize, usize, usize)) {
        let (formats, _) = self.formats(date);
        let (date, from, to) = (self.column(date), self.column(from), self.column(to));
        let _ = writeln!(
            text,
            "\n[timetable]\n# file = \"...\" # of `fuma import timetable`, or --timetable\nfrom = {from}\nto = {to}\n\
             date = {date}\nformats = {formats}"
        );
    }

    fn field(&self, text: &mut String, field: &str, at: usize) {
        let _ = writeln!(text, "\n[fields.{field}]");
        if DATED.iter().any(|end| field.ends_with(end)) {
            return self.date(text, field, at);
        }
        let _ = writeln!(text, "column = {}", self.column(at));
        match field {
            "region" | "issuer_region" => {
                let is_code = self.cells(at).iter().all(|cell| cell.bytes().all(|byte| byte.is_ascii_digit()));
                text.push_str(if is_code { "region = \"code\"\n" } else { "region = \"name\" # with --codes FILE\n" });
                let province = self.place.names.iter().position(|name| name.contains("省份"));
                if let Some(province) = province.filter(|_| !is_code) {
                    let _ = writeln!(text, "province = {}", self.column(province));
                }
            }
            "carriage" => text.push_str("half_width = true\nstrip = [\"车厢\", \"车\", \"号\"]\npad = 2\n"),
            "seat" => text.push_str("upper = true\nstrip = [\"号\"]\nempty = [\"无座\"]\n"),
            "index_case" | "index_contact" => text.push_str("prefix = \"{owner}/\"\n"),
            field if LISTS.contains(&field) => self.values(text, field, at),
            _ => {}
        }
    }

    fn date(&self, text: &mut String, field: &str, at: usize) {
        let cells = self.cells(at);
        let is_time =
            |cell: &&str| cell.ends_with(" minutes") || matches!(cell.split_once(':'), Some((h, _)) if h.len() <= 2);
        let date = self.fields.iter().find(|(field, _)| *field == "service_date");
        let at_date = match date {
            Some((_, date)) if !cells.is_empty() && cells.iter().all(is_time) && *date != at => Some(*date),
            _ => None,
        };
        let (formats, is_bare) = self.formats(at_date.unwrap_or(at));
        match at_date {
            Some(date) => {
                let is_cell = self.table.date_columns.get(at).copied().unwrap_or(false);
                let times = if is_cell { "cell" } else { "H:mm" };
                let (date, time) = (self.column(date), self.column(at));
                let _ = writeln!(text, "date = {date}\ntime = {time}\nformats = {formats}\ntimes = [\"{times}\"]");
            }
            None => {
                let _ = writeln!(text, "column = {}\nformats = {formats}", self.column(at));
                if is_bare && !field.ends_with("_date") {
                    text.push_str(
                        "day = \"refuse\" # a date without a time: \"start\" of the day, its \"end\", or refused\n",
                    );
                }
            }
        }
    }

    /// The forms that cells of a column have, and whether a date alone is among them.
    fn formats(&self, at: usize) -> (String, bool) {
        let cells = self.cells(at);
        let is_cell = self.table.date_columns.get(at).copied().unwrap_or(false);
        let forms = FORMS.iter().filter_map(|text| Some((*text, Form::parse(text).ok()?)));
        let fitting: Vec<(&str, Form)> =
            forms.filter(|(_, form)| !is_cell && cells.iter().any(|cell| form.read(cell).is_some())).collect();
        let mut names: Vec<String> = fitting.iter().map(|(text, _)| quoted(text)).collect();
        if is_cell {
            names.push("\"cell\"".to_owned());
        }
        if names.is_empty() {
            names.push("\"yyyy-MM-dd HH:mm:ss\"".to_owned());
        }
        (format!("[{}]", names.join(", ")), is_cell || fitting.iter().any(|(_, form)| form.allows_date_alone()))
    }

    fn values(&self, text: &mut String, field: &str, at: usize) {
        let cells = self.cells(at);
        let heading = self.place.names.get(at).map(String::as_str).unwrap_or_default();
        let different: BTreeSet<&str> = cells.iter().copied().collect();
        let may_be_written = may_be_shown(heading, &cells) && different.len() <= VALUES_MAX;
        let _ = writeln!(text, "\n[fields.{field}.values]");
        for value in different.iter().filter(|_| may_be_written) {
            match VALUES.iter().find(|(word, meaning)| word == value && is_in_list(field, meaning)) {
                Some((word, meaning)) => {
                    let _ = writeln!(text, "{} = \"{meaning}\"", quoted(word));
                }
                None => {
                    let _ = writeln!(text, "# {} = \"...\"", quoted(value));
                }
            }
        }
    }
}

/// Whether a word is in the closed list of a field.
fn is_in_list(field: &str, meaning: &str) -> bool {
    if field == "cert_type" {
        return CertificateType::NAMES.contains(&meaning);
    }
    let columns = kinds().flat_map(|kind| kind.columns().iter());
    columns.filter(|column| column.name == field).any(|column| match column.column_type {
        ColumnType::Code(names) => names.contains(&meaning),
        _ => false,
    })
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
