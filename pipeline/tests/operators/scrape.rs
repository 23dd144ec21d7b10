//! A scrape as series, and what an expression of Prometheus asks for.
//!
//! Owns a reader of selectors, not of the language: that is promtool's.

use std::collections::BTreeMap;

/// A series: its name, its labels, its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

impl Series {
    /// As promtool takes it, with the labels that a scraper adds.
    pub(crate) fn notation(&self) -> String {
        let mut labels = self.labels.clone();
        labels.insert("job".into(), "fuma".into());
        labels.insert("instance".into(), "fuma-0:9464".into());
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        format!("{}{{{}}}", self.name, labels.join(","))
    }
}

/// The series of a scrape.
pub(crate) fn series(scrape: &str) -> Vec<Series> {
    let lines = scrape.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let (head, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = head.split_once('{').unwrap_or((head, "}"));
            let labels = labels.trim_end_matches('}').split("\",").filter(|label| !label.is_empty()).map(|label| {
                let (name, value) = label.split_once("=\"").unwrap();
                (name.to_owned(), value.trim_end_matches('"').to_owned())
            });
            Series { name: name.to_owned(), labels: labels.collect(), value: value.parse().unwrap() }
        })
        .collect()
}

/// What is asked for of a label: name, how, value.
pub(crate) type Matcher = (String, String, String);

/// The selectors of an expression: names of metrics, each with what is asked of its labels.
pub(crate) fn selectors(expression: &str) -> Vec<(String, Vec<Matcher>)> {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || "_:".contains(letter);
    let mut selectors = Vec::new();
    let mut rest = expression;
    while let Some(at) = rest.find(is_word) {
        let end = rest[at..].find(|letter| !is_word(letter)).map_or(rest.len(), |length| at + length);
        let word = &rest[at..end];
        rest = &rest[end..];
        if !["fuma", "process_", "up"].iter().any(|start| word.starts_with(start))
            || word == "up" && !rest.starts_with('{')
        {
            continue;
        }
        let mut matchers = Vec::new();
        if let Some(inner) = rest.strip_prefix('{') {
            let close = inner.find('}').unwrap();
            for part in inner[..close].split("\",").filter(|part| !part.trim().is_empty()) {
                let at = part.find(['=', '!']).unwrap();
                let value = part.find('"').unwrap();
                matchers.push((
                    part[..at].trim().to_owned(),
                    part[at..value].to_owned(),
                    part[value + 1..].trim_end_matches('"').to_owned(),
                ));
            }
            rest = &inner[close + 1..];
        }
        selectors.push((word.to_owned(), matchers));
    }
    selectors
}

/// Whether a series is asked for; labels that a scraper adds are there always.
pub(crate) fn is_asked(series: &Series, (name, matchers): &(String, Vec<Matcher>)) -> bool {
    series.name == *name
        && matchers.iter().filter(|(label, ..)| !["job", "instance"].contains(&label.as_str())).all(
            |(label, how, value)| {
                let found = series.labels.get(label).map_or("", String::as_str);
                match how.as_str() {
                    "=" => found == value,
                    "!=" => found != value,
                    "=~" => value.split('|').any(|one| one == found),
                    _ => panic!("{how}"),
                }
            },
        )
}

#[test]
fn selectors_are_read() {
    let asked = selectors(
        "sum by (to) (rate(fuma_a_total{x!=\"y\",z=~\"p|q\"}[5m])) > 3 and fuma_b unless up{job=\"fuma\"} == 0",
    );
    let names: Vec<&str> = asked.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["fuma_a_total", "fuma_b", "up"]);
    assert_eq!(asked[0].1[1], ("z".into(), "=~".into(), "p|q".into()));
    let of = |text: &str| series(text).remove(0);
    assert!(is_asked(&of("fuma_a_total{x=\"n\",z=\"q\"} 3"), &asked[0]));
    assert!(!is_asked(&of("fuma_a_total{x=\"y\",z=\"q\"} 3"), &asked[0]));
}
