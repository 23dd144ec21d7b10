//! Who the invented people are: resident IDs of divisions 99xxxx (no such place exists), passports, or keys.
//!
//! Owns the way from a person's number to the fields of a record. A person is always known in the same way: by
//! certificate or by key, since only the holder of the pseudonymisation key could say that the two are one. Must
//! never make a real division.

use super::random::{Purpose, Random};

/// The people of a district: numbers from 0 to count - 1.
#[derive(Clone, Copy)]
pub(super) struct Identities {
    pub(super) seed: u64,
    /// The share of the people known by certificate.
    pub(super) certificates: f64,
}

/// The share of passports among the certificates.
const PASSPORTS: f64 = 0.02;

impl Identities {
    /// Appends the person's fields: `"person":"..."` or `"cert_type":"..","cert_number":"..."`.
    pub(super) fn write(&self, person: u32, out: &mut Vec<u8>) {
        let mut random = Random::of(self.seed, Purpose::Identity, u64::from(person));
        if !random.chance(self.certificates) {
            out.extend_from_slice(b"\"person\":\"");
            write_hex(random.next(), out);
            write_hex(random.next(), out);
        } else if random.chance(PASSPORTS) {
            out.extend_from_slice(b"\"cert_type\":\"20\",\"cert_number\":\"E");
            write_digits(person, 8, out);
        } else {
            out.extend_from_slice(b"\"cert_type\":\"10\",\"cert_number\":\"");
            out.extend_from_slice(&resident_id(person, &mut random));
        }
        out.push(b'"');
    }
}

/// A resident ID that no two people share: division and sequence come from the number, the birth date from chance.
pub(super) fn resident_id(person: u32, random: &mut Random) -> [u8; 18] {
    let mut digits = Vec::with_capacity(18);
    digits.extend_from_slice(b"99");
    write_digits(person / 1000 % 10_000, 4, &mut digits);
    write_digits(random.between(1935, 2018), 4, &mut digits);
    write_digits(random.between(1, 12), 2, &mut digits);
    write_digits(random.between(1, 28), 2, &mut digits);
    write_digits(person % 1000, 3, &mut digits);
    digits.push(check_digit(&digits));
    digits.try_into().unwrap_or([b'0'; 18])
}

/// The check digit of 17 digits by ISO 7064 MOD 11-2, as GB 11643 lays down.
pub(super) fn check_digit(digits: &[u8]) -> u8 {
    let sum = digits.iter().fold(0, |sum, digit| (sum + u32::from(digit.wrapping_sub(b'0'))) * 2 % 11);
    match (12 - sum) % 11 {
        10 => b'X',
        digit => b'0' + digit as u8,
    }
}

/// Appends the last `width` digits of a number, zeros in front.
pub(super) fn write_digits(mut value: u32, width: usize, out: &mut Vec<u8>) {
    let mut digits = [b'0'; 10];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
    out.extend_from_slice(digits.get(10 - width..).unwrap_or(&digits));
}

fn write_hex(value: u64, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; 16];
    for (place, digit) in text.iter_mut().enumerate() {
        *digit = DIGITS[(value >> (60 - 4 * place) & 15) as usize];
    }
    out.extend_from_slice(&text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_digit_of_the_standard() {
        assert_eq!(check_digit(b"11010519491231002"), b'X');
        assert_eq!(check_digit(b"44052418800101001"), b'4');
    }

    #[test]
    fn resident_ids_lie_in_no_real_division() {
        let id = resident_id(12_345, &mut Random::of(1, Purpose::Identity, 12_345));
        assert!(id.starts_with(b"990012"), "{}", String::from_utf8_lossy(&id));
        assert_eq!(id[17], check_digit(&id[..17]));
    }
}
