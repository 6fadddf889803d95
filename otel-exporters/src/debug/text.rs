//! How values look in the output: as Go's formatting prints them.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use otel_core::pdata::view::{AnyValue, Attributes, NumberValue};

/// Appends formatted text: writing to a `String` has no errors.
macro_rules! put {
    ($out:expr, $($format:tt)*) => {{
        use std::fmt::Write as _;
        let _ = write!($out, $($format)*);
    }};
}
pub(super) use put;

/// `Str(text)`, `Int(3)` and so on.
pub(super) fn typed(value: AnyValue<'_>) -> String {
    let name = match value {
        AnyValue::Str(_) => "Str",
        AnyValue::Bool(_) => "Bool",
        AnyValue::Int(_) => "Int",
        AnyValue::Double(_) => "Double",
        AnyValue::Array(_) => "Slice",
        AnyValue::KvList(_) => "Map",
        AnyValue::Bytes(_) => "Bytes",
        _ => "Empty",
    };
    format!("{name}({})", plain(value))
}

/// The value without its type.
pub(super) fn plain(value: AnyValue<'_>) -> String {
    match value {
        AnyValue::Str(text) => text.to_owned(),
        AnyValue::Double(number) if number.is_nan() => "NaN".to_owned(),
        AnyValue::Double(number) if number.is_infinite() => {
            if number > 0.0 {
                "Infinity".to_owned()
            } else {
                "-Infinity".to_owned()
            }
        }
        AnyValue::Bytes(bytes) => STANDARD.encode(bytes),
        AnyValue::Bool(_)
        | AnyValue::Int(_)
        | AnyValue::Double(_)
        | AnyValue::Array(_)
        | AnyValue::KvList(_) => {
            let mut out = String::new();
            // What JSON cannot say, a NaN in a list, leaves nothing.
            if json(value, &mut out).is_none() {
                out.clear();
            }
            out
        }
        _ => String::new(),
    }
}

/// Compact JSON with sorted keys; of equal ones the last counts.
fn json(value: AnyValue<'_>, out: &mut String) -> Option<()> {
    match value {
        AnyValue::Str(text) => json_string(text, out),
        AnyValue::Bool(value) => put!(out, "{value}"),
        AnyValue::Int(value) => put!(out, "{value}"),
        AnyValue::Double(number) if !number.is_finite() => return None,
        AnyValue::Double(number) => out.push_str(&json_number(number)),
        // Go has no bytes rather than none of them.
        AnyValue::Bytes([]) => out.push_str("null"),
        AnyValue::Bytes(bytes) => put!(out, "\"{}\"", STANDARD.encode(bytes)),
        AnyValue::Array(array) => {
            out.push('[');
            for (at, value) in array.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                json(value, out)?;
            }
            out.push(']');
        }
        AnyValue::KvList(list) => {
            let pairs: BTreeMap<_, _> = list.iter().map(|pair| (pair.key(), pair.value())).collect();
            out.push('{');
            for (at, (key, value)) in pairs.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                json_string(key, out);
                out.push(':');
                json(value, out)?;
            }
            out.push('}');
        }
        _ => out.push_str("null"),
    }
    Some(())
}

/// A quoted string. Go's encoder escapes the two line separators which are not plain JavaScript.
fn json_string(text: &str, out: &mut String) {
    let quoted = serde_json::Value::from(text).to_string();
    out.push_str(&quoted.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029"));
}

/// The shortest decimal, with an exponent below 1e-6 and from 1e21 on.
fn json_number(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) { exponent(number, 1) } else { format!("{number}") }
}

/// As Go's `%v`: the shortest digits, with an exponent below 1e-4 and from 1e6 on.
pub(super) fn shortest(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() };
    }
    let size = number.abs();
    if size != 0.0 && !(1e-4..1e6).contains(&size) { exponent(number, 2) } else { format!("{number}") }
}

/// As Go's `%f`.
pub(super) fn fixed(number: f64) -> String {
    if number.is_finite() { format!("{number:.6}") } else { shortest(number) }
}

/// Digits with an exponent of a sign and at least `digits` digits.
fn exponent(number: f64, digits: usize) -> String {
    let text = format!("{number:e}");
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, power) = power.strip_prefix('-').map_or(('+', power), |power| ('-', power));
    format!("{mantissa}e{sign}{power:0>digits$}")
}

/// A number of a data point in a line.
pub(super) fn number(value: NumberValue) -> String {
    match value {
        NumberValue::Int(value) => value.to_string(),
        NumberValue::Double(value) => shortest(value),
    }
}

/// `2020-02-11 20:26:12.000000321 +0000 UTC`.
pub(super) fn time(unix_nano: u64) -> String {
    match Timestamp::from_nanosecond(i128::from(unix_nano)) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S%.f +0000 UTC").to_string(),
        Err(_) => unix_nano.to_string(),
    }
}

/// ` k=v k=v`, each with what stands before it.
pub(super) fn pairs(attributes: Attributes<'_>, out: &mut String) {
    for attribute in attributes {
        put!(out, " {}={}", attribute.key(), plain(attribute.value()));
    }
}
