//! Dates and times in the forms that a map declares, and in no other.
//!
//! ```text
//! yyyy-MM-dd HH:mm:ss     MM, dd, HH, mm, ss: two digits        M, d, H, m, s: one or two
//! yyyy年M月d日H时[m分]    [ ] may be left away                   SSS: digits of a fraction      XXX: an offset
//! ```
//!
//! `24时` is the next midnight, and no other spelling of it is one. Owns this grammar and the serial numbers of
//! spreadsheets. Must never guess a year, an order of day and month, or a zone.

use fuma_schemas::instant::{DAY_MS, date_of};

/// Days from 1899-12-30, the beginning of serial numbers, to 1970-01-01.
const SERIAL_1970: f64 = 25_569.0;
/// 9999-12-31.
const SERIAL_MAX: f64 = 2_958_466.0;
/// A serial number that is so near to a whole second is that second: it has 15 digits.
const SERIAL_NEAR_MS: i64 = 500;

/// What a text or number says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::tables) struct Clock {
    /// Days since 1970-01-01.
    pub(in crate::tables) days: i64,
    /// Milliseconds of the day; none of a date alone. May be a whole day: the next midnight.
    pub(in crate::tables) time_ms: Option<i64>,
    /// The offset from UTC that it names.
    pub(in crate::tables) offset_ms: Option<i64>,
}

/// A form of dates or times.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::tables) struct Form {
    items: Vec<Item>,
}

#[derive(Clone, PartialEq, Debug)]
enum Item {
    /// A part, and with how many digits: from, to.
    Part(Part, usize, usize),
    Offset,
    Letter(char),
    Optional(Vec<Item>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Fraction,
}

/// What was read so far.
#[derive(Clone, Copy, Default)]
struct Read {
    parts: [Option<i64>; 6],
    millis: i64,
    offset_ms: Option<i64>,
    is_hour_in_words: bool,
}

impl Form {
    /// Reads the description of a form.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(in crate::tables) fn parse(text: &str) -> Result<Form, String> {
        let mut letters = text.chars().peekable();
        let items = items(&mut letters, false)?;
        if items.is_empty() {
            return Err("it is empty".to_owned());
        }
        let form = Form { items };
        match (form.has(Part::Year), form.has(Part::Month) || form.has(Part::Day), form.has(Part::Hour)) {
            (false, true, _) => Err("it has a day without a year, and a year is never guessed".to_owned()),
            (false, false, false) => Err("it has neither a date nor an hour".to_owned()),
            (true, _, _) if !(form.has(Part::Month) && form.has(Part::Day)) => Err("it has no day".to_owned()),
            _ => Ok(form),
        }
    }

    fn has(&self, part: Part) -> bool {
        fn held(items: &[Item], part: Part) -> bool {
            items.iter().any(|item| match item {
                Item::Part(other, ..) => *other == part,
                Item::Optional(items) => held(items, part),
                _ => false,
            })
        }
        held(&self.items, part)
    }

    /// Whether it has a date.
    pub(in crate::tables) fn has_date(&self) -> bool {
        self.has(Part::Year)
    }

    /// Whether a date alone fits it.
    pub(in crate::tables) fn allows_date_alone(&self) -> bool {
        self.has_date() && !self.items.iter().any(|item| matches!(item, Item::Part(Part::Hour, ..)))
    }

    /// Whether it always names an offset.
    pub(in crate::tables) fn has_offset(&self) -> bool {
        self.items.contains(&Item::Offset)
    }

    /// What a text says in this form; none if it has another.
    pub(in crate::tables) fn read(&self, text: &str) -> Option<Clock> {
        let (read, rest) = read(&self.items, text, Read::default())?;
        if rest.is_empty() { read.clock(self.has_date()) } else { None }
    }
}

impl Read {
    fn clock(&self, has_date: bool) -> Option<Clock> {
        let [year, month, day, hour, minute, second] = self.parts;
        let days = if has_date { i64::from(date_of(year?, month?, day?)?) } else { 0 };
        let (minute, second) = (minute.unwrap_or(0), second.unwrap_or(0));
        let time_ms = match hour {
            None => None,
            Some(24) if self.is_hour_in_words && minute == 0 && second == 0 && self.millis == 0 => Some(DAY_MS),
            Some(hour) if hour < 24 && minute < 60 && second < 60 => {
                Some(((hour * 60 + minute) * 60 + second) * 1000 + self.millis)
            }
            Some(_) => return None,
        };
        Some(Clock { days, time_ms, offset_ms: self.offset_ms })
    }
}

fn items(letters: &mut std::iter::Peekable<std::str::Chars<'_>>, is_inner: bool) -> Result<Vec<Item>, String> {
    let mut items = Vec::new();
    while let Some(letter) = letters.next() {
        let mut count = 1;
        while letter.is_ascii_alphabetic() && letters.next_if_eq(&letter).is_some() {
            count += 1;
        }
        let digits = |part: Part| match count {
            1 => Ok(Item::Part(part, 1, 2)),
            2 => Ok(Item::Part(part, 2, 2)),
            _ => Err(format!("{letter} stands {count} times; write it once or twice")),
        };
        items.push(match letter {
            'y' if count == 4 => Item::Part(Part::Year, 4, 4),
            'y' => return Err("write yyyy: a year of two digits would be a guess".to_owned()),
            'M' => digits(Part::Month)?,
            'd' => digits(Part::Day)?,
            'H' => digits(Part::Hour)?,
            'm' => digits(Part::Minute)?,
            's' => digits(Part::Second)?,
            'S' => Item::Part(Part::Fraction, 1, 9),
            'X' => Item::Offset,
            '[' if !is_inner => Item::Optional(self::items(letters, true)?),
            ']' if is_inner => return Ok(items),
            '[' | ']' => return Err("square brackets do not fit; a part in them may not hold another".to_owned()),
            '\'' => {
                let mut quoted = Vec::new();
                loop {
                    match letters.next() {
                        Some('\'') => break,
                        Some(letter) => quoted.push(Item::Letter(letter)),
                        None => return Err("a quote ' is not closed".to_owned()),
                    }
                }
                items.extend(quoted);
                continue;
            }
            letter if letter.is_ascii_alphabetic() => {
                return Err(format!("{letter} means nothing; allowed: yyyy M d H m s S X, others in quotes '...'"));
            }
            letter => Item::Letter(letter),
        });
    }
    if is_inner { Err("a square bracket is not closed".to_owned()) } else { Ok(items) }
}

fn read<'t>(items: &[Item], text: &'t str, mut so_far: Read) -> Option<(Read, &'t str)> {
    let mut rest = text;
    for (place, item) in items.iter().enumerate() {
        match item {
            Item::Letter(letter) => {
                rest = rest.strip_prefix(*letter)?;
                let is_after_hour = place > 0 && matches!(items.get(place - 1), Some(Item::Part(Part::Hour, ..)));
                so_far.is_hour_in_words |= is_after_hour && *letter == '时';
            }
            Item::Part(part, least, most) => rest = part.read(rest, *least, *most, &mut so_far)?,
            Item::Offset => {
                let (offset_ms, behind) = offset(rest)?;
                (so_far.offset_ms, rest) = (Some(offset_ms), behind);
            }
            Item::Optional(inner) => {
                let behind = items.get(place + 1..).unwrap_or_default();
                let with = read(inner, rest, so_far).and_then(|(read_so, rest)| read(behind, rest, read_so));
                return match with {
                    Some((read, "")) => Some((read, "")),
                    _ => read(behind, rest, so_far),
                };
            }
        }
    }
    Some((so_far, rest))
}

impl Part {
    fn read<'t>(self, text: &'t str, least: usize, most: usize, so_far: &mut Read) -> Option<&'t str> {
        let length = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if length < least {
            return None;
        }
        let (digits, rest) = text.split_at_checked(length)?;
        if self == Part::Fraction {
            let thousandths =
                digits.bytes().chain(*b"000").take(3).fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
            so_far.millis = thousandths;
            return Some(rest);
        }
        let value = digits.bytes().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
        *so_far.parts.get_mut(self as usize)? = Some(value);
        Some(rest)
    }
}

/// An offset from UTC at the beginning of a text: `Z`, `+08:00`, `+0800`, `+08`.
pub(in crate::tables) fn offset(text: &str) -> Option<(i64, &str)> {
    if let Some(rest) = text.strip_prefix(['Z', 'z']) {
        return Some((0, rest));
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits = text.strip_prefix(['+', '-'])?;
    let number = |text: &str, from: usize| text.get(from..from + 2)?.parse::<i64>().ok();
    let is_digits = |text: &str, from: usize| {
        text.as_bytes().get(from..from + 2).is_some_and(|d| d.is_ascii() && d.iter().all(u8::is_ascii_digit))
    };
    if !is_digits(digits, 0) {
        return None;
    }
    let hours = number(digits, 0)?;
    let colon = usize::from(digits.as_bytes().get(2) == Some(&b':'));
    let (minutes, end) = if is_digits(digits, 2 + colon) { (number(digits, 2 + colon)?, 4 + colon) } else { (0, 2) };
    (hours <= 23 && minutes <= 59).then_some((sign * (hours * 60 + minutes) * 60_000, digits.get(end..)?))
}

/// What a serial number of a spreadsheet says; none outside of its calendar.
pub(in crate::tables) fn of_serial(value: f64, is_1904: bool) -> Option<Clock> {
    let value = if is_1904 { value + 1462.0 } else { value };
    // Below 61 the calendar of spreadsheets has a day that never was.
    if !(61.0..SERIAL_MAX).contains(&value) {
        return None;
    }
    let millis = ((value - SERIAL_1970) * DAY_MS as f64).round() as i64;
    let second = (millis + 500).div_euclid(1000) * 1000;
    let millis = if (second - millis).abs() <= SERIAL_NEAR_MS { second } else { millis };
    let is_date_alone = value.fract() == 0.0;
    Some(Clock {
        days: millis.div_euclid(DAY_MS),
        time_ms: (!is_date_alone).then_some(millis.rem_euclid(DAY_MS)),
        offset_ms: None,
    })
}

/// The time of day of a serial number below 1.
pub(in crate::tables) fn time_of_serial(value: f64) -> Option<i64> {
    let seconds = (value * 86_400.0).round() as i64;
    ((0.0..1.0).contains(&value) && seconds < 86_400).then_some(seconds * 1000)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn shown(form: &str, text: &str) -> Option<String> {
        let clock = Form::parse(form).unwrap().read(text)?;
        Some(format!("{} {:?} {:?}", clock.days, clock.time_ms.map(|ms| ms / 1000), clock.offset_ms))
    }

    #[test]
    fn a_form_takes_its_own_spelling_and_no_other() {
        let day = 18_993 + 63;
        for (form, text, seconds) in [
            ("yyyy-MM-dd HH:mm:ss", "2022-03-05 14:07:00", 50_820),
            ("yyyy/M/d H:mm", "2022/3/5 14:07", 50_820),
            ("yyyyMMddHHmmss", "20220305140700", 50_820),
            ("yyyy年M月d日H时[m分]", "2022年3月5日14时", 50_400),
            ("yyyy年M月d日H时[m分]", "2022年3月5日14时7分", 50_820),
            ("yyyy年M月d日H时", "2022年3月5日24时", 86_400),
            ("yyyy-MM-dd HH:mm:ss[.SSS]", "2022-03-05 14:07:00.123", 50_820),
        ] {
            assert_eq!(shown(form, text), Some(format!("{day} Some({seconds}) None")), "{form} {text}");
        }
        for (form, text) in [
            ("yyyy-MM-dd HH:mm:ss", "2022-03-05"),
            ("yyyy-MM-dd HH:mm:ss", "2022-03-05 24:00:00"),
            ("yyyy-MM-dd HH:mm:ss", "2022-03-05 14:07:60"),
            ("yyyy-MM-dd HH:mm:ss", "2022-03-05 14:07:00 "),
            ("yyyy-MM-dd", "2022-02-29"),
            ("yyyy-MM-dd", "2022-3-5"),
            ("M/d/yyyy", "15/3/2022"),
            ("yyyyMMddHHmmss", "20220305"),
            ("yyyy年M月d日H时", "2022年3月5日25时"),
        ] {
            assert_eq!(shown(form, text), None, "{form} {text}");
        }
        assert_eq!(
            shown("yyyy-MM-dd'T'HH:mm:ssXXX", "2022-03-05T14:07:00+08:00").unwrap(),
            format!("{day} Some(50820) Some(28800000)")
        );
    }

    #[test]
    fn what_is_no_form_is_said() {
        for (form, says) in [
            ("yy-MM-dd", "yyyy"),
            ("MM-dd HH:mm", "without a year"),
            ("yyyy-MM", "no day"),
            ("yyyy-MM-dd q", "q means nothing"),
            ("yyyy-MM-dd[ HH:mm", "not closed"),
            ("-", "neither"),
            ("", "empty"),
        ] {
            assert!(Form::parse(form).unwrap_err().contains(says), "{form}");
        }
    }

    #[test]
    fn serial_numbers() {
        let clock = of_serial(44_625.0, false).unwrap();
        assert_eq!((clock.days, clock.time_ms), (19_056, None));
        assert_eq!(of_serial(44_625.588_194_444, false).unwrap().time_ms, Some(50_820_000));
        assert_eq!((of_serial(60.0, false), of_serial(-1.0, false), of_serial(f64::NAN, false)), (None, None, None));
        assert_eq!(of_serial(43_163.0, true).unwrap().days, 19_056);
        assert_eq!((time_of_serial(0.5), time_of_serial(1.0)), (Some(43_200_000), None));
    }
}
