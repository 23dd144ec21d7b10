//! The files and stores that a configuration names: whether they are there, and are what they should be.
//!
//! Owns the looking. Starts nothing, writes nothing, and asks no broker.

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use crate::admission::Drafts;
use crate::commands::import::drops::Prepared;
use crate::commands::input::{self, KEY_VARIABLE, read_text};
use crate::config::{Config, Problem, Settings};
use crate::intake::{Key, Owners, RegionTable};
use crate::live::service::snapshots;
use crate::live::snapshot::SnapshotStore;

/// How long a store of snapshots is waited for.
const STORE_WAIT: Duration = Duration::from_secs(10);

/// What is wrong with the files that the configuration names.
pub(super) fn problems(config: &Config, settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut say = |path: &[&str], message: String| problems.push(settings.problem(path, message));
    if let Some(policy) = &config.policy
        && let Err(error) = input::load_pack(policy, Drafts::Refused)
    {
        say(&["policy"], error.to_string());
    }
    if let Some(path) = &config.key_file
        && let Some(why) = key(path)
    {
        say(&["key_file"], why);
    }
    if let Some(path) = &config.owners_file
        && let Err(error) = input::list(path, Owners::parse)
    {
        say(&["owners_file"], error.to_string());
    }
    if let Some(path) = &config.regions_table
        && let Err(error) = input::list(path, RegionTable::parse)
    {
        say(&["regions_table"], error.to_string());
    }
    for folder in config.watch.folders.iter().filter(|folder| !folder.is_dir()) {
        let why = if folder.exists() { "is not a folder" } else { "does not exist" };
        say(&["watch", "folders"], format!("{} {why}", folder.display()));
    }
    for (name, import) in &config.imports {
        // Another key makes other ids; whether maps and tables can be used does not hang on it.
        let key = Key::from_hex(&"00".repeat(32));
        let prepared = key.ok().map(|key| Prepared::read(name, import, &key, config.import_state(name)));
        if let Some(Err(error)) = prepared {
            say(&["imports", name, "folder"], error.to_string());
        }
    }
    if config.state.exists() && !config.state.is_dir() {
        say(&["state"], format!("{} is not a folder", config.state.display()));
    }
    if let Some(why) = config.snapshots.url.as_deref().and_then(store) {
        say(&["snapshots", "url"], why);
    }
    if let Some(why) = snapshots::refusal(config) {
        say(&["snapshots", "local"], why);
    }
    problems
}

/// What the configuration leaves to the start: no problem, but to be known.
pub(super) fn remarks(config: &Config) -> Vec<String> {
    let mut remarks = Vec::new();
    if config.policy.is_none() {
        remarks.push("no policy pack is named: `fuma run` needs --policy or FUMA_POLICY".to_owned());
    }
    if config.key_file.is_none() && std::env::var_os(KEY_VARIABLE).is_none() {
        remarks.push("no key here: `fuma run` needs --key-file or FUMA_KEY".to_owned());
    }
    remarks
}

/// What is wrong with where snapshots go. A folder would be made by the store: it is only looked at. A bucket is asked.
fn store(url: &str) -> Option<String> {
    let folder = url.strip_prefix("file://").unwrap_or(url);
    if !folder.contains("://") {
        let folder = Path::new(folder);
        return (folder.exists() && !folder.is_dir()).then(|| format!("{} is not a folder", folder.display()));
    }
    let opened = match SnapshotStore::at(url) {
        Ok(opened) => opened,
        Err(error) => return Some(error.to_string()),
    };
    let (answer, answered) = mpsc::channel();
    // The client of a bucket tries for minutes. The thread ends with the process.
    let ask = move || drop(answer.send(opened.list("p0000").map(drop).map_err(|error| error.to_string())));
    if let Err(error) = std::thread::Builder::new().name("store".to_owned()).spawn(ask) {
        return Some(format!("cannot be asked: {error}"));
    }
    match answered.recv_timeout(STORE_WAIT) {
        Ok(answer) => answer.err(),
        Err(_) => Some(format!(
            "does not answer within {} s: look at the address, the network and AWS_ENDPOINT, AWS_REGION",
            STORE_WAIT.as_secs()
        )),
    }
}

fn key(path: &Path) -> Option<String> {
    match read_text(path) {
        Ok(text) => Key::from_hex(&text).err().map(|error| format!("{}: {error}", path.display())),
        Err(error) => Some(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_file_that_is_named_is_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("fuma.toml");
        let text = "policy = 'nope'\nkey_file = '/no/key'\nowners_file = '/no/owners'\nregions_table = '/no/regions'\n\
                    [imports]\na = { folder = '/no/drop', maps = ['laboratory-results'], owner = 'lab-a' }\n\
                    [watch]\nfolders = ['/no/feeds']\n[snapshots]\nurl = 'ftp://x/y'\n";
        std::fs::write(&file, text).unwrap();
        let (config, settings) = Config::load(Some(&file), &[], Vec::new()).unwrap();
        let said: Vec<String> = problems(&config, &settings).iter().map(ToString::to_string).collect();
        for name in
            ["policy", "key_file", "owners_file", "regions_table", "watch.folders", "snapshots.url", "imports.a.folder"]
        {
            assert!(said.iter().any(|line| line.contains(&format!(": {name}: "))), "{name}: {said:#?}");
        }
        assert_eq!(said.len(), 7, "{said:#?}");
        assert!(said.iter().all(|line| line.starts_with(&file.display().to_string())), "{said:#?}");
    }

    #[test]
    fn what_should_be_a_folder_and_is_a_file_is_said_and_nothing_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(store(&file.display().to_string()).unwrap().ends_with("is not a folder"));
        assert!(store(&format!("file://{}", file.display())).unwrap().ends_with("is not a folder"));
        let new = folder.path().join("new");
        assert_eq!(store(&new.display().to_string()), None);
        assert!(!new.exists());
        let text = format!("state = '{0}'\n", file.display());
        let toml = folder.path().join("fuma.toml");
        std::fs::write(&toml, text).unwrap();
        let (config, settings) = Config::load(Some(&toml), &[], Vec::new()).unwrap();
        let said: Vec<String> = problems(&config, &settings).iter().map(ToString::to_string).collect();
        assert!(said.len() == 1 && said[0].contains(":1: state: "), "{said:?}");
    }

    #[test]
    fn a_key_that_is_too_short_is_told_without_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, "abcdef").unwrap();
        let said = key(&file).unwrap();
        assert!(said.contains("64") && !said.contains("abcdef"), "{said}");
    }
}
