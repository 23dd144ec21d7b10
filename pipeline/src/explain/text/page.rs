//! The lines of an account: headings, reasons, evidence.
//!
//! Owns the layout.

use super::super::account::ReasonLine;
use super::super::derived::Derivation;
use super::super::evidence::{EvidenceLine, TierLine};
use super::super::uncounted::Uncounted;
use super::super::words::{Language, columns, length, minutes};
use super::{derived, grounds};
use crate::assess::timeline::Interval;
use crate::policy::{Pack, Rule};

/// A page being written.
pub(super) struct Page<'a> {
    pub(super) pack: &'a Pack,
    pub(super) language: Language,
    text: String,
}

impl<'a> Page<'a> {
    pub(super) fn new(pack: &'a Pack, language: Language) -> Page<'a> {
        Page { pack, language, text: String::new() }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    fn line(&mut self, indent: usize, text: &str) {
        self.text.push_str(&" ".repeat(indent));
        self.text.push_str(text);
        self.text.push('\n');
    }

    pub(super) fn heading(&mut self, chinese: &str, english: &str) {
        self.text.push('\n');
        self.line(0, self.language.of(chinese, english));
    }

    /// A label and a value, the values one below the other.
    pub(super) fn entry(&mut self, chinese: &str, english: &str, value: &str) {
        self.labelled(0, chinese, english, value);
    }

    fn labelled(&mut self, indent: usize, chinese: &str, english: &str, value: &str) {
        let label = self.language.of(chinese, english);
        self.line(indent, &format!("{label}{}{value}", " ".repeat(10_usize.saturating_sub(columns(label)))));
    }

    pub(super) fn rule(&self, rule: u16) -> Option<&'a Rule> {
        self.pack.rules.get(usize::from(rule))
    }

    pub(super) fn rule_id(&self, rule: u16) -> &'a str {
        self.rule(rule).map_or("?", |rule| &rule.head.id)
    }

    /// "2021-11-03 10:00 -> open".
    fn span(&self, interval: &Interval) -> String {
        let until = interval.until.map_or_else(|| self.language.of("未止", "open").to_string(), minutes);
        format!("{} -> {until}", minutes(interval.since))
    }

    pub(super) fn reason(&mut self, reason: &ReasonLine<'_>) {
        let (language, interval) = (self.language, &reason.interval);
        let Some(rule) = self.rule(interval.rule) else { return };
        let (id, colour) = (&rule.head.id, language.colour(rule.head.colour));
        self.line(0, &format!("* {colour}  {id}  {}  [{}]", language.text(&rule.title), rule.head.clause));
        let mut when = self.span(interval);
        if let Some(due) = interval.due {
            when.push_str(&format!("{}{}", language.of("，应解除 ", ", due "), minutes(due)));
        }
        if let Some(over_ms) = reason.overdue_ms {
            let over = length(language, over_ms);
            when.push_str(&format!("{}{over}", language.of("，逾期 ", ", OVERDUE by ")));
        }
        self.labelled(2, "时段", "when", &when);
        self.labelled(2, "何时终止", "ends by", language.text(&rule.ends));
        for cause in &reason.causes {
            self.evidence("依据", "because", cause);
        }
        for (line, instead) in &reason.shaped_by {
            self.evidence("另据", "also", line);
            let instead = self.instead(instead);
            self.labelled(12, "若无", "without", &instead);
        }
    }

    fn instead(&self, intervals: &[Interval]) -> String {
        if intervals.is_empty() {
            return self.language.of("此理由不成立", "there would be no such reason").to_string();
        }
        let one = |interval: &Interval| {
            let due = interval.due.map(|due| format!("{}{}", self.language.of("，应解除 ", ", due "), minutes(due)));
            format!("{}{}", self.span(interval), due.unwrap_or_default())
        };
        intervals.iter().map(one).collect::<Vec<_>>().join("; ")
    }

    /// A fact: its name and record, what it says, and for a stay the tiers that it meets.
    fn evidence(&mut self, chinese: &str, english: &str, line: &EvidenceLine<'_>) {
        let head = self.head(line);
        self.labelled(2, chinese, english, &head);
        self.contents(12, line);
        for tier in &line.tiers {
            let tier = self.tier(tier);
            self.line(12, &tier);
        }
    }

    fn contents(&mut self, indent: usize, line: &EvidenceLine<'_>) {
        if !line.fact.retracted {
            let contents = self.language.contents(line);
            // The name of the feed says the kind already, but for travel, and but for those who read Chinese.
            let kind = line.fact.kind;
            let kind = match self.language {
                Language::English if kind.name() == kind.feed().name() => String::new(),
                Language::English => format!("{}: ", kind.name()),
                Language::Chinese => format!("{}：", self.language.kind(kind)),
            };
            self.line(indent, &format!("{kind}{contents}"));
            if let Some(Derivation::Aboard(aboard)) = &line.derived {
                let (conveyance, seats) = derived::aboard(self.language, aboard);
                self.line(indent, &conveyance);
                self.line(indent, &seats);
            }
        }
    }

    /// The name, the revision, and when it became known.
    fn head(&self, line: &EvidenceLine<'_>) -> String {
        let (language, fact) = (self.language, &line.fact);
        if let Some(derivation) = &line.derived {
            return derived::head(language, derivation, fact.first_known_at);
        }
        let name =
            line.name.map_or_else(|| language.of("（名称未知）", "(name unknown)").to_string(), |n| n.to_string());
        let mut head = format!(
            "{name}{}{}{}{}",
            language.of("，第 ", ", revision "),
            fact.revision,
            language.of(" 版，获知 ", ", known "),
            minutes(fact.known_at)
        );
        if fact.first_known_at != fact.known_at {
            head.push_str(language.of("，首次获知 ", ", first known "));
            head.push_str(&minutes(fact.first_known_at));
        }
        head
    }

    /// "tier high (within) 2021-11-01 00:00 -> open, regions src/r1".
    pub(super) fn tier(&self, line: &TierLine<'_>) -> String {
        let (language, tier) = (self.language, &line.tier);
        let until = tier.until.map_or_else(|| language.of("未解除", "open").to_string(), minutes);
        let names: String = line.names.iter().map(|name| format!(", {name}")).collect();
        let (level, matched) = (language.word(tier.tier), language.word(tier.matched));
        let since = minutes(tier.since);
        format!("{} {level} ({matched}) {since} -> {until}{names}", language.of("风险等级", "tier"))
    }

    pub(super) fn prevented(&mut self, line: &EvidenceLine<'_>, intervals: &[Interval]) {
        let head = self.head(line);
        self.line(0, &format!("* {head}"));
        self.contents(2, line);
        for interval in intervals {
            let Some(rule) = self.rule(interval.rule) else { continue };
            let (id, title) = (&rule.head.id, self.language.text(&rule.title));
            let without = format!("{id} {title} {}", self.span(interval));
            self.labelled(2, "若无", "without", &without);
        }
    }

    /// What does not count. Records of one feed with the same reasons are one entry.
    pub(super) fn all_uncounted(&mut self, all: &[Uncounted<'_>]) {
        type Why = Vec<(usize, String)>;
        let mut groups: Vec<(Why, Vec<&Uncounted<'_>>)> = Vec::new();
        for one in all {
            let why = self.why(one);
            let feed = |one: &Uncounted<'_>| one.name.map(|name| name.feed);
            match groups
                .iter_mut()
                .find(|(other, alike)| *other == why && alike.first().map(|f| feed(f)) == Some(feed(one)))
            {
                Some((_, alike)) => alike.push(one),
                None => groups.push((why, vec![one])),
            }
        }
        for (why, alike) in groups {
            match alike.as_slice() {
                [one] => self.uncounted(one),
                several => self.uncounted_alike(several),
            }
            for (place, (indent, text)) in why.iter().enumerate() {
                match place {
                    0 => self.labelled(2, "原因", "why", text),
                    _ => self.line(12 + 2 * indent, text),
                }
            }
        }
    }

    /// The lines that say why, each with its depth.
    pub(super) fn why(&self, one: &Uncounted<'_>) -> Vec<(usize, String)> {
        one.why.iter().flat_map(|why| grounds::lines(self, why)).collect()
    }

    fn uncounted(&mut self, one: &Uncounted<'_>) {
        match &one.evidence {
            Some(line) => {
                let head = self.head(line);
                self.line(0, &format!("- {head}"));
                self.contents(2, line);
            }
            None => {
                let head = self.head_of_record(one);
                self.line(0, &format!("- {head}"));
            }
        }
    }

    /// Several records with the same reasons: a line each, the newest first.
    fn uncounted_alike(&mut self, alike: &[&Uncounted<'_>]) {
        let language = self.language;
        let feed = alike.first().and_then(|one| one.name).map_or("", |name| name.feed.name());
        let count = alike.len();
        self.line(
            0,
            &match language {
                Language::Chinese => format!("- {feed} 共 {count} 条记录，由新到旧："),
                Language::English => format!("- {count} records of {feed}, the newest first:"),
            },
        );
        for one in alike {
            let contents = one.evidence.as_ref().filter(|line| !line.fact.retracted);
            let contents = contents.map(|line| format!("{}{}", language.of("：", ": "), language.contents(line)));
            let head = self.head_of_record(one);
            self.line(4, &format!("{head}{}", contents.unwrap_or_default()));
        }
    }

    /// The name of a record, its revision, and when it became known.
    fn head_of_record(&self, one: &Uncounted<'_>) -> String {
        let language = self.language;
        let name = one.name.map_or_else(String::new, |name| name.to_string());
        let (of, at) = (language.of("，第 ", ", revision "), language.of(" 版，获知 ", ", known "));
        format!("{name}{of}{}{at}{}", one.version.revision, minutes(one.version.known_at))
    }
}
