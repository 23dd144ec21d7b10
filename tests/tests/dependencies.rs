//! What the crates depend on: licences, one version of Arrow, the boundaries between crates, and nothing unused.
//!
//! Reads `cargo metadata`, without network. Owns the lists below; deny.toml holds the same licences for cargo-deny.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const LICENCES: &[&str] = &[
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Crates of which two versions would be two kinds of the same thing.
const ONE_VERSION: &[&str] = &["arrow", "arrow-array", "arrow-schema", "datafusion", "parquet", "serde", "serde_json"];

/// A crate, and what it must never depend on, at any remove.
const BOUNDARIES: &[(&str, &[&str])] = &[
    (
        "fuma-schemas",
        &["datafusion", "datafusion-common", "datafusion-expr", "rdkafka", "rdkafka-sys", "tokio", "fuma-connectors"],
    ),
    ("fuma-connectors", &["datafusion", "datafusion-common", "datafusion-expr", "fuma-pipeline"]),
    ("fuma-pipeline", &["fuma-tests", "jsonschema", "criterion", "proptest"]),
];

/// What a crate must not name itself: the engine sees Kafka through the ports of the connectors.
const NOT_DIRECTLY: &[(&str, &[&str])] = &[("fuma-pipeline", &["rdkafka", "rdkafka-sys"])];

/// Named only to switch features on, so that every selection of crates shares one build.
const FOR_THEIR_FEATURES: &[&str] = &["ahash", "getrandom", "num-bigint", "regex-automata"];

/// Unused as it stands, to be used or dropped: this list only shrinks.
const UNUSED_FOR_NOW: &[&str] = &[];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn output_of(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(root()).output().expect(program);
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The packages that a build on this machine holds, by id, and what each needs outside of tests.
struct Graph {
    packages: BTreeMap<String, Value>,
    needs: BTreeMap<String, Vec<String>>,
}

fn graph() -> Graph {
    let version = output_of("rustc", &["-vV"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host");
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let arguments = ["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", host];
    let metadata: Value = serde_json::from_str(&output_of(&cargo, &arguments)).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let is_needed = |need: &&Value| need["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"] != "dev");
    let needs: BTreeMap<String, Vec<String>> = nodes
        .iter()
        .map(|node| {
            let of_node = node["deps"].as_array().unwrap().iter().filter(is_needed).map(|need| text(&need["pkg"]));
            (text(&node["id"]), of_node.collect())
        })
        .collect();
    let packages =
        metadata["packages"].as_array().unwrap().iter().map(|package| (text(&package["id"]), package.clone()));
    Graph { packages: packages.filter(|(id, _)| needs.contains_key(id)).collect(), needs }
}

impl Graph {
    fn name(&self, id: &str) -> &str {
        self.packages[id]["name"].as_str().unwrap()
    }

    fn own(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.packages
            .values()
            .filter(|package| package["source"].is_null())
            .map(|package| (package["name"].as_str().unwrap(), package))
    }

    /// The names of all that a crate depends on, at any remove.
    fn reach(&self, name: &str) -> BTreeSet<&str> {
        let start = self.packages.keys().find(|id| self.name(id) == name).expect(name);
        let (mut open, mut seen) = (vec![start], BTreeSet::new());
        while let Some(id) = open.pop() {
            for need in &self.needs[id] {
                if seen.insert(need) {
                    open.push(need);
                }
            }
        }
        seen.into_iter().map(|id| self.name(id)).collect()
    }
}

/// Whether an SPDX expression leaves a way to use the crate under the licences of the list.
fn is_allowed(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let allowed = any_of(&tokens, &mut at);
    allowed && at == tokens.len()
}

fn any_of(tokens: &[&str], at: &mut usize) -> bool {
    let mut allowed = all_of(tokens, at);
    while tokens.get(*at) == Some(&"OR") {
        *at += 1;
        allowed |= all_of(tokens, at);
    }
    allowed
}

fn all_of(tokens: &[&str], at: &mut usize) -> bool {
    let mut allowed = licence(tokens, at);
    while tokens.get(*at) == Some(&"AND") {
        *at += 1;
        allowed &= licence(tokens, at);
    }
    allowed
}

fn licence(tokens: &[&str], at: &mut usize) -> bool {
    let Some(first) = tokens.get(*at) else { return false };
    *at += 1;
    if *first == "(" {
        let allowed = any_of(tokens, at);
        *at += 1;
        return allowed;
    }
    if tokens.get(*at) == Some(&"WITH") {
        let exception = tokens.get(*at + 1).copied().unwrap_or_default();
        *at += 2;
        return LICENCES.contains(&format!("{first} WITH {exception}").as_str());
    }
    LICENCES.contains(first)
}

#[test]
fn licence_expressions() {
    for good in ["MIT", "MIT/GPL-2.0", "GPL-2.0 OR (MIT AND Zlib)", "Apache-2.0 WITH LLVM-exception OR X"] {
        assert!(is_allowed(good), "{good}");
    }
    for bad in ["", "GPL-2.0", "MIT AND GPL-2.0", "(MIT OR Zlib) AND GPL-2.0", "GPL-2.0 WITH LLVM-exception"] {
        assert!(!is_allowed(bad), "{bad}");
    }
}

#[test]
fn every_licence_is_on_the_list() {
    let graph = graph();
    for package in graph.packages.values() {
        let licence = package["license"].as_str().unwrap_or_default();
        assert!(is_allowed(licence), "{}: licence {licence:?}", package["name"]);
    }
    let configuration = std::fs::read_to_string(root().join("deny.toml")).unwrap();
    for licence in LICENCES {
        assert!(configuration.contains(&format!("\"{licence}\"")), "deny.toml lacks {licence}");
    }
}

#[test]
fn one_version_of_what_batches_are_made_of() {
    let graph = graph();
    for name in ONE_VERSION {
        let versions = graph.packages.values().filter(|package| package["name"] == *name).count();
        assert!(versions <= 1, "{versions} versions of {name}");
    }
}

#[test]
fn boundaries_between_crates() {
    let graph = graph();
    for (name, forbidden) in BOUNDARIES {
        let reach = graph.reach(name);
        let found: Vec<_> = forbidden.iter().filter(|other| reach.contains(**other)).collect();
        assert!(found.is_empty(), "{name} must not depend on {found:?}");
    }
    for (name, package) in graph.own() {
        let named: Vec<&str> = dependencies(package).map(|(dependency, _)| dependency).collect();
        for (_, forbidden) in NOT_DIRECTLY.iter().filter(|(of, _)| *of == name) {
            assert!(forbidden.iter().all(|other| !named.contains(other)), "{name} must not name {forbidden:?}");
        }
    }
}

#[test]
fn every_dependency_is_used() {
    let graph = graph();
    let mut unused = Vec::new();
    for (name, package) in graph.own() {
        let folder = PathBuf::from(package["manifest_path"].as_str().unwrap()).parent().unwrap().to_owned();
        let (product, tests) =
            (sources(&folder.join("src")), sources(&folder.join("tests")) + &sources(&folder.join("benches")));
        if product.contains("(to be written)") {
            eprintln!("skipped: {name} is not written yet");
            continue;
        }
        for (dependency, is_for_tests) in dependencies(package) {
            // fuma-tests is nothing but tests: what its library does not name, they may.
            let where_used =
                if is_for_tests || name == "fuma-tests" { format!("{product}{tests}") } else { product.clone() };
            if !is_named(&where_used, &dependency.replace('-', "_")) && !FOR_THEIR_FEATURES.contains(&dependency) {
                unused.push(format!("{name}: {dependency}"));
            }
        }
    }
    unused.retain(|dependency| !UNUSED_FOR_NOW.contains(&dependency.as_str()));
    assert!(unused.is_empty(), "unused dependencies: {unused:?}");
}

/// The names of a package's dependencies, and whether they are for its tests alone.
fn dependencies(package: &Value) -> impl Iterator<Item = (&str, bool)> {
    package["dependencies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|dependency| (dependency["name"].as_str().unwrap(), dependency["kind"] == "dev"))
}

/// Whether code names a crate: in a path, or in a `use` of the crate itself.
fn is_named(code: &str, name: &str) -> bool {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    code.match_indices(name).any(|(at, _)| {
        let (before, after) = (&code[..at], &code[at + name.len()..]);
        !before.ends_with(is_word)
            && (after.starts_with("::") || (before.ends_with("use ") && !after.starts_with(is_word)))
    })
}

fn sources(folder: &Path) -> String {
    let mut code = String::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            code += &sources(&path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            code += &std::fs::read_to_string(&path).unwrap();
        }
    }
    code
}
