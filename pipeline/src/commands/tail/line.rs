//! A change as a line: for people, or as in changes.ndjson.
//!
//! Owns what is shown. A person is shown as the whole token, as other commands take it.

use std::io::Write as _;

use fuma_connectors::kafka::AnnouncedChange;
use fuma_schemas::Instant;
use serde_json::Value;

/// Appends the change as in a line of `changes.ndjson`: id and time, which are headers on Kafka, before the value.
pub(super) fn json(change: &AnnouncedChange, out: &mut Vec<u8>) {
    let text = |text: Option<&str>| Value::from(text).to_string();
    // Writing to a Vec cannot fail.
    match &change.value {
        Some(value) => {
            let (id, time) = (text(change.header("ce_id")), text(change.header("ce_time")));
            drop(write!(out, "{{\"id\":{id},\"time\":{time},"));
            out.extend_from_slice(value.trim_ascii().strip_prefix(b"{").unwrap_or(value));
            out.push(b'\n');
        }
        None => drop(writeln!(out, "{{\"person\":{},\"erased\":true}}", text(Some(&change.key)))),
    }
}

/// Appends the change for people: when, the token, from, to, the rules, how long after the record that caused it.
pub(super) fn readable(change: &AnnouncedChange, out: &mut Vec<u8>) {
    let value = change.value.as_deref().and_then(|value| serde_json::from_slice::<Value>(value).ok());
    let time = change.header("ce_time").and_then(Instant::parse).or(change.timestamp);
    let time = time.map(|time| time.to_string()).unwrap_or_default();
    let person = &change.key;
    let what = match (&change.value, &value) {
        (None, _) => "erased".to_owned(),
        (Some(_), None) => "not readable".to_owned(),
        (Some(_), Some(value)) => colours_and_rules(value),
    };
    let lag = lag_ms(change).map(|lag| format!("  {lag} ms")).unwrap_or_default();
    // Writing to a Vec cannot fail.
    drop(writeln!(out, "{time:29}  {person}  {what}{lag}"));
}

fn colours_and_rules(value: &Value) -> String {
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or("?");
    let list = |name: &str| value.get(name).and_then(Value::as_array).into_iter().flatten();
    let rules = list("reasons").filter_map(|reason| reason.get("rule").and_then(Value::as_str));
    let ended = list("ended").filter_map(Value::as_str).map(|rule| format!("-{rule}"));
    let rules: Vec<String> = rules.map(str::to_owned).chain(ended).collect();
    format!("{:>6} -> {:6}  {}", text("from"), text("to"), rules.join(" "))
}

/// From when the broker took the record behind the change until the change was written.
fn lag_ms(change: &AnnouncedChange) -> Option<i64> {
    let cause = Instant::parse(change.header("ce_causetime")?)?;
    Some((change.timestamp?.0 - cause.0).max(0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const VALUE: &str = r#"{"person":"9f9f","from":"green","to":"red","reasons":[{"rule":"ZJ-R4"}],"ended":["ZJ-Y1"]}"#;

    fn change(value: Option<&str>) -> AnnouncedChange {
        let headers = [
            ("ce_id", "9f9f-1"),
            ("ce_time", "2021-11-08T09:13:00+08:00"),
            ("ce_causetime", "2021-11-08T09:12:59.990+08:00"),
        ];
        AnnouncedChange {
            timestamp: Instant::parse("2021-11-08T09:13:00.002+08:00"),
            key: "9f".repeat(16),
            value: value.map(|value| value.as_bytes().to_vec()),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            ..AnnouncedChange::default()
        }
    }

    fn text(of: fn(&AnnouncedChange, &mut Vec<u8>), change: &AnnouncedChange) -> String {
        let mut out = Vec::new();
        of(change, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_for_people_has_the_whole_token_and_tells_the_lag() {
        let line = text(readable, &change(Some(VALUE)));
        assert_eq!(
            line,
            format!("2021-11-08T09:13:00+08:00      {}   green -> red     ZJ-R4 -ZJ-Y1  12 ms\n", "9f".repeat(16))
        );
        assert!(text(readable, &change(None)).contains("erased"));
    }

    #[test]
    fn json_is_a_line_of_changes() {
        let line = text(json, &change(Some(VALUE)));
        assert!(line.starts_with(r#"{"id":"9f9f-1","time":"2021-11-08T09:13:00+08:00","person":"9f9f","from""#));
        serde_json::from_str::<Value>(&line).unwrap();
        serde_json::from_str::<Value>(&text(json, &change(None))).unwrap();
    }
}
