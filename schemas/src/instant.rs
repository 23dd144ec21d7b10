//! Instants: milliseconds UTC inside, RFC 3339 with an offset outside, local days of Asia/Shanghai (UTC+8, no summer
//! time).
//!
//! Owns parsing, writing and day arithmetic (docs/feeds.md sections 1 and 5). Must never read a clock.

use std::fmt;

/// Milliseconds of a day of 24 hours.
pub const DAY_MS: i64 = 86_400_000;
/// Milliseconds of an hour.
pub const HOUR_MS: i64 = 3_600_000;
/// The offset of local time: UTC+8, all year round.
const LOCAL_OFFSET_MS: i64 = 8 * HOUR_MS;
/// Far outside the calendar, with room for the arithmetic of days.
const FAR_MS: i64 = i64::MAX / 4;

/// An instant in milliseconds since 1970-01-01T00:00Z.
///
/// Arithmetic on the number may leave the calendar; [`Instant::in_calendar`] says whether it did.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Instant(pub i64);

impl Instant {
    /// The earliest instant a record may carry: 1970-01-01T00:00Z.
    pub const MIN: Instant = Instant(0);
    /// The latest instant a record may carry: 9999-12-31T23:59:59.999+08:00.
    pub const MAX: Instant = Instant(253_402_271_999_999);

    /// Reads RFC 3339 with an offset. Digits past milliseconds are cut; `t` and `z` may be lower-case; a blank in
    /// place of the `T`, a 60th second and 24:00 are refused, and so is what lies outside [`Instant::MIN`] to
    /// [`Instant::MAX`].
    pub fn parse(text: &str) -> Option<Instant> {
        let (date, rest) = text.as_bytes().split_first_chunk::<8>()?;
        let (time, rest) = rest.split_first_chunk::<8>()?;
        let (end, rest) = rest.split_first_chunk::<3>()?;
        let [hundreds, _, years, _, _, month, ..] = pairs(*date, DATE)?;
        let [day, _, _, hour, _, _, minute, _] = pairs(*time, TIME)?;
        let [b':', s1, s2] = *end else { return None };
        let days = days_from_civil(100 * i64::from(hundreds) + i64::from(years), month.into(), day.into())?;
        let (hour, minute, second) = (i64::from(hour), i64::from(minute), two(s1, s2)?);
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let (millis, rest) = fraction(rest)?;
        let offset_ms = offset(rest)?;
        let local = days * DAY_MS + hour * HOUR_MS + minute * 60_000 + second * 1000 + millis;
        let instant = Instant(local - offset_ms);
        instant.in_calendar().then_some(instant)
    }

    /// Whether the instant lies within the calendar of the contract. A computed one that does not is null: open,
    /// none.
    pub fn in_calendar(self) -> bool {
        (Instant::MIN..=Instant::MAX).contains(&self)
    }

    /// The local midnight that begins this instant's day: `day(t)` of docs/feeds.md section 5. Of an instant far
    /// outside
    /// the calendar it lies as far outside on the same side, and never wraps.
    pub fn day(self) -> Instant {
        let local = self.0.clamp(-FAR_MS, FAR_MS) + LOCAL_OFFSET_MS;
        Instant(local.div_euclid(DAY_MS) * DAY_MS - LOCAL_OFFSET_MS)
    }

    /// The end of the n-th full day after this instant's own: `day_end(t, n)`; none beyond the calendar.
    pub fn day_end(self, days: i64) -> Option<Instant> {
        let end = Instant(days.checked_add(1)?.checked_mul(DAY_MS)?.checked_add(self.day().0)?);
        (end <= Instant::MAX).then_some(end)
    }

    /// The year, month and day of the local date.
    pub fn local_date(self) -> (i64, i64, i64) {
        civil_from_days((self.0 + LOCAL_OFFSET_MS).div_euclid(DAY_MS))
    }

    /// Appends the instant as `2021-11-08T09:13:00+08:00`, with three digits of a fraction unless it is zero.
    pub fn write_to(self, out: &mut Vec<u8>) {
        let (text, length) = self.spelt();
        out.extend_from_slice(&text[..length]);
    }

    /// The same, and how many bytes it has.
    fn spelt(self) -> ([u8; 29], usize) {
        let local = self.0 + LOCAL_OFFSET_MS;
        let (days, in_day) = (local.div_euclid(DAY_MS), local.rem_euclid(DAY_MS) as u32);
        let (year, month, day) = civil_from_days(days);
        let (year, seconds, millis) = (year.max(0) as u64, in_day / 1000, in_day % 1000);
        let minutes = seconds / 60;
        let mut text = *b"0000-00-00T00:00:00.000+08:00";
        let pairs = [
            (0, (year / 100 % 100) as u32),
            (2, (year % 100) as u32),
            (5, month as u32),
            (8, day as u32),
            (11, minutes / 60),
            (14, minutes % 60),
            (17, seconds % 60),
            (20, millis / 10),
        ];
        for (at, value) in pairs {
            text[at] = b'0' + (value / 10) as u8;
            text[at + 1] = b'0' + (value % 10) as u8;
        }
        if millis != 0 {
            text[22] = b'0' + (millis % 10) as u8;
            return (text, 29);
        }
        text.copy_within(23.., 19);
        (text, 25)
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, length) = self.spelt();
        out.write_str(&String::from_utf8_lossy(&text[..length]))
    }
}

/// Reads a calendar date `YYYY-MM-DD` as days since 1970-01-01.
pub fn parse_date(text: &str) -> Option<i32> {
    let bytes: &[u8; 10] = text.as_bytes().try_into().ok()?;
    let [c, y, k, r, b'-', m1, m2, b'-', d1, d2] = *bytes else { return None };
    date_of_digits([c, y, k, r, m1, m2, d1, d2])
}

/// Reads a calendar date of eight digits, `YYYYMMDD`, as days since 1970-01-01.
pub fn date_of_digits([c, y, k, r, m1, m2, d1, d2]: [u8; 8]) -> Option<i32> {
    let days = days_from_civil(100 * two(c, y)? + two(k, r)?, two(m1, m2)?, two(d1, d2)?)?;
    i32::try_from(days).ok()
}

/// The days since 1970-01-01 of a date; none if there is no such day.
pub fn date_of(year: i64, month: i64, day: i64) -> Option<i32> {
    i32::try_from(days_from_civil(year, month, day)?).ok()
}

/// The local midnight at which a date (days since 1970-01-01) begins.
pub fn local_midnight(days: i32) -> Instant {
    Instant(i64::from(days) * DAY_MS - LOCAL_OFFSET_MS)
}

/// What eight characters must be.
struct Form {
    text: u64,
    /// What may be added to how a character differs before its high bit says that it is another one.
    room: u64,
    /// The bit by which a small letter differs, where there is a letter.
    case: u64,
}

const DATE: Form = Form::new(*b"0000-00-");
const TIME: Form = Form::new(*b"00T00:00");

impl Form {
    /// A zero stands for any digit, a letter for itself of either case, anything else for itself.
    const fn new(text: [u8; 8]) -> Form {
        let (mut room, mut case, mut at) = ([0x7F; 8], [0; 8], 0);
        while at < 8 {
            room[at] -= if text[at] == b'0' { 9 } else { 0 };
            case[at] = if text[at].is_ascii_alphabetic() { 0x20 } else { 0 };
            at += 1;
        }
        let (text, room, case) = (u64::from_le_bytes(text), u64::from_le_bytes(room), u64::from_le_bytes(case));
        Form { text, room, case }
    }
}

/// The numbers that two digits each are, at the place of their first digit; what stands at other places means nothing.
/// None if the text has another form.
#[inline]
fn pairs(text: [u8; 8], form: Form) -> Option<[u8; 8]> {
    const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
    let digits = (u64::from_le_bytes(text) ^ form.text) & !form.case;
    let is_other = (((digits & !HIGH) + form.room) | digits) & HIGH;
    (is_other == 0).then(|| (10 * digits + (digits >> 8)).to_le_bytes())
}

/// Milliseconds of the fraction, and what follows it.
fn fraction(rest: &[u8]) -> Option<(i64, &[u8])> {
    let Some((b'.', rest)) = rest.split_first() else { return Some((0, rest)) };
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = rest.split_at(length);
    let digit = |at: usize| digits.get(at).map_or(0, |digit| i64::from(digit - b'0'));
    (length > 0).then(|| (digit(0) * 100 + digit(1) * 10 + digit(2), rest))
}

fn offset(bytes: &[u8]) -> Option<i64> {
    match bytes {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (two(*h1, *h2)?, two(*m1, *m2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let size = hours * HOUR_MS + minutes * 60_000;
            Some(if *sign == b'-' { -size } else { size })
        }
        _ => None,
    }
}

/// The number that two digits are.
#[inline]
fn two(tens: u8, ones: u8) -> Option<i64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| i64::from(10 * tens + ones))
}

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar; none if there is no such day.
#[inline]
fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    /// Days of a month, and of the year before it, without a leap day.
    const MONTHS: [(i64, i64); 12] = [
        (31, 0),
        (28, 31),
        (31, 59),
        (30, 90),
        (31, 120),
        (30, 151),
        (31, 181),
        (31, 212),
        (30, 243),
        (31, 273),
        (30, 304),
        (31, 334),
    ];
    /// Days of the years 0 to 1969.
    const BEFORE_1970: i64 = 719_527;
    let (length, before) = *MONTHS.get(usize::try_from(month - 1).ok()?)?;
    // What 4 divides, 100 divides if 25 does, and 400 if 16 does as well.
    let leap_day = i64::from(year & 3 == 0 && (year % 25 != 0 || year & 15 == 0));
    if !(1..=length + if month == 2 { leap_day } else { 0 }).contains(&day) {
        return None;
    }
    let last = year - 1;
    let centuries = last.div_euclid(100);
    let leap_days = (last >> 2) - centuries + (centuries >> 2) + if month > 2 { leap_day } else { 0 };
    Some(365 * year + leap_days + before + day - 1 - BEFORE_1970)
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day_of_year - (153 * shifted_month + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_of_a_saturated_instant_stays_outside() {
        for (millis, is_later) in [(i64::MAX, true), (i64::MAX - 1, true), (i64::MIN, false), (i64::MIN + 1, false)] {
            let day = Instant(millis).day();
            assert!(!day.in_calendar());
            assert_eq!(day > Instant::MAX, is_later, "{millis}");
            assert_eq!(Instant(millis).day_end(0).is_none(), is_later);
        }
    }

    fn ms(text: &str) -> Option<i64> {
        Instant::parse(text).map(|instant| instant.0)
    }

    #[test]
    fn spellings_of_one_instant() {
        for text in [
            "2021-11-08T09:13:00+08:00",
            "2021-11-08t01:13:00z",
            "2021-11-08T01:13:00.000999Z",
            "2021-11-07T21:13:00-04:00",
        ] {
            assert_eq!(ms(text), Some(1_636_333_980_000), "{text}");
        }
    }

    #[test]
    fn what_is_no_instant() {
        for text in [
            "",
            "2021-11-08",
            "2021-11-08 09:13:00+08:00",
            "2021-11-08T09:13:60+08:00",
            "2021-11-08T24:00:00+08:00",
            "2021-02-29T00:00:00Z",
            "2021-11-08T09:13:00",
            "2021-11-08T09:13:00.Z",
            "2021-11-08T09:13:00+24:00",
            "2021-11-08T09:13:00+0800",
            "1969-12-31T23:59:59Z",
            "9999-12-31T16:00:00Z",
            "2021-11-08T09:13:00ZZ",
            "2021-11-08T09:13Z",
            "２021-11-08T09:13:00Z",
            "2021-13-01T00:00:00Z",
        ] {
            assert_eq!(ms(text), None, "{text}");
        }
    }

    /// What eight characters at once say, one by one.
    fn has_form(text: &str) -> bool {
        let form = b"0000-00-00T00:00:00.000+00:00";
        text.len() == form.len()
            && text.bytes().zip(form).all(|(byte, form)| match form {
                b'0' => byte.is_ascii_digit(),
                b'T' => byte == b'T' || byte == b't',
                b'+' => byte == b'+' || byte == b'-',
                form => byte == *form,
            })
    }

    #[test]
    fn each_character_is_looked_at() {
        let text = "2021-11-08T09:13:07.123+08:00";
        let mut read = 0;
        for at in 0..text.len() {
            for other in 0..=0x7F_u8 {
                let mut bytes = text.as_bytes().to_vec();
                bytes[at] = other;
                let text = String::from_utf8(bytes).unwrap_or_default();
                let number = |from: usize| text.get(from..from + 2).and_then(|two| two.parse::<u32>().ok());
                let ends = [(5, 12), (8, 30), (11, 23), (14, 59), (17, 59), (24, 23), (27, 59)];
                let fits = ends.iter().all(|(at, most)| number(*at).is_some_and(|two| two <= *most))
                    && [5, 8].iter().all(|at| number(*at) != Some(0))
                    && text.get(..4).is_some_and(|year| year >= "1970");
                assert_eq!(ms(&text).is_some(), has_form(&text) && fits, "{text}");
                read += usize::from(ms(&text).is_some());
            }
        }
        assert!(read > 100, "{read}");
        for letter in ["é", "０", "号"] {
            for at in 0..text.len() - letter.len() {
                let mut text = text.to_owned();
                text.replace_range(at..at + letter.len(), letter);
                assert_eq!(ms(&text), None, "{text}");
            }
        }
    }

    #[test]
    fn every_day_of_the_calendar_is_the_one_after_the_day_before() {
        let mut next = 0;
        for year in 1970..=9999 {
            for (month, days) in (1..).zip([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]) {
                let leap = month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
                let days = days + i64::from(leap);
                for day in 1..=days {
                    assert_eq!(date_of(year, month, day), Some(next));
                    next += 1;
                }
                assert_eq!((date_of(year, month, 0), date_of(year, month, days + 1)), (None, None));
            }
        }
        assert_eq!((date_of(2021, 0, 1), date_of(2021, 13, 1)), (None, None));
        assert_eq!((date_of(0, 3, 1), date_of(-1, 12, 31)), (Some(-719_468), Some(-719_529)));
    }

    #[test]
    fn the_ends_of_the_calendar() {
        assert_eq!(ms("1970-01-01T00:00:00Z"), Some(Instant::MIN.0));
        assert_eq!(ms("9999-12-31T23:59:59.999+08:00"), Some(Instant::MAX.0));
        assert_eq!(Instant::MAX.day_end(0), None);
        assert_eq!(Instant::MIN.day(), Instant(-LOCAL_OFFSET_MS));
    }

    #[test]
    fn output_is_local_and_has_a_fraction_only_when_there_is_one() {
        assert_eq!(Instant(1_636_333_980_000).to_string(), "2021-11-08T09:13:00+08:00");
        assert_eq!(Instant(1_636_333_980_007).to_string(), "2021-11-08T09:13:00.007+08:00");
    }

    #[test]
    fn days_are_local() {
        let exposure = Instant::parse("2021-11-01T20:00:00+08:00").unwrap_or_default();
        assert_eq!(exposure.day_end(14).map(|end| end.to_string()).as_deref(), Some("2021-11-16T00:00:00+08:00"));
        assert_eq!(local_midnight(parse_date("2021-11-01").unwrap_or(0)), exposure.day());
    }
}
