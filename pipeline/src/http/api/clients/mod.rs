//! Who may ask: the clients of the configuration, each with the hash of its token, a role, and a rate.
//!
//! ```text
//! issuer     by its own tokens of people: the colour, with clause or with reasons, as its projection says
//! official   by a person's token or certificate: all that is answered of a person
//! auditor    by a person's token: the same
//! operator   nobody's colour
//! ```
//!
//! ```text
//! rate      how many requests a second
//! streams   how many streams it may follow at once
//! tokens    the tokens by which an issuer knows people
//! ```
//!
//! Owns the list. Must never hold a token, only its hash, and compares hashes in constant time.

mod rate;
mod streams;
mod tokens;

use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};

use self::rate::Rate;
use self::streams::Streams;
pub(in crate::http::api) use self::tokens::IssuerKey;

/// What a client is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Shows codes to those who bear them.
    Issuer,
    /// Answers people who ask why.
    Official,
    /// Looks whether all was as it should be.
    Auditor,
    /// Keeps the service going.
    Operator,
}

impl Role {
    /// Its name in audit records.
    pub fn name(self) -> &'static str {
        match self {
            Role::Issuer => "issuer",
            Role::Official => "official",
            Role::Auditor => "auditor",
            Role::Operator => "operator",
        }
    }
}

/// What an issuer gets of a person.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fields {
    /// The colour alone.
    Colour,
    /// And the rules with their clauses.
    Clause,
    /// And since when, until when.
    Reasons,
}

/// A client as the configuration has it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientConfig {
    /// Its name: what audit records say.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// SHA-256 of its token, 64 hex digits.
    pub token_sha256: String,
    /// Of an issuer: the file with the key of its tokens of people, 64 hex digits.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// Of an issuer: what it gets of a person; the colour alone unless said otherwise.
    #[serde(default)]
    pub fields: Option<Fields>,
    /// How many requests a second.
    #[serde(default = "rate")]
    pub rate: u32,
    /// How many streams of changes at once.
    #[serde(default = "streams")]
    pub streams: u32,
}

/// Requests a second of a client of which nothing is said.
const fn rate() -> u32 {
    100
}

/// Streams at once of a client of which nothing is said.
const fn streams() -> u32 {
    4
}

/// The most streams at once that may be said.
const STREAMS_MAX: u32 = 10_000;
/// The most requests a second that may be said.
const RATE_MAX: u32 = 1_000_000;
/// The longest name of a client.
const NAME_MAX: usize = 64;
const HASH_BYTES: usize = 32;

/// What is wrong with the list of clients.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A setting.
    #[error("client {name:?}: {problem}")]
    Setting {
        /// The client.
        name: String,
        /// What is wrong, and what is allowed.
        problem: &'static str,
    },
    /// The file with its key.
    #[error("client {name:?}: the key in {path} cannot be read: {problem}")]
    Key {
        /// The client.
        name: String,
        /// The file.
        path: String,
        /// What is wrong; never what it holds.
        problem: String,
    },
}

/// A client.
#[derive(Debug)]
pub struct Client {
    /// Its name.
    pub name: String,
    /// What it is.
    pub role: Role,
    pub(super) fields: Fields,
    pub(super) key: Option<IssuerKey>,
    pub(super) rate: Rate,
    pub(super) streams: Streams,
    hash: [u8; HASH_BYTES],
}

/// All clients.
#[derive(Debug, Default)]
pub struct Clients {
    clients: Vec<Client>,
    /// Whoever asks from this machine without a token; none: nobody may.
    local: Option<Client>,
}

/// What is wrong with the list, if anything: names and hashes are told apart, an issuer has a key and nobody else has.
pub fn problem(clients: &[ClientConfig]) -> Option<ClientError> {
    for (place, client) in clients.iter().enumerate() {
        let before = clients.get(..place).unwrap_or_default();
        let is_issuer = client.role == Role::Issuer;
        let is_name = !client.name.is_empty()
            && client.name.len() <= NAME_MAX
            && client.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        let hash = hash_of_hex(&client.token_sha256);
        let problem = if !is_name {
            "a name is 1 to 64 letters, digits, '.', '_' or '-'"
        } else if hash.is_none() {
            "token_sha256 is 64 hex digits: printf %s TOKEN | sha256sum"
        } else if hash == Some(Sha256::digest(b"").into()) {
            "token_sha256 is the hash of an empty token"
        } else if before.iter().any(|other| other.name == client.name) {
            "another client has this name"
        } else if before.iter().any(|other| hash_of_hex(&other.token_sha256) == hash) {
            "another client has the same token"
        } else if is_issuer && client.key_file.is_none() {
            "an issuer needs a key_file (openssl rand -hex 32), so that nobody can join its tokens with another's"
        } else if !is_issuer && (client.key_file.is_some() || client.fields.is_some()) {
            "key_file and fields are for issuers"
        } else if !(1..=RATE_MAX).contains(&client.rate) {
            "rate is 1 to 1000000 requests a second"
        } else if client.streams > STREAMS_MAX {
            "streams is 0 to 10000"
        } else {
            continue;
        };
        return Some(ClientError::Setting { name: client.name.clone(), problem });
    }
    None
}

impl Clients {
    /// The clients of a configuration, with their keys.
    ///
    /// # Errors
    /// When one of them is not as it must be.
    pub fn load(configs: &[ClientConfig], open_on_loopback: bool) -> Result<Clients, ClientError> {
        if let Some(problem) = problem(configs) {
            return Err(problem);
        }
        let clients = configs.iter().map(Client::load).collect::<Result<Vec<Client>, ClientError>>()?;
        for (place, client) in clients.iter().enumerate() {
            // The same key would let two issuers join what they hold.
            let hidden = |client: &Client| client.key.as_ref().map(|key| key.hidden(fuma_schemas::Person([0; 16])));
            let is_same = |other: &&Client| hidden(other).is_some() && hidden(other) == hidden(client);
            if clients.get(..place).unwrap_or_default().iter().any(|other| is_same(&other)) {
                let problem = "another issuer has the same key: make one for each (openssl rand -hex 32)";
                return Err(ClientError::Setting { name: client.name.clone(), problem });
            }
        }
        let local = open_on_loopback.then(|| Client {
            name: "loopback".to_owned(),
            role: Role::Official,
            fields: Fields::Reasons,
            key: None,
            rate: Rate::new(RATE_MAX),
            streams: Streams::new(streams()),
            hash: [0; HASH_BYTES],
        });
        Ok(Clients { clients, local })
    }

    /// Whether nobody may ask.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty() && self.local.is_none()
    }

    /// The place of the client of a token. Takes as long whoever it is, and whether it is anybody's or not.
    pub(super) fn of_token(&self, token: &[u8]) -> Option<usize> {
        let hash: [u8; HASH_BYTES] = Sha256::digest(token).into();
        let nobody = u32::MAX;
        let found = (0_u32..)
            .zip(&self.clients)
            .fold(nobody, |found, (place, client)| u32::conditional_select(&found, &place, client.hash.ct_eq(&hash)));
        (found != nobody).then_some(found as usize)
    }

    /// A client by its place; none: who asks from this machine without a token, where that is allowed.
    pub(super) fn get(&self, place: Option<usize>) -> Option<&Client> {
        place.map_or(self.local.as_ref(), |place| self.clients.get(place))
    }
}

impl Client {
    fn load(config: &ClientConfig) -> Result<Client, ClientError> {
        let wrong = |problem| ClientError::Setting { name: config.name.clone(), problem };
        Ok(Client {
            name: config.name.clone(),
            role: config.role,
            fields: match config.role {
                Role::Issuer => config.fields.unwrap_or(Fields::Colour),
                _ => Fields::Reasons,
            },
            key: config.key_file.as_deref().map(|path| key(&config.name, path)).transpose()?,
            rate: Rate::new(config.rate),
            streams: Streams::new(config.streams),
            hash: hash_of_hex(&config.token_sha256).ok_or_else(|| wrong("token_sha256 is 64 hex digits"))?,
        })
    }
}

fn key(name: &str, path: &Path) -> Result<IssuerKey, ClientError> {
    let wrong = |problem| ClientError::Key { name: name.to_owned(), path: path.display().to_string(), problem };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    IssuerKey::from_hex(&text).ok_or_else(|| wrong("give 64 hex digits (openssl rand -hex 32)".to_owned()))
}

fn hash_of_hex(text: &str) -> Option<[u8; HASH_BYTES]> {
    let mut hash = [0; HASH_BYTES];
    if text.len() != 2 * HASH_BYTES || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(hash)
}
