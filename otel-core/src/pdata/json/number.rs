//! Integers: read exactly or not at all, and written.

/// Room for the digits of any number, and for the eight that are always written at once.
pub(super) const MOST_DIGITS: usize = 24;

/// Writes a number in decimal and returns how many digits it has.
///
/// Eight digits at a time, in place: a buffer of its own would be read again before its stores are done.
#[inline]
pub(super) fn put_decimal(number: u64, to: &mut [u8; MOST_DIGITS]) -> usize {
    const EIGHT: u64 = 100_000_000;
    if number < EIGHT {
        return put_head(number, to, 0);
    }
    let head = number / EIGHT;
    let len = if head < EIGHT {
        put_head(head, to, 0)
    } else {
        let len = put_head(head / EIGHT, to, 0);
        put_eight(digits(head % EIGHT), to, len)
    };
    put_eight(digits(number % EIGHT), to, len)
}

/// Writes a number of at most eight digits without zeros in front.
#[inline]
fn put_head(number: u64, to: &mut [u8; MOST_DIGITS], at: usize) -> usize {
    let digits = digits(number);
    // The last digit stays, even if it is zero.
    let zeros = (digits | 1 << 56).trailing_zeros() / 8;
    put_eight(digits >> (8 * zeros), to, at) - zeros as usize
}

#[inline]
fn put_eight(digits: u64, to: &mut [u8; MOST_DIGITS], at: usize) -> usize {
    let text = digits | u64::from_le_bytes(*b"00000000");
    // There are three times eight at most.
    to[at.min(16)..][..8].copy_from_slice(&text.to_le_bytes());
    at + 8
}

/// The eight digits of a number below 10^8, a byte each, the first one lowest. Halves are split in all their places
/// at once, by multiplication with inverses that are exact for so few digits.
#[inline]
const fn digits(number: u64) -> u64 {
    let fours = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let twos = hundreds | ((fours - 100 * hundreds) << 16);
    let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | ((twos - 10 * tens) << 8)
}

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
    fn numbers_of_every_length_are_written() {
        let mut numbers = vec![0, 1, 9, u64::MAX];
        for power in 0..20 {
            let power = 10u64.pow(power);
            numbers.extend([power - 1, power, power + 1, power.wrapping_mul(7), u64::MAX / power]);
        }
        let mut state = 1u64;
        for shift in (0..64).cycle().take(if cfg!(miri) { 1_000 } else { 100_000 }) {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            numbers.push(state >> shift);
        }
        for number in numbers {
            let mut text = [0; MOST_DIGITS];
            let len = put_decimal(number, &mut text);
            assert_eq!(text[..len], *number.to_string().as_bytes());
        }
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
