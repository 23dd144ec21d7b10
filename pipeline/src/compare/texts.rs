//! What two packs say in their files: parameters, texts and SQL that differ.
//!
//! Owns the list. What a difference does to people is for small worlds to show.

use std::collections::{BTreeMap, BTreeSet};

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
    /// The SELECTs of rules and views, and the rows of tables.
    pub sql: Vec<Pair>,
}

impl Texts {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.parameters.is_empty() && self.texts.is_empty() && self.sql.is_empty()
    }
}

/// What differs in the files of two packs.
pub fn texts(old: &Pack, new: &Pack) -> Texts {
    Texts {
        parameters: different(parameters(old), parameters(new)),
        texts: different(words(old), words(new)),
        sql: different(sql(old), sql(new)),
    }
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
    rules.chain(views).chain(tables).collect()
}
