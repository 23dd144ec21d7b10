//! A person by certificate: the number comes from a prompt that shows nothing, or from standard input, and is hashed
//! at once.
//!
//! Owns the number for as long as that takes. Must never show it: no message repeats what was given.

use std::io::{self, BufRead, IsTerminal as _};

use console::Term;
use fuma_schemas::Person;
use fuma_schemas::vocabulary::{CertificateType, ClosedList};

use crate::intake::resident_id::check_digit;
use crate::intake::{Key, person_token};

/// Reads a type of certificate of the command line.
pub(super) fn cert_type(text: &str) -> Result<String, String> {
    match CertificateType::NAMES.contains(&text) {
        true => Ok(text.to_string()),
        false => Err(format!("give one of {}", CertificateType::NAMES.join(", "))),
    }
}

/// Asks for a number, or reads it where nobody can be asked, and gives the token.
pub(super) fn ask(key: &Key, cert_type: &str) -> Result<Person, String> {
    let terminal = Term::stderr();
    let read = if io::stdin().is_terminal() && terminal.is_term() {
        terminal.write_str("certificate number (not shown): ").and_then(|()| terminal.read_secure_line())
    } else {
        first_line(io::stdin().lock())
    };
    token(key, cert_type, &read.map_err(|error| format!("the certificate number cannot be read: {error}"))?)
}

fn first_line(mut input: impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    Ok(line)
}

/// The token of a number, where it can be one of its type.
pub(super) fn token(key: &Key, cert_type: &str, number: &str) -> Result<Person, String> {
    let spelt: String = number.chars().filter(|letter| !letter.is_whitespace()).collect();
    if spelt.is_empty() {
        return Err("no certificate number was given: type it when asked, or pipe it to standard input".to_string());
    }
    let last = spelt.chars().last().map(|letter| letter.to_ascii_uppercase());
    if cert_type == CertificateType::ResidentId.name() && (spelt.chars().count() != 18 || check_digit(&spelt) != last) {
        return Err("not a resident ID: give 17 digits and their check digit".to_string());
    }
    Ok(person_token(key, cert_type, &spelt))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn key() -> Key {
        Key::from_hex(&"0b".repeat(32)).unwrap()
    }

    #[test]
    fn a_number_gives_the_token_that_intake_gives() {
        let expected = person_token(&key(), "10", "99000119900101003X");
        for text in ["99000119900101003X\n", " 990001 19900101 003x \r\n"] {
            assert_eq!(token(&key(), "10", text), Ok(expected));
        }
        assert_eq!(token(&key(), "20", "e 1"), Ok(person_token(&key(), "20", "E1")));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_number() {
        for (number, expected) in [("", "no certificate number"), ("99000119900101003", "not a resident ID")] {
            assert!(token(&key(), "10", number).unwrap_err().contains(expected));
        }
        let error = token(&key(), "10", "990001199001010031").unwrap_err();
        assert!(!error.contains("99000"), "{error}");
        assert!(cert_type("11").is_err());
    }

    #[test]
    fn the_number_is_the_first_line() {
        assert_eq!(first_line("E1\nE2\n".as_bytes()).unwrap(), "E1\n");
    }
}
