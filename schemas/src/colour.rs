//! The colours of a health code and their order of severity.
//!
//! Owns the order green < yellow < red and nothing else; what a colour permits is the issuers' business.

use serde::{Deserialize, Serialize};

/// The colour of a person's code. Green is the absence of a reason.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Colour {
    /// No active reason.
    #[default]
    Green,
    /// The most severe active reason is yellow.
    Yellow,
    /// The most severe active reason is red.
    Red,
}

impl Colour {
    /// The colours from the mildest to the most severe.
    pub const ALL: [Colour; 3] = [Colour::Green, Colour::Yellow, Colour::Red];

    /// The name in changes.
    pub fn name(self) -> &'static str {
        match self {
            Colour::Green => "green",
            Colour::Yellow => "yellow",
            Colour::Red => "red",
        }
    }

    /// The colour with this name.
    pub fn parse(name: &str) -> Option<Colour> {
        Colour::ALL.into_iter().find(|colour| colour.name() == name)
    }
}

impl std::fmt::Display for Colour {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.name())
    }
}
