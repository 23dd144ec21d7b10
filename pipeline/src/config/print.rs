//! What is in force, and where each setting comes from; secrets masked.
//!
//! Owns what counts as a secret by its name. Must never print one.

use std::fmt::Write as _;

use super::layers::{Setting, Settings, quoted_name};

/// Parts of a name that tell of a secret.
const SECRET: [&str; 7] = ["password", "passwd", "secret", "token", "jaas", "credential", "oauthbearer.config"];
/// What stands for a secret.
const MASK: &str = "\"***\"";

impl Settings {
    /// The settings as TOML that could be read again, but for the secrets; each with its origin.
    pub fn printed(&self) -> String {
        let mut text = String::new();
        // By section, and first what is outside any: that is where TOML wants it.
        let mut settings: Vec<_> =
            self.iter().filter_map(|(path, setting)| Some((path.split_last()?, setting))).collect();
        settings.sort_by_key(|((name, section), _)| (*section, *name));
        let mut printed: &[String] = &[];
        for ((name, section), setting) in settings {
            if section != printed {
                printed = section;
                let names: Vec<String> = section.iter().map(|name| quoted_name(name)).collect();
                let _ = writeln!(text, "\n[{}]", names.join("."));
            }
            line(&mut text, name, setting);
        }
        text
    }
}

fn line(text: &mut String, name: &str, setting: &Setting) {
    let value = if is_secret(name) { MASK.to_owned() } else { shown(&setting.toml) };
    let assignment = format!("{} = {value}", quoted_name(name));
    let _ = writeln!(text, "{assignment:<40} # {}", setting.origin);
}

/// Whether a setting of this name is a secret. The name of a file is none.
fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    let names_file = name.ends_with("file") || name.ends_with("location");
    let has_key = name.split(['.', '_', '-']).any(|part| part == "key" || part == "apikey");
    !names_file && (has_key || SECRET.iter().any(|secret| name.contains(secret)))
}

/// A value on one line, without what an address has before its `@`.
fn shown(toml: &str) -> String {
    let value = toml::from_str::<toml::Table>(&format!("x = {toml}")).ok().and_then(|mut table| table.remove("x"));
    let text = value.map_or_else(|| toml.to_owned(), |value| value.to_string());
    match (text.find("://"), text.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}://***{}", &text[..scheme], &text[at..]),
        _ => text,
    }
}
