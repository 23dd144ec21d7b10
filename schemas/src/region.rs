//! Region codes (GB/T 2260): their shape, the 34 provincial ones, and their normal form (docs/feeds.md section 1).
//!
//! Owns the lengths and the provinces. Knows no names of places.

/// The lengths of a code: province, city, county, street, area.
pub const CODE_LENGTHS: [usize; 5] = [2, 4, 6, 9, 12];

/// The first two digits of every code: the 34 divisions.
pub const PROVINCES: [&str; 34] = [
    "11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41", "42", "43", "44",
    "45", "46", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65", "71", "81", "82",
];

/// Whether there is a province with a number of two digits.
const IS_PROVINCE: [bool; 100] = {
    let (mut is_province, mut at) = ([false; 100], 0);
    while at < PROVINCES.len() {
        let digits = PROVINCES[at].as_bytes();
        is_province[10 * (digits[0] - b'0') as usize + (digits[1] - b'0') as usize] = true;
        at += 1;
    }
    is_province
};

/// Whether this is a code of 2, 4, 6, 9 or 12 digits of one of the 34 provinces.
pub fn is_code(code: &str) -> bool {
    let number = |digits: &[u8; 2]| digits.iter().fold(0, |number, digit| 10 * number + usize::from(digit - b'0'));
    has_shape(code) && code.as_bytes().first_chunk().is_some_and(|digits| IS_PROVINCE[number(digits)])
}

/// Whether this has the shape of a code, of a province or not.
pub fn has_shape(code: &str) -> bool {
    CODE_LENGTHS.contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether this is one of the 34 provincial codes of 2 digits.
pub fn is_province(code: &str) -> bool {
    code.len() == CODE_LENGTHS[0] && is_code(code)
}

/// A code without the zeros that pad it: 330100 is 3301, 330000000000 is 33. What is no code is returned as it is.
pub fn normal(code: &str) -> &str {
    let mut normal = code;
    // What pads is zeros, so most codes are looked at no further.
    if code.ends_with('0') && has_shape(code) {
        for pair in CODE_LENGTHS.windows(2).rev() {
            let &[shorter, longer] = pair else { continue };
            let (Some(kept), Some(cut)) = (normal.get(..shorter), normal.get(shorter..)) else { continue };
            if normal.len() == longer && cut.bytes().all(|byte| byte == b'0') {
                normal = kept;
            }
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn provinces_are_sorted() {
        assert!(PROVINCES.windows(2).all(|pair| pair[0] < pair[1]));
        let codes = (0..100).map(|number| format!("{number:02}"));
        let provinces: Vec<String> = codes.filter(|code| is_province(code)).collect();
        assert_eq!(provinces, PROVINCES);
    }

    #[test]
    fn zeros_that_pad_go_again_and_again() {
        for (code, expected) in [
            ("330100", "3301"),
            ("330000", "33"),
            ("330000000000", "33"),
            ("330106001000", "330106001"),
            ("330106000000", "330106"),
            ("330106000001", "330106000001"),
            ("4419", "4419"),
            ("441900000", "4419"),
            ("441900003", "441900003"),
            ("33", "33"),
            ("3300000", "3300000"),
        ] {
            assert_eq!(normal(code), expected, "{code}");
        }
    }

    #[test]
    fn codes_and_what_is_none() {
        assert!(is_code("33") && is_code("330106001002") && is_province("82") && !is_province("3301"));
        for code in ["", "3", "99", "00", "000000", "33010600000", "3301060000000", "３３", "33a1"] {
            assert!(!is_code(code), "{code}");
        }
    }
}
