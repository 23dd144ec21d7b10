//! Officials: who may propose and who may approve, and how many it takes; and what they sign.
//!
//! Owns the bytes that are signed, and when signatures are enough. One person has one place: who signs as the author
//! is never the other one. Must never hold a private key.

use std::collections::BTreeSet;

use fuma_schemas::Instant;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

/// The most officials of an installation.
const OFFICIALS_MAX: usize = 200;
/// The longest name.
const NAME_BYTES_MAX: usize = 64;
/// An Ed25519 public key.
const KEY_BYTES: usize = 32;

/// What an official may do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Answers for what is proposed.
    Author,
    /// Agrees to what somebody else proposed.
    Approver,
}

/// An official.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Official {
    /// The name, as the log shows it.
    pub name: String,
    /// The Ed25519 public key, 64 hex digits.
    pub key: String,
    /// What the official may do.
    pub roles: BTreeSet<Role>,
}

/// How many signatures a switch takes, each of another official.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quorum {
    /// Of authors.
    pub authors: usize,
    /// Of approvers.
    pub approvers: usize,
}

impl Default for Quorum {
    fn default() -> Quorum {
        Quorum { authors: 1, approvers: 1 }
    }
}

/// The officials of an installation at one time.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Officials {
    /// Who they are.
    pub officials: Vec<Official>,
    /// How many must sign.
    #[serde(default)]
    pub quorum: Quorum,
}

impl Officials {
    /// What is wrong with the list, if anything: with it nothing could be approved, or one hand could do it all.
    pub fn problem(&self) -> Option<String> {
        if self.officials.len() > OFFICIALS_MAX {
            return Some(format!("more than {OFFICIALS_MAX} officials"));
        }
        let (mut names, mut keys) = (BTreeSet::new(), BTreeSet::new());
        for official in &self.officials {
            let name = &official.name;
            if !is_name(name) {
                return Some(format!("the name \"{name}\": give 1 to {NAME_BYTES_MAX} bytes on one line"));
            }
            let Some(key) = bytes_of_hex(&official.key).filter(|key| key.len() == KEY_BYTES) else {
                return Some(format!("the key of {name}: give the 64 hex digits that `fuma policy keygen` prints"));
            };
            if official.roles.is_empty() {
                return Some(format!("{name} has no role: give author, approver or both"));
            }
            if !names.insert(name) {
                return Some(format!("{name} is there twice"));
            }
            if !keys.insert(key) {
                return Some(format!("{name} has the key of another official: each has a key of his or her own"));
            }
        }
        let Quorum { authors, approvers } = self.quorum;
        if authors == 0 || approvers == 0 {
            return Some("a switch takes at least one author and one approver".to_owned());
        }
        let all: Vec<&str> = self.officials.iter().map(|official| official.name.as_str()).collect();
        (!self.is_enough(&all)).then(|| {
            format!(
                "a switch takes {authors} author(s) and {approvers} other approver(s), and the list has not so many \
                 officials with these roles"
            )
        })
    }

    /// An official by name.
    pub fn find(&self, name: &str) -> Option<&Official> {
        self.officials.iter().find(|official| official.name == name)
    }

    /// Whether these officials, each named once, are enough: nobody takes two places.
    pub fn is_enough(&self, names: &[&str]) -> bool {
        self.missing(names) == (0, 0)
    }

    /// How many authors and approvers are still missing.
    pub fn missing(&self, names: &[&str]) -> (usize, usize) {
        let (mut authors, mut approvers, mut both) = (0, 0, 0);
        for official in names.iter().filter_map(|name| self.find(name)) {
            match (official.roles.contains(&Role::Author), official.roles.contains(&Role::Approver)) {
                (true, true) => both += 1,
                (true, false) => authors += 1,
                (false, true) => approvers += 1,
                (false, false) => {}
            }
        }
        // Who has both roles takes the author's place first.
        let authors_missing = self.quorum.authors.saturating_sub(authors);
        let as_authors = authors_missing.min(both);
        let approvers_missing = self.quorum.approvers.saturating_sub(approvers);
        (authors_missing - as_authors, approvers_missing.saturating_sub(both - as_authors))
    }

    /// How many approvers are missing, whoever proposed: what a release takes.
    pub fn approvers_missing(&self, names: &[&str]) -> usize {
        let is_approver = |name: &&&str| self.find(name).is_some_and(|it| it.roles.contains(&Role::Approver));
        self.quorum.approvers.saturating_sub(names.iter().filter(is_approver).count())
    }
}

/// What a signature is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Purpose {
    /// Agrees.
    Approval,
    /// Takes back.
    Withdrawal,
}

/// What is signed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Signed {
    /// What for.
    pub purpose: Purpose,
    /// The digest of what is agreed to, 64 hex digits.
    pub digest: String,
    /// From when, in milliseconds UTC.
    pub valid_from: i64,
    /// The installation, 16 hex digits.
    pub installation: String,
    /// The digest of the preview that the signer saw; none: `-`.
    pub preview: Option<String>,
}

impl Signed {
    /// The bytes: five lines, each with its end.
    pub fn bytes(&self) -> Vec<u8> {
        let purpose = match self.purpose {
            Purpose::Approval => "fuma-approval-v1",
            Purpose::Withdrawal => "fuma-withdrawal-v1",
        };
        let (from, preview) = (Instant(self.valid_from), self.preview.as_deref().unwrap_or("-"));
        format!("{purpose}\n{}\n{from}\n{}\n{preview}\n", self.digest, self.installation).into_bytes()
    }

    /// Whether a signature (128 hex digits) is that of a public key over these bytes.
    pub fn is_signed(&self, key: &str, signature: &str) -> bool {
        match (bytes_of_hex(key), bytes_of_hex(signature)) {
            (Some(key), Some(signature)) => {
                UnparsedPublicKey::new(&ED25519, key).verify(&self.bytes(), &signature).is_ok()
            }
            _ => false,
        }
    }
}

/// Whether a text may name an official.
pub fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control)
}

/// Bytes as hex digits.
pub fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Hex digits as bytes; capitals are allowed.
pub fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    let is_hex = text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let pair = |at: usize| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    is_hex.then(|| (0..text.len()).step_by(2).map(pair).collect())?
}

/// Whether a text is a digest: 64 hex digits in small letters.
pub fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}
