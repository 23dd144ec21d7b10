//! `fuma approve`, `fuma policy approve`, `fuma policy sign`: an official agrees to what waits.
//!
//! Owns the arguments. What is signed names what the official saw; the fold says whether it counts.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use ring::signature::KeyPair as _;

use super::place::{Office, PlaceArguments, Seen};
use super::release::{ReleaseArguments, agreed};
use super::{keys, publications, refused, shown};
use crate::commands::CommandError;
use crate::commands::screen::Screen;
use crate::live::decisions::Record;
use crate::live::decisions::basis::{
    Approved, Basis, Officials, Purpose, Seen as SeenBasis, Signed, hex_of, is_digest,
};

/// The arguments of `fuma approve`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ApproveArguments {
    /// What waits: its id, as `fuma policy list` shows it
    id: String,
    /// The PEM file of your private key
    #[arg(long, value_name = "KEY", conflicts_with_all = ["text", "signature"])]
    sign: Option<PathBuf>,
    /// Print the bytes to sign, and write nothing
    #[arg(long, conflicts_with = "signature")]
    text: bool,
    /// A signature over these bytes that was made elsewhere: 64 bytes, or 128 hex digits
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
    /// The digest of the preview that you saw
    #[arg(long, value_name = "DIGEST", value_parser = digest)]
    preview: Option<String>,
    #[command(flatten)]
    release: ReleaseArguments,
    #[command(flatten)]
    place: PlaceArguments,
}

const EXAMPLES: &str = "\
An approval of a hold is its release: it shows first how many people turn which colour, and by which rules, and asks.
An approval of a publication of tiers names its size: counted otherwise meanwhile, it is to be approved again.

What counts is decided by the log of decisions: an approval of somebody who is not on the list, or of what is not
proposed any more, is written, counts for nothing, and is said (exit code 4).

Examples:
  fuma approve 0f3a55b19c20d7e1 --sign li-na.pem --state fuma-state
  fuma approve 0f3a55b19c20d7e1 --text --state fuma-state > text
  openssl pkeyutl -sign -rawin -inkey li-na.pem -in text -out signature
  fuma approve 0f3a55b19c20d7e1 --signature signature --state fuma-state
  fuma approve 7c11d0e5a2f94b38 --sign li-na.pem --yes --state fuma-state      release a hold without being asked";

pub(super) fn digest(text: &str) -> Result<String, String> {
    if is_digest(text) { Ok(text.to_owned()) } else { Err("give the 64 hex digits of a digest".to_owned()) }
}

/// What waits under an id: digest, instant, basis.
pub(super) fn awaited(basis: &Basis, id: &str) -> Result<(String, i64, SeenBasis), CommandError> {
    if let Some(proposal) = basis.proposal(id) {
        let proposed = &proposal.proposed;
        return Ok((proposed.what.digest(), proposed.valid_from, proposed.basis.clone()));
    }
    if let Some(publication) = basis.publications().iter().find(|publication| publication.closed.id == id) {
        return Ok((basis.publication_digest(publication), publication.closed.at, SeenBasis::default()));
    }
    let hold = basis.holds().find(|hold| hold.held.id == id);
    let hold = hold.ok_or_else(|| {
        CommandError::Input(format!("nothing waits under the id {id}: `fuma policy list` shows what does"))
    })?;
    Ok((hold.held.digest(basis.installation()), hold.held.at, SeenBasis::default()))
}

/// Writes the approval.
///
/// # Errors
/// When nothing waits under the id, the key is nobody's, or the log does not take it.
pub fn approve(arguments: &ApproveArguments, screen: &Screen) -> Result<ExitCode, CommandError> {
    let office = arguments.place.office()?;
    let seen = office.installation()?;
    let (digest, valid_from, _) = awaited(seen.fold.basis(), &arguments.id)?;
    let signed = Signed {
        purpose: Purpose::Approval,
        digest,
        valid_from,
        installation: seen.fold.basis().installation().to_owned(),
        preview: arguments.preview.clone(),
    };
    if arguments.text {
        screen.print(&String::from_utf8_lossy(&signed.bytes()))?;
        return Ok(ExitCode::SUCCESS);
    }
    agreed(&office, &seen, &arguments.id, arguments.release, screen)?;
    if let Some(size) = publications::size(&seen, &arguments.id) {
        screen.print(&size)?;
    }
    let (official, signature) = match (&arguments.sign, &arguments.signature) {
        (Some(key), _) => by_key(&seen, key, &signed)?,
        (None, Some(file)) => by_signature(&seen, &keys::signature(file)?, &signed)?,
        (None, None) => {
            return Err(CommandError::Input("give --sign KEY, --signature FILE, or --text".to_owned()));
        }
    };
    let told = agree(&office, &seen, &arguments.id, (official, signature), arguments.preview.clone())?;
    screen.print(&told)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes an approval that is signed, and says what became of it.
pub(super) fn agree(
    office: &Office,
    seen: &Seen,
    id: &str,
    (official, signature): (String, String),
    preview: Option<String>,
) -> Result<String, CommandError> {
    let (digest, valid_from, basis) = awaited(seen.fold.basis(), id)?;
    let approved = Approved {
        proposal: id.to_owned(),
        digest,
        valid_from,
        basis,
        preview,
        official: official.clone(),
        signature,
        at: seen.now_ms,
    };
    let record = Record::Approved(approved);
    let after = office.write(seen, None, &record)?;
    match after.event(&record).and_then(|event| event.void.clone()) {
        Some(void) => Err(refused(format!("the approval of {id} counts for nothing: {void}"))),
        None => Ok(format!("{official} approved {id}\n{}", shown::waiting(&after, id, office))),
    }
}

/// Signs with a private key, whose official is found by the public half.
pub(super) fn by_key(seen: &Seen, file: &std::path::Path, signed: &Signed) -> Result<(String, String), CommandError> {
    let pair = keys::read(file)?;
    let key = hex_of(pair.public_key().as_ref());
    let found = officials(seen)?.officials.iter().find(|official| official.key.to_lowercase() == key);
    let official = found.ok_or_else(|| {
        refused(format!("{}: its public key {key} is no official's of this installation", file.display()))
    })?;
    Ok((official.name.clone(), hex_of(pair.sign(&signed.bytes()).as_ref())))
}

/// Whose signature it is.
fn by_signature(seen: &Seen, signature: &str, signed: &Signed) -> Result<(String, String), CommandError> {
    let found = officials(seen)?.officials.iter().find(|official| signed.is_signed(&official.key, signature));
    let official = found.ok_or_else(|| {
        refused("the signature is that of no official over the bytes that `--text` prints (with the same --preview)")
    })?;
    Ok((official.name.clone(), signature.to_owned()))
}

fn officials(seen: &Seen) -> Result<&Officials, CommandError> {
    seen.fold.basis().officials().ok_or_else(|| refused(crate::live::decisions::basis::Void::NoOfficials.to_string()))
}
