//! Keys of officials: made, and read from PEM files (PKCS #8), as OpenSSL writes and reads them too.
//!
//! Owns the files: made for their owner alone, never written over. A private key is shown by nothing and goes nowhere.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use crate::commands::CommandError;
use crate::commands::screen::Screen;
use crate::live::decisions::basis::{bytes_of_hex, hex_of};

/// What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410).
const BEFORE_SEED: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";
/// The longest file of a key or a signature.
const BYTES_MAX: u64 = 64 << 10;

/// The arguments of `fuma policy keygen`.
#[derive(Args, Clone, Debug)]
pub struct KeygenArguments {
    /// The file of the private key, which must not be there yet
    file: PathBuf,
}

/// Makes a key; prints the public half.
///
/// # Errors
/// When the file is there already, or cannot be written.
pub fn keygen(arguments: &KeygenArguments, screen: &Screen) -> Result<(), CommandError> {
    let mut seed = [0; 32];
    let failed = |_| CommandError::Other("the system has no random numbers".to_owned());
    SystemRandom::new().fill(&mut seed).map_err(failed)?;
    let text = format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode([&BEFORE_SEED[..], &seed].concat()));
    let pair = parse(&text).ok_or_else(|| CommandError::Other("the key cannot be made".to_owned()))?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&arguments.file).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|source| CommandError::Write { path: arguments.file.clone(), source })?;
    screen.print(&format!("{}\n", hex_of(pair.public_key().as_ref())))
}

/// A private key of a PEM file.
fn parse(text: &str) -> Option<Ed25519KeyPair> {
    let body: String = text.split_once(BEGIN)?.1.split_once(END)?.0.split_whitespace().collect();
    Ed25519KeyPair::from_pkcs8_maybe_unchecked(&STANDARD.decode(body).ok()?).ok()
}

/// Reads a private key.
///
/// # Errors
/// When the file cannot be read, or holds no such key.
pub(super) fn read(path: &Path) -> Result<Ed25519KeyPair, CommandError> {
    let bytes = read_bounded(path)?;
    std::str::from_utf8(&bytes).ok().and_then(parse).ok_or_else(|| {
        CommandError::Input(format!(
            "{}: holds no Ed25519 private key in PEM: `fuma policy keygen FILE` makes one",
            path.display()
        ))
    })
}

/// Reads a signature that was made elsewhere: 64 bytes, or 128 hex digits; as hex digits.
///
/// # Errors
/// When it is neither.
pub(super) fn signature(path: &Path) -> Result<String, CommandError> {
    let bytes = read_bounded(path)?;
    let text = std::str::from_utf8(&bytes).ok().map(str::trim);
    let hex = text.filter(|text| bytes_of_hex(text).is_some_and(|bytes| bytes.len() == 64));
    match hex {
        Some(hex) => Ok(hex.to_lowercase()),
        None if bytes.len() == 64 => Ok(hex_of(&bytes)),
        None => Err(CommandError::Input(format!(
            "{}: a signature has 64 bytes, or 128 hex digits. OpenSSL makes one: openssl pkeyutl -sign -rawin -inkey \
             KEY -in TEXT -out FILE",
            path.display()
        ))),
    }
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, CommandError> {
    use std::io::Read as _;

    let failed = |source| CommandError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(failed)?.take(BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_key_of_openssl_is_read_and_nothing_else() {
        // `openssl genpkey -algorithm ed25519`, from RFC 8410.
        let text = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
                    -----END PRIVATE KEY-----\n";
        let public = "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";
        assert_eq!(hex_of(parse(text).unwrap().public_key().as_ref()), public);
        for wrong in ["", "-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----", &text[..60]] {
            assert!(parse(wrong).is_none());
        }
    }

    #[test]
    fn a_signature_is_bytes_or_digits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signature");
        std::fs::write(&path, [7; 64]).unwrap();
        assert_eq!(signature(&path).unwrap(), "07".repeat(64));
        std::fs::write(&path, format!("{}\n", "0A".repeat(64))).unwrap();
        assert_eq!(signature(&path).unwrap(), "0a".repeat(64));
        std::fs::write(&path, "0a").unwrap();
        assert!(signature(&path).unwrap_err().to_string().contains("openssl pkeyutl"));
    }
}
