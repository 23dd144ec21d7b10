//! What two packs say in their files: parameters, texts and SQL that differ.
//!
//! Owns the list. What a difference does to people is for small worlds to show.

use std::collections::{BTreeMap, BTreeSet};

use crate::policy::files::TRACING;
use crate::policy::manifest::{Parameter, Text};
use crate::policy::{Pack, Rule};

/// A thing by its name, in the old pack and in the new one; none where a pack does not have it.
pub type Pair = (String, Option<String>, Option<String>);

/// What differs in the files of two packs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Texts {
    /// Numbers and texts that rules use.
    pub parameters: Vec<Pair>,
    /// What officials read: titles, clauses, what ends a reason.
    pub texts: Vec<Pair>,
    /// The SELECTs of rules, views and tracing, and the rows of tables.
    pub sql: Vec<Pair>,
    /// Whether they trace differently: in their queries, or in a number that these read. Small worlds have no
    /// conveyances, so no verdict says what that does.
    pub tracing: bool,
}

impl Texts {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.parameters.is_empty() && self.texts.is_empty() && self.sql.is_empty()
    }
}

/// What differs in the files of two packs.
pub fn texts(old: &Pack, new: &Pack) -> Texts {
    let (parameters, sql) = (different(parameters(old), parameters(new)), different(sql(old), sql(new)));
    let is_read = |name: &str| [old, new].into_iter().any(|pack| tracing(pack).any(|(_, sql)| names(sql, name)));
    let tracing =
        sql.iter().any(|(name, ..)| name.starts_with("tracing/")) || parameters.iter().any(|(name, ..)| is_read(name));
    Texts { parameters, texts: different(words(old), words(new)), sql, tracing }
}

/// The queries of a pack that traces, by path.
fn tracing(pack: &Pack) -> impl Iterator<Item = (String, &str)> {
    let queries = pack.tracing.iter().flat_map(|tracing| TRACING.iter().zip(&tracing.sql));
    queries.map(|(name, sql)| (format!("tracing/{name}"), sql.trim()))
}

/// Whether a query names a parameter.
fn names(sql: &str, parameter: &str) -> bool {
    let mut words = sql.split('$').skip(1);
    words.any(|rest| rest.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')).next() == Some(parameter))
}

type Named = BTreeMap<String, String>;

fn different(old: Named, new: Named) -> Vec<Pair> {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let pairs = names.into_iter().map(|name| (name.clone(), old.get(name).cloned(), new.get(name).cloned()));
    pairs.filter(|(_, one, other)| one != other).collect()
}

fn parameters(pack: &Pack) -> Named {
    let value = |value: &Parameter| match value {
        Parameter::Integer(number) => number.to_string(),
        Parameter::Text(text) => format!("\"{text}\""),
    };
    pack.manifest.parameters.iter().map(|(name, one)| (name.clone(), value(one))).collect()
}

fn both(text: &Text) -> String {
    format!("{} / {}", text.zh, text.en)
}

fn words(pack: &Pack) -> Named {
    let manifest = &pack.manifest;
    let mut words = Named::from([
        ("policy.toml title".to_owned(), both(&manifest.title)),
        ("policy.toml authority".to_owned(), both(&manifest.authority)),
        ("policy.toml document".to_owned(), manifest.document.clone()),
        ("policy.toml valid_from".to_owned(), manifest.valid_from.to_string()),
        ("policy.toml province".to_owned(), manifest.province.clone()),
    ]);
    let of_rule = |rule: &Rule| {
        let id = &rule.head.id;
        [
            (format!("{id} colour"), rule.head.colour.to_string()),
            (format!("{id} clause"), rule.clause.clone()),
            (format!("{id} title"), both(&rule.title)),
            (format!("{id} ends"), both(&rule.ends)),
        ]
    };
    words.extend(pack.rules.iter().flat_map(of_rule));
    words.extend(
        manifest
            .retention_days
            .iter()
            .map(|(kind, days)| (format!("retention_days {}", kind.name()), days.to_string())),
    );
    words
}

fn sql(pack: &Pack) -> Named {
    let rules = pack.rules.iter().map(|rule| (format!("rules/{}.sql", rule.head.id), rule.sql.trim().to_owned()));
    let views = pack.views.iter().map(|view| (format!("views/{}.sql", view.name), view.sql.trim().to_owned()));
    let tables = pack.tables.iter().map(|table| {
        let rows = std::iter::once(&table.headings).chain(&table.cells).map(|row| row.join(","));
        (format!("tables/{}.csv", table.name), rows.collect::<Vec<_>>().join("\n"))
    });
    let tracing = tracing(pack).map(|(path, sql)| (path, sql.to_owned()));
    rules.chain(views).chain(tables).chain(tracing).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::policy::PackSource;
    use crate::policy::pack::load;

    #[test]
    fn what_packs_trace_by_is_compared_too() {
        let source = PackSource::built_in("zhejiang-2022").unwrap();
        let pack = load(&source).unwrap();
        assert_eq!(texts(&pack, &pack), Texts::default());
        let changed = |file: &str, from: &str, to: &str| {
            let mut other = source.clone();
            let text = other.files.get_mut(file).unwrap();
            assert!(text.contains(from), "{file} has {from}");
            *text = text.replace(from, to);
            texts(&pack, &load(&other).unwrap())
        };
        let found =
            changed("tracing/aboard.sql", "WHEN a.mode = 'coach' THEN 'close'", "WHEN a.mode = 'coach' THEN 'general'");
        assert!(found.tracing && found.parameters.is_empty());
        assert_eq!(found.sql.iter().map(|(name, ..)| name.as_str()).collect::<Vec<_>>(), ["tracing/aboard.sql"]);
        // A number that only tracing reads, and one that it does not read.
        let found = changed("policy.toml", "infectious_days = 21", "infectious_days = 10");
        assert!(found.tracing && found.sql.is_empty());
        assert!(!changed("policy.toml", "history_days = 14", "history_days = 10").tracing);
    }
}
