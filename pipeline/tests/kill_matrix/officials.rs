//! An installation with an author and an approver: a pack is changed as officials do it, on a broker.
//!
//! Owns the keys, which are made by `fuma policy keygen`.

use std::fs;
use std::process::Command;

use crate::feeds::{FUMA, KEY};
use crate::installation::{Installation, PARTITIONS};

impl Installation {
    /// With topics, and officials in the configuration of its processes.
    pub(crate) fn with_officials(bootstrap: &str) -> Installation {
        let mut installation = Installation::bare(bootstrap);
        let mut config = format!("[kafka]\nbootstrap = \"{bootstrap}\"\n");
        for role in ["author", "approver"] {
            let mut command = Command::new(FUMA);
            command.args(["policy", "keygen"]).arg(installation.folder.path().join(role));
            let key = said(command);
            config += &format!("[[officials]]\nname = \"{role}\"\nkey = \"{}\"\nroles = [\"{role}\"]\n", key.trim());
        }
        let path = installation.folder.path().join("fuma.toml");
        fs::write(&path, config).unwrap();
        installation.config = Some(path);
        installation.create_topics(PARTITIONS);
        installation
    }

    /// Publishes a pack, at once, and signs it with both keys.
    pub(crate) fn switch(&self, pack: &str) {
        let signed = |arguments: &[&str], role: &str| {
            let mut command = self.command(arguments);
            command.arg("--sign").arg(self.folder.path().join(role)).env("FUMA_KEY", KEY);
            said(command)
        };
        let published = signed(&["policy", "publish", pack, "--at-once"], "author");
        let id = published.lines().find_map(|line| line.split_once(" as ").map(|(_, id)| id.to_owned()));
        signed(&["approve", &id.unwrap_or_else(|| panic!("{published}"))], "approver");
    }
}

/// What a command prints; it must end well.
fn said(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
