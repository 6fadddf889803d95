//! Numbers, exact or not at all.

/// An integer with its sign apart, so that every 64-bit one fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Integer {
    pub(super) negative: bool,
    pub(super) magnitude: u64,
}

impl Integer {
    /// Digits with or without a sign, and nothing else; at most 19 digits, which cannot overflow. Returns how
    /// many bytes it took, none where something else stands there.
    #[inline]
    pub(super) fn short_prefix(text: &[u8]) -> (Self, usize) {
        let negative = text.first() == Some(&b'-');
        let start = usize::from(negative);
        let mut magnitude = 0u64;
        let mut at = start;
        while let Some(digit) = text.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
            magnitude = magnitude.wrapping_mul(10).wrapping_add(u64::from(digit));
            at += 1;
        }
        let digits = at - start;
        (Self { negative, magnitude }, if digits == 0 || digits > 19 { 0 } else { at })
    }

    /// Any way to write an integer: `-5`, `007`, `1.50e3`. Nothing if it is not exactly an integer of at most
    /// 64 bits.
    #[cold]
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let (negative, text) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        let (mantissa, exponent) = match text.iter().position(|byte| matches!(byte, b'e' | b'E')) {
            Some(at) => (&text[..at], std::str::from_utf8(&text[at + 1..]).ok()?.parse::<i64>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = match mantissa.iter().position(|byte| *byte == b'.') {
            Some(at) if at + 1 < mantissa.len() => (&mantissa[..at], &mantissa[at + 1..]),
            Some(_) => return None,
            None => (mantissa, &[][..]),
        };
        if whole.is_empty() || !whole.iter().chain(fraction).all(u8::is_ascii_digit) {
            return None;
        }
        let digits = whole.iter().chain(fraction).map(|byte| u64::from(byte - b'0'));
        // The number is its digits times ten to the power of `shift`.
        let shift = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        let dropped = usize::try_from(shift.min(0).unsigned_abs()).ok()?.min(whole.len() + fraction.len());
        let kept = whole.len() + fraction.len() - dropped;
        if digits.clone().skip(kept).any(|digit| digit != 0) {
            return None;
        }
        let push = |sum: u64, digit| sum.checked_mul(10)?.checked_add(digit);
        let mut magnitude = digits.take(kept).try_fold(0u64, push)?;
        if magnitude > 0 {
            for _ in 0..shift.max(0) {
                magnitude = push(magnitude, 0)?;
            }
        }
        Some(Self { negative, magnitude })
    }

    pub(super) fn to_i64(self) -> Option<i64> {
        if self.negative { 0i64.checked_sub_unsigned(self.magnitude) } else { self.magnitude.try_into().ok() }
    }

    pub(super) fn to_u64(self) -> Option<u64> {
        (!self.negative || self.magnitude == 0).then_some(self.magnitude)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<i128> {
        Integer::parse(text.as_bytes())
            .map(|number| i128::from(number.magnitude) * if number.negative { -1 } else { 1 })
    }

    #[test]
    fn integers_are_exact_or_nothing() {
        for (text, expected) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("007", Some(7)),
            ("+7", Some(7)),
            ("18446744073709551615", Some(i128::from(u64::MAX))),
            ("18446744073709551616", None),
            ("1.0", Some(1)),
            ("1.50e1", Some(15)),
            ("1.55e1", None),
            ("1e19", Some(10_000_000_000_000_000_000)),
            ("1e20", None),
            ("1e999999999", None),
            ("0e999999999", Some(0)),
            ("100e-2", Some(1)),
            ("1e-1", None),
            ("0e-99", Some(0)),
            ("", None),
            ("-", None),
            ("1.", None),
            (".5", None),
            ("1e", None),
            ("1e99999999999999999999", None),
            ("0x10", None),
            (" 1", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}
