//! YAML as Go's yaml.v3 writes it.

use std::fmt::Write as _;

use super::Value;
use crate::config::ScalarValue;
use crate::config::duration::format_duration;

const INDENT: usize = 4;

/// A value whose secrets have been resolved, as a YAML document.
pub(super) fn print(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Map(entries) if !entries.is_empty() => block(value, 0, &mut text),
        Value::List(items) if !items.is_empty() => block(value, 0, &mut text),
        _ => {
            text.push_str(&scalar(value, 0));
            text.push('\n');
        }
    }
    text
}

/// The lines of a map or list that is not empty.
fn block(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Map(entries) => {
            for (at, (key, value)) in entries.iter().enumerate() {
                if at > 0 || text.is_empty() || text.ends_with('\n') {
                    text.extend(std::iter::repeat_n(' ', indent));
                }
                text.push_str(&plain_or_quoted(key));
                text.push(':');
                nested(value, (indent / INDENT + 1) * INDENT, text);
            }
        }
        Value::List(items) => {
            for item in items {
                text.extend(std::iter::repeat_n(' ', indent));
                text.push('-');
                match item {
                    // The first key stands in the line of the dash.
                    Value::Map(entries) if !entries.is_empty() => {
                        text.push(' ');
                        block(item, indent + 2, text);
                    }
                    _ => nested(item, indent + 2, text),
                }
            }
        }
        _ => {}
    }
}

/// What follows a key or a dash, to the end of its line or block.
fn nested(value: &Value, indent: usize, text: &mut String) {
    let filled = match value {
        Value::Map(entries) => !entries.is_empty(),
        Value::List(items) => !items.is_empty(),
        _ => false,
    };
    if filled {
        text.push('\n');
        block(value, indent, text);
    } else {
        text.push(' ');
        text.push_str(&scalar(value, indent));
        text.push('\n');
    }
}

fn scalar(value: &Value, indent: usize) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => float(*value),
        Value::Text(text) if text.contains('\n') => literal(text, indent),
        Value::Text(text) => plain_or_quoted(text),
        Value::Duration(duration) => format_duration(*duration),
        Value::Secret(inner) => scalar(inner, indent),
        Value::List(_) => "[]".to_owned(),
        Value::Map(_) => "{}".to_owned(),
    }
}

fn float(value: f64) -> String {
    if value.is_nan() {
        ".nan".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { ".inf".to_owned() } else { "-.inf".to_owned() }
    } else {
        value.to_string()
    }
}

/// A text of several lines as a block, where a block can hold it.
fn literal(text: &str, indent: usize) -> String {
    let fits = text.chars().all(|c| c == '\n' || !c.is_control()) && !text.starts_with([' ', '\n']);
    if !fits {
        return double_quoted(text);
    }
    let body = text.trim_end_matches('\n');
    let mut block = match text.len() - body.len() {
        0 => "|-".to_owned(),
        1 => "|".to_owned(),
        _ => "|+".to_owned(),
    };
    let lines = text.strip_suffix('\n').unwrap_or(text);
    for line in lines.split('\n') {
        block.push('\n');
        if !line.is_empty() {
            block.extend(std::iter::repeat_n(' ', indent.max(INDENT)));
            block.push_str(line);
        }
    }
    block
}

fn plain_or_quoted(text: &str) -> String {
    if text.chars().any(|c| c.is_control() || c == '\u{feff}') {
        return double_quoted(text);
    }
    if !matches!(ScalarValue::of_plain(text), ScalarValue::String(_)) || is_old_word(text) || is_date(text) {
        return double_quoted(text);
    }
    if is_plain(text) { text.to_owned() } else { format!("'{}'", text.replace('\'', "''")) }
}

/// Whether a text can stand without quotes.
fn is_plain(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let begins = "#,[]{}&*!|>'\"%@`".contains(first)
        || "-?:".contains(first) && text[1..].chars().next().is_none_or(|c| c == ' ')
        || text.starts_with("---")
        || text.starts_with("...");
    let inside = text.contains(": ") || text.contains(" #") || text.ends_with(':');
    !begins && !inside && !text.starts_with(' ') && !text.ends_with(' ') && text != "<<"
}

/// Booleans and sexagesimal numbers of YAML 1.1, which other readers still know.
fn is_old_word(text: &str) -> bool {
    let lower = text.to_lowercase();
    is_sexagesimal(text) || ["y", "n", "yes", "no", "on", "off"].contains(&lower.as_str())
}

/// Whether a text is a number to the base of 60, such as `1:30` or `-1:30:15.5`.
fn is_sexagesimal(text: &str) -> bool {
    let mut parts = text.strip_prefix(['+', '-']).unwrap_or(text).split(':').peekable();
    let first = parts.next().unwrap_or_default();
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    if parts.peek().is_none() || !first.starts_with(|c: char| c.is_ascii_digit()) || !digits(first) {
        return false;
    }
    let below_60 = |part: &str| part.parse::<u8>().is_ok_and(|number| number < 60);
    let rest: Vec<&str> = parts.collect();
    rest.iter().enumerate().all(|(at, part)| match part.split_once('.') {
        Some((whole, fraction)) => at + 1 == rest.len() && below_60(whole) && digits(fraction),
        None => below_60(part),
    })
}

fn is_date(text: &str) -> bool {
    let shape: Vec<usize> =
        text.split(['T', 't', ' ']).next().unwrap_or_default().split('-').map(str::len).collect();
    text.starts_with(|c: char| c.is_ascii_digit())
        && matches!(shape.as_slice(), [4, 1..=2, 1..=2])
        && text.bytes().take(5).filter(u8::is_ascii_digit).count() == 4
}

fn double_quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        let _ = match c {
            '"' | '\\' => write!(quoted, "\\{c}"),
            '\n' => write!(quoted, "\\n"),
            '\t' => write!(quoted, "\\t"),
            '\r' => write!(quoted, "\\r"),
            c if (c as u32) < 0x80 && c.is_control() => write!(quoted, "\\x{:02X}", c as u32),
            c if c.is_control() || c == '\u{feff}' => write!(quoted, "\\u{:04X}", c as u32),
            c => write!(quoted, "{c}"),
        };
    }
    quoted.push('"');
    quoted
}
