//! Values for people to read.

use super::raw::{Field, Value};
use crate::pdata::schema::{Kind, Label, Message};

/// A value in a few words; long ones are cut.
pub(super) fn show(kind: Option<Kind>, value: &Value) -> String {
    let whole = show_whole(kind, value);
    match whole.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &whole[..end]),
        None => whole,
    }
}

fn show_whole(kind: Option<Kind>, value: &Value) -> String {
    match (kind, value) {
        (Some(Kind::Bool), Value::Varint(value)) => (*value != 0).to_string(),
        (Some(Kind::Int32 | Kind::Int64), Value::Varint(value))
        | (Some(Kind::Sfixed64), Value::Fixed64(value)) => (*value as i64).to_string(),
        (Some(Kind::Sint32), Value::Varint(value)) => {
            (((*value >> 1) as i64) ^ -((*value & 1) as i64)).to_string()
        }
        (Some(Kind::Double), Value::Fixed64(value)) => format!("{:?}", f64::from_bits(*value)),
        (_, Value::Varint(value) | Value::Fixed64(value)) => value.to_string(),
        (_, Value::Fixed32(value)) => value.to_string(),
        (Some(Kind::Str), Value::Bytes(text)) => format!("{:?}", String::from_utf8_lossy(text)),
        (_, Value::Bytes(bytes)) => {
            bytes.iter().fold(String::new(), |shown, byte| format!("{shown}{byte:02x}"))
        }
        (Some(Kind::Message(of)), Value::Message(fields)) => show_message(of, fields),
        (_, Value::Message(fields) | Value::Group(fields)) => format!("{} unknown fields", fields.len()),
    }
}

fn show_message(schema: &'static Message, fields: &[Field]) -> String {
    // A value and what is in it stand for themselves.
    if let ("AnyValue", [Field { number, value }]) = (schema.name, fields) {
        return show_whole(schema.field(*number).map(|known| known.kind), value);
    }
    let mut parts: Vec<String> = Vec::new();
    let mut last = 0;
    for Field { number, value } in fields {
        let known = schema.field(*number);
        let shown = show_whole(known.map(|known| known.kind), value);
        if *number == last && known.is_some_and(|known| known.label == Label::Many) {
            parts.push(shown);
        } else {
            let name = known.map_or_else(|| format!("unknown field {number}"), |known| known.name.to_owned());
            parts.push(format!("{name}: {shown}"));
        }
        last = *number;
    }
    format!("{{{}}}", parts.join(", "))
}
