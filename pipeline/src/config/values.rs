//! What a setting may be.
//!
//! Owns the reading of values. An error says what to give; it repeats a value only where none is secret.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use fuma_schemas::{Feed, Kind};
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

use super::FeedConfig;
use crate::evidence::Limits;
use crate::replay::Tick;

/// A length of time: a number and ms, s, m, h or d.
pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let millis = Tick::parse(&text).map(Tick::millis).and_then(|millis| u64::try_from(millis).ok());
    let wrong = || D::Error::custom("give a positive number and ms, s, m, h or d, like \"10ms\" or \"30d\"");
    millis.map(Duration::from_millis).ok_or_else(wrong)
}

/// The same, of a setting that may be absent.
pub(super) fn some_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}

/// The feeds by name.
pub(super) fn feeds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Feed, FeedConfig>, D::Error> {
    let named: BTreeMap<String, FeedConfig> = BTreeMap::deserialize(deserializer)?;
    let unknown = |name: &str| {
        let feeds = Feed::ALL.map(Feed::name).join(", ");
        D::Error::custom(format!("no feed is named {name}; feeds are {feeds}"))
    };
    let feed = |name: &str| Feed::parse(name).ok_or_else(|| unknown(name));
    named.into_iter().map(|(name, config)| Ok((feed(&name)?, config))).collect()
}

/// How many facts of each kind one person may have; 0 is any number.
pub(super) fn facts_max<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Limits, D::Error> {
    let named: BTreeMap<NamedKind, u32> = BTreeMap::deserialize(deserializer)?;
    Ok(named.into_iter().fold(Limits::default(), |limits, (NamedKind(kind), most)| limits.with(kind, most)))
}

/// A kind of facts by its name. Read as a key of its own, so that an error is of its line.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct NamedKind(Kind);

impl<'de> Deserialize<'de> for NamedKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<NamedKind, D::Error> {
        let name = String::deserialize(deserializer)?;
        let unknown = || {
            let kinds = Kind::PERSONAL.map(Kind::name).join(", ");
            D::Error::custom(format!("no kind of facts is named {name}; kinds are {kinds}"))
        };
        Kind::parse(&name).map(NamedKind).ok_or_else(unknown)
    }
}

/// Settings for librdkafka, by its own names.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct ClientSettings(BTreeMap<String, Plain>);

impl ClientSettings {
    /// Name and value, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.0.as_str()))
    }
}

/// Shows the names alone: a value may be a password.
impl fmt::Debug for ClientSettings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.0.keys()).finish()
    }
}

/// A string, number or boolean, as text.
#[derive(Clone, PartialEq, Eq)]
struct Plain(String);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Plain, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Plain;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a string, a number, true or false")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Plain, E> {
                Ok(Plain(text.to_owned()))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Plain, E> {
                Ok(Plain(number.to_string()))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Plain, E> {
                Ok(Plain(number.to_string()))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Plain, E> {
                Ok(Plain(number.to_string()))
            }

            fn visit_bool<E: Error>(self, truth: bool) -> Result<Plain, E> {
                Ok(Plain(truth.to_string()))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

/// What a process does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "Vec<Role>")]
pub struct Roles {
    /// Feeds to evidence.
    pub intake: bool,
    /// Which contacts count.
    pub trace: bool,
    /// Evidence to changes.
    pub assess: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    Intake,
    Trace,
    Assess,
}

impl TryFrom<Vec<Role>> for Roles {
    type Error = &'static str;

    fn try_from(roles: Vec<Role>) -> Result<Roles, &'static str> {
        if roles.is_empty() {
            return Err("give at least one of \"intake\", \"trace\", \"assess\"");
        }
        let has = |role| roles.contains(&role);
        Ok(Roles { intake: has(Role::Intake), trace: has(Role::Trace), assess: has(Role::Assess) })
    }
}

/// Where the HTTP port listens.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub enum Listen {
    /// Nowhere.
    Off,
    /// An address and a port; port 0 is any free one.
    At(SocketAddr),
}

impl TryFrom<String> for Listen {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Listen, &'static str> {
        if text == "off" {
            return Ok(Listen::Off);
        }
        let wrong = |_| "give an address and a port, like \"127.0.0.1:9464\" or \"[::]:9464\", or \"off\"";
        text.parse().map(Listen::At).map_err(wrong)
    }
}

/// For whom is logged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// People.
    Text,
    /// Machines.
    Json,
}

/// How much is logged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// What stopped.
    Error,
    /// What somebody should look at.
    Warn,
    /// What happened.
    Info,
    /// What was done.
    Debug,
    /// Everything.
    Trace,
}
