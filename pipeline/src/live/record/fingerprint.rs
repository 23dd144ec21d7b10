//! Whose a message is: the fingerprints of the installation and of the token key that stand at its beginning.
//!
//! Owns their text and the comparison. A fingerprint tells nothing about the key.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::RecordError;

/// Eight bytes that stand for something; all zero: not known yet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Fingerprint(pub [u8; 8]);

impl Fingerprint {
    /// Whether it stands for anything.
    pub fn is_known(self) -> bool {
        self != Fingerprint::default()
    }

    /// Whether the two are known and stand for different things.
    pub fn differs(self, other: Fingerprint) -> bool {
        self.is_known() && other.is_known() && self != other
    }

    /// Reads 16 hex digits.
    pub fn parse(text: &str) -> Option<Fingerprint> {
        let whole = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = whole.then(|| u64::from_str_radix(text, 16).ok())??;
        Some(Fingerprint(number.to_be_bytes()))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fingerprint, D::Error> {
        let text = String::deserialize(deserializer)?;
        Fingerprint::parse(&text).ok_or_else(|| D::Error::custom("not 16 hex digits"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// Whose a message is.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Origin {
    /// The installation.
    pub installation: Fingerprint,
    /// The key of the person tokens.
    pub key: Fingerprint,
}

impl Origin {
    /// Whether a message of that origin may be read here.
    ///
    /// # Errors
    /// When it is another's.
    pub fn accepts(self, found: Origin) -> Result<(), RecordError> {
        if found.key.differs(self.key) {
            return Err(RecordError::OtherKey { found: found.key, own: self.key });
        }
        if found.installation.differs(self.installation) {
            return Err(RecordError::OtherInstallation { found: found.installation, own: self.installation });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_no_difference() {
        let of = |byte: u8| Fingerprint([byte; 8]);
        let own = Origin { installation: of(0), key: of(7) };
        assert_eq!(own.accepts(Origin::default()), Ok(()));
        assert_eq!(own.accepts(Origin { installation: of(3), key: of(7) }), Ok(()));
        let other = own.accepts(Origin { installation: of(0), key: of(8) });
        assert_eq!(other, Err(RecordError::OtherKey { found: of(8), own: of(7) }));
        assert_eq!(Origin::default().accepts(own), Ok(()));
    }

    #[test]
    fn it_is_read_as_it_is_written() {
        let mark = Fingerprint([0, 1, 2, 0xab, 4, 5, 6, 0xff]);
        assert_eq!(mark.to_string(), "000102ab040506ff");
        assert_eq!(Fingerprint::parse(&mark.to_string()), Some(mark));
        assert_eq!((Fingerprint::parse("+00102ab040506ff"), Fingerprint::parse("00")), (None, None));
    }
}
