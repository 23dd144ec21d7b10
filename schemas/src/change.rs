//! The code change: what issuers are told (docs/feeds.md section 4).
//!
//! Owns its fields and their JSON. Never holds evidence, another person, a place or an identity.

use std::ops::Range;
use std::sync::Arc;

use crate::{Colour, Instant, Person};

/// What a change says of the rule behind a reason.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuleHead {
    /// The id of the rule, "ZJ-R4".
    pub id: String,
    /// The colour that the rule gives.
    pub colour: Colour,
    /// The pack's document, a blank and the clause.
    pub clause: String,
}

/// One active reason of a change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reason {
    /// The rule that gives it.
    pub rule: Arc<RuleHead>,
    /// From when it holds.
    pub since: Instant,
    /// Until when it holds; none while open.
    pub until: Option<Instant>,
    /// When it ought to have been released; none where the rule has no such instant.
    pub due: Option<Instant>,
}

/// The difference between the state last announced and the state that holds at `decided_at`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CodeChange {
    /// Whose code it is.
    pub person: Person,
    /// The colour last announced.
    pub from: Colour,
    /// The colour that holds.
    pub to: Colour,
    /// Since when, as known now, this state has held.
    pub effective_at: Instant,
    /// Since when, as known now, this colour has held.
    pub colour_since: Instant,
    /// The clock at which the person was judged.
    pub decided_at: Instant,
    /// The reasons active at `decided_at`: most severe first, then by rule id.
    pub reasons: Vec<Reason>,
    /// The rules of which a reason ended at `effective_at`, sorted by id.
    pub ended: Vec<Arc<RuleHead>>,
    /// The start of the next stretch of another colour.
    pub next_change_at: Option<Instant>,
    /// The pack.
    pub policy: Arc<str>,
    /// The pack's version.
    pub policy_version: Arc<str>,
}

impl CodeChange {
    /// The id: person and decision instant, so a repeat is recognised.
    pub fn id(&self) -> String {
        format!("{}-{}", self.person, self.decided_at.0)
    }

    /// The CloudEvents type.
    pub fn event_type(&self) -> &'static str {
        if self.from == self.to { "fuma.reasons-changed.v1" } else { "fuma.colour-changed.v1" }
    }

    /// Appends the change as one line of `changes.ndjson`, without the line end.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"id\":\"");
        self.person.write_to(out);
        out.push(b'-');
        out.extend_from_slice(self.decided_at.0.to_string().as_bytes());
        out.extend_from_slice(b"\",\"time\":");
        let time = write_once(out, self.decided_at);
        out.push(b',');
        self.write_fields(out, Some(time));
        out.push(b'}');
    }

    /// Appends the change as the value of a Kafka record, where id and time travel in the headers.
    pub fn write_value(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        self.write_fields(out, None);
        out.push(b'}');
    }

    /// `decided_at` is where it is written already.
    fn write_fields(&self, out: &mut Vec<u8>, decided_at: Option<Range<usize>>) {
        out.extend_from_slice(b"\"person\":\"");
        self.person.write_to(out);
        out.extend_from_slice(b"\",\"from\":\"");
        out.extend_from_slice(self.from.name().as_bytes());
        out.extend_from_slice(b"\",\"to\":\"");
        out.extend_from_slice(self.to.name().as_bytes());
        out.extend_from_slice(b"\",\"effective_at\":");
        let effective_at = write_once(out, self.effective_at);
        out.extend_from_slice(b",\"colour_since\":");
        match self.colour_since == self.effective_at {
            true => out.extend_from_within(effective_at),
            false => write_instant(out, Some(self.colour_since)),
        }
        out.extend_from_slice(b",\"decided_at\":");
        match decided_at {
            Some(written) => out.extend_from_within(written),
            None => write_instant(out, Some(self.decided_at)),
        }
        out.extend_from_slice(b",\"reasons\":[");
        for (at, reason) in self.reasons.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            reason.write_json(out);
        }
        out.extend_from_slice(b"],\"ended\":[");
        for (at, rule) in self.ended.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            write_text(out, &rule.id);
        }
        out.extend_from_slice(b"],\"next_change_at\":");
        write_instant(out, self.next_change_at);
        out.extend_from_slice(b",\"policy\":");
        write_text(out, &self.policy);
        out.extend_from_slice(b",\"policy_version\":");
        write_text(out, &self.policy_version);
    }
}

impl Reason {
    fn write_json(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"rule\":");
        write_text(out, &self.rule.id);
        out.extend_from_slice(b",\"colour\":\"");
        out.extend_from_slice(self.rule.colour.name().as_bytes());
        out.extend_from_slice(b"\",\"clause\":");
        write_text(out, &self.rule.clause);
        out.extend_from_slice(b",\"since\":");
        write_instant(out, Some(self.since));
        out.extend_from_slice(b",\"until\":");
        write_instant(out, self.until);
        out.extend_from_slice(b",\"due\":");
        write_instant(out, self.due);
        out.push(b'}');
    }
}

/// Writes an instant, and says where: the same one is copied from there.
fn write_once(out: &mut Vec<u8>, instant: Instant) -> Range<usize> {
    let start = out.len();
    write_instant(out, Some(instant));
    start..out.len()
}

fn write_instant(out: &mut Vec<u8>, instant: Option<Instant>) {
    match instant {
        None => out.extend_from_slice(b"null"),
        Some(instant) => {
            out.push(b'"');
            instant.write_to(out);
            out.push(b'"');
        }
    }
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    // Writing a str to a Vec cannot fail: neither the serializer nor the writer has an error to give.
    let written = serde_json::to_writer(&mut *out, text);
    debug_assert!(written.is_ok());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_contract() {
        let instant = |text| Instant::parse(text).unwrap_or_default();
        let rule = Arc::new(RuleHead {
            id: "CQ-R3".into(),
            colour: Colour::Red,
            clause: "渝肺炎组办发〔2021〕24号 第十一条".into(),
        });
        let change = CodeChange {
            person: Person([0x9f; 16]),
            from: Colour::Green,
            to: Colour::Red,
            effective_at: instant("2021-11-08T09:12:00+08:00"),
            colour_since: instant("2021-11-08T09:12:00+08:00"),
            decided_at: instant("2021-11-08T09:13:00+08:00"),
            reasons: vec![Reason {
                rule,
                since: instant("2021-11-08T09:12:00+08:00"),
                until: None,
                due: Some(instant("2021-11-20T00:00:00+08:00")),
            }],
            ended: vec![],
            next_change_at: None,
            policy: "chongqing-2021-24".into(),
            policy_version: "1.0.0".into(),
        };
        let mut line = Vec::new();
        change.write_json(&mut line);
        let expected = concat!(
            r#"{"id":"9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f-1636333980000","time":"2021-11-08T09:13:00+08:00","#,
            r#""person":"9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f","from":"green","to":"red","effective_at":"2021-11-08T09:12:00+08:00","#,
            r#""colour_since":"2021-11-08T09:12:00+08:00","decided_at":"2021-11-08T09:13:00+08:00","#,
            r#""reasons":[{"rule":"CQ-R3","colour":"red","clause":"渝肺炎组办发〔2021〕24号 第十一条","since":"2021-11-08T09:12:00+08:00","#,
            r#""until":null,"due":"2021-11-20T00:00:00+08:00"}],"ended":[],"next_change_at":null,"#,
            r#""policy":"chongqing-2021-24","policy_version":"1.0.0"}"#,
        );
        assert_eq!(String::from_utf8_lossy(&line), expected);
        assert_eq!(change.event_type(), "fuma.colour-changed.v1");
    }
}
