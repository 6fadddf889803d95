//! What an untagged YAML scalar means, by the rules of Go's yaml.v3.

/// The value of a scalar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScalarValue<'a> {
    /// Nothing, `~` or `null`.
    Null,
    /// `true` or `false`; `yes`, `on` and their like are strings.
    Bool(bool),
    /// An integer from the smallest `i64` to the greatest `u64`.
    Int(i128),
    /// A number with a point or an exponent, an infinity, or not a number.
    Float(f64),
    /// Everything else. Dates are strings, too.
    String(&'a str),
}

impl<'a> ScalarValue<'a> {
    /// Reads a plain (unquoted, untagged) scalar.
    ///
    /// Integers may have the prefixes `0x`, `0o`, `0b` and the octal `0` of YAML 1.1, and underscores anywhere after the
    /// first digit.
    pub fn of_plain(text: &'a str) -> Self {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => return Self::Null,
            "true" | "True" | "TRUE" => return Self::Bool(true),
            "false" | "False" | "FALSE" => return Self::Bool(false),
            ".nan" | ".NaN" | ".NAN" => return Self::Float(f64::NAN),
            ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Self::Float(f64::INFINITY),
            "-.inf" | "-.Inf" | "-.INF" => return Self::Float(f64::NEG_INFINITY),
            _ => {}
        }
        if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
            return Self::String(text);
        }
        // yaml.v3 drops underscores, except behind a leading point, where Go's parser wants them between digits.
        if text.starts_with('.') && !underscores_between_digits(text) {
            return Self::String(text);
        }
        let plain = text.replace('_', "");
        integer(&plain)
            .map(Self::Int)
            .or_else(|| float(&plain).map(Self::Float))
            .unwrap_or(Self::String(text))
    }

    /// What the value is, in a few words for a message.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "an integer",
            Self::Float(_) => "a number",
            Self::String(_) => "a string",
        }
    }
}

fn underscores_between_digits(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    text.match_indices('_').all(|(at, _)| at > 0 && digit(at - 1) && digit(at + 1))
}

fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let prefix = digits.get(..2).map(str::to_ascii_lowercase);
    let (base, digits) = match prefix.as_deref() {
        Some("0x") => (16, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        _ if digits.len() > 1 && digits.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits),
    };
    // `from_str_radix` would take a second sign.
    if !digits.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let magnitude = i128::from(u64::from_str_radix(digits, base).ok()?);
    let value = if negative { -magnitude } else { magnitude };
    (value >= i128::from(i64::MIN)).then_some(value)
}

fn float(text: &str) -> Option<f64> {
    // Rust's parser also knows `inf`, `nan` and `infinity`, which are strings in YAML.
    let shape = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    let value: f64 = if shape { text.parse().ok()? } else { return None };
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::ScalarValue::{self, Bool, Float, Int, Null, String};

    #[test]
    fn resolves_plain_scalars_as_yaml_v3_does() {
        let table = [
            ("", Null),
            ("~", Null),
            ("null", Null),
            ("NULL", Null),
            ("nULL", String("nULL")),
            ("true", Bool(true)),
            ("TRUE", Bool(true)),
            ("False", Bool(false)),
            ("tRue", String("tRue")),
            ("yes", String("yes")),
            ("no", String("no")),
            ("on", String("on")),
            ("off", String("off")),
            ("y", String("y")),
            ("0", Int(0)),
            ("-0", Int(0)),
            ("+5", Int(5)),
            ("0123", Int(83)),
            ("0777", Int(511)),
            ("-0777", Int(-511)),
            ("08", Float(8.0)),
            ("0o17", Int(15)),
            ("-0o17", Int(-15)),
            ("0xdeadbeef", Int(0xdead_beef)),
            ("0x1F", Int(31)),
            ("0X1f", Int(31)),
            ("0x", String("0x")),
            ("0b11", Int(3)),
            ("0b12", String("0b12")),
            ("1_000", Int(1000)),
            ("1_", Int(1)),
            ("_1", String("_1")),
            ("1e3", Float(1000.0)),
            ("1.", Float(1.0)),
            (".5", Float(0.5)),
            (".5_0", Float(0.5)),
            ("._5", String("._5")),
            (".5_", String(".5_")),
            ("1_0.5", Float(10.5)),
            ("-1.5e-3", Float(-0.0015)),
            ("1e", String("1e")),
            ("1e999", String("1e999")),
            (".", String(".")),
            ("-", String("-")),
            ("--1", String("--1")),
            ("+-1", String("+-1")),
            ("0x-1", String("0x-1")),
            (".inf", Float(f64::INFINITY)),
            ("+.INF", Float(f64::INFINITY)),
            ("-.Inf", Float(f64::NEG_INFINITY)),
            ("inf", String("inf")),
            ("1:30", String("1:30")),
            ("2026-01-01", String("2026-01-01")),
            ("1.2.3", String("1.2.3")),
            ("10Mi", String("10Mi")),
            ("18446744073709551615", Int(18_446_744_073_709_551_615)),
            ("-9223372036854775808", Int(-9_223_372_036_854_775_808)),
            ("18446744073709551616", Float(18_446_744_073_709_551_616.0)),
            ("-9223372036854775809", Float(-9_223_372_036_854_775_808.0)),
        ];
        for (text, expected) in table {
            assert_eq!(ScalarValue::of_plain(text), expected, "{text:?}");
        }
        assert!(matches!(ScalarValue::of_plain(".nan"), Float(f) if f.is_nan()));
    }
}
