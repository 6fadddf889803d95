//! Durations as Go writes them.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Reads a duration such as `300ms`, `1.5h` or `2h45m`: numbers with units, a bare `0`, or nothing else.
///
/// `None` if the text is none, is negative, or is longer than 292 years.
pub fn parse_duration(text: &str) -> Option<Duration> {
    u64::try_from(parse_nanos(text)?).ok().map(Duration::from_nanos)
}

/// Writes a duration as Go does: `1h0m0s`, `90.5ms`, `0s`.
pub fn format_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let part = |unit: u128| {
        let (whole, below) = (nanos / unit, nanos % unit);
        let digits = unit.ilog10() as usize;
        let fraction = format!("{below:0digits$}");
        match fraction.trim_end_matches('0') {
            "" => whole.to_string(),
            fraction => format!("{whole}.{fraction}"),
        }
    };
    match nanos {
        0 => "0s".to_owned(),
        1..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => format!("{}µs", part(1_000)),
        1_000_000..1_000_000_000 => format!("{}ms", part(1_000_000)),
        _ => {
            let minutes = nanos / 60_000_000_000;
            let below = Duration::from_nanos((nanos % 60_000_000_000) as u64);
            let seconds = format!("{}s", below.as_secs_f64());
            match (minutes / 60, minutes % 60) {
                (0, 0) => seconds,
                (0, minutes) => format!("{minutes}m{seconds}"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
            }
        }
    }
}

/// For `#[serde(deserialize_with = "otel_core::config::deserialize_duration")]` on a [`Duration`].
pub fn deserialize_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    struct Go(Duration);

    struct GoVisitor;

    impl Visitor<'_> for GoVisitor {
        type Value = Go;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a duration such as 200ms or 1h30m")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Go, E> {
            parse_duration(text).map(Go).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
        }

        fn visit_u64<E: Error>(self, nanos: u64) -> Result<Go, E> {
            Ok(Go(Duration::from_nanos(nanos)))
        }

        fn visit_unit<E: Error>(self) -> Result<Go, E> {
            Ok(Go(Duration::ZERO))
        }
    }

    impl<'de> Deserialize<'de> for Go {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_any(GoVisitor)
        }
    }

    Go::deserialize(deserializer).map(|Go(duration)| duration)
}

/// The nanoseconds of a duration that may be negative, within the bounds of Go's type.
pub(super) fn parse_nanos(text: &str) -> Option<i64> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if unsigned == "0" {
        return Some(0);
    }
    let mut rest = unsigned;
    let mut nanos: u64 = 0;
    while !rest.is_empty() {
        let (part, after) = leading_part(rest)?;
        nanos = nanos.checked_add(part)?;
        rest = after;
    }
    if unsigned.is_empty() {
        return None;
    }
    let nanos = i128::from(nanos);
    i64::try_from(if negative { -nanos } else { nanos }).ok()
}

/// One number with its unit, in nanoseconds, and what follows.
fn leading_part(text: &str) -> Option<(u64, &str)> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let (whole, rest) = text.split_at(digits(text));
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(digits(rest)),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let unit_len = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(unit_len);
    let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    // Digits beyond the nineteenth are far below a nanosecond.
    let (shown, _) = fraction.split_at(fraction.len().min(19));
    let mut part = whole.checked_mul(*scale)?;
    if !shown.is_empty() {
        let numerator = u128::from(shown.parse::<u64>().ok()?) * u128::from(*scale);
        let below = u64::try_from(numerator / 10_u128.pow(shown.len() as u32)).ok()?;
        part = part.checked_add(below)?;
    }
    Some((part, rest))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{format_duration, parse_nanos};

    #[test]
    fn writes_what_go_writes() {
        for (nanos, text) in [
            (0, "0s"),
            (7, "7ns"),
            (1_500, "1.5µs"),
            (200_000_000, "200ms"),
            (1_000_000_000, "1s"),
            (90_500_000_000, "1m30.5s"),
            (300_000_000_000, "5m0s"),
            (3_600_000_000_000, "1h0m0s"),
            (3_723_500_000_001, "1h2m3.500000001s"),
        ] {
            assert_eq!(format_duration(Duration::from_nanos(nanos)), text);
            assert_eq!(parse_nanos(text), Some(nanos as i64), "{text}");
        }
    }

    #[test]
    fn reads_what_go_reads() {
        let table = [
            ("0", 0),
            ("-0", 0),
            ("5s", 5_000_000_000),
            ("1h2m3.5s", 3_723_500_000_000),
            ("200ms", 200_000_000),
            ("1us", 1_000),
            ("1µs", 1_000),
            ("1μs", 1_000),
            ("39h9m14.425s", 140_954_425_000_000),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("-1.5h", -5_400_000_000_000),
            ("+1ns", 1),
            ("0.3333333333333333333h", 1_200_000_000_000 - 1),
            ("9223372036854775807ns", i64::MAX),
            ("-9223372036854775808ns", i64::MIN),
        ];
        for (text, nanos) in table {
            assert_eq!(parse_nanos(text), Some(nanos), "{text:?}");
        }
    }

    #[test]
    fn refuses_what_go_refuses() {
        for text in [
            "",
            "3",
            "-",
            "+",
            "s",
            ".",
            "-.",
            ".s",
            "+.s",
            "1d",
            "1 s",
            " 1s",
            "1s ",
            "1S",
            "5 parsecs",
            "9223372036854775808ns",
            "3000000h",
            "1e3s",
            "é",
            "1é",
        ] {
            assert_eq!(parse_nanos(text), None, "{text:?}");
        }
    }
}
