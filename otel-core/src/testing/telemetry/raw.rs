//! A request as a plain tree of protobuf fields: slow, simple, and written apart from the code under test.
//!
//! Unlike prost it keeps unknown fields, so that tests can ask whether they survived:
//!
//! ```
//! use otel_core::pdata::SignalKind;
//! use otel_core::testing::raw::Tree;
//!
//! // A resource group with an unknown field 9 of value 1, in two notations.
//! let plain = Tree::parse(SignalKind::Traces, &[0x0a, 2, 0x48, 1]).unwrap();
//! let padded = Tree::parse(SignalKind::Traces, &[0x0a, 3, 0x48, 0x81, 0]).unwrap();
//! assert_eq!(plain.canonical(), padded.canonical());
//! assert_eq!(plain.unknown()[0].path, "resource_spans[0]");
//! ```

use std::collections::HashMap;

use crate::pdata::SignalKind;
use crate::pdata::schema::{self, Kind, Label, Message};

/// An export request, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    kind: SignalKind,
    /// The top-level fields in the order in which they stand.
    pub fields: Vec<Field>,
}

/// One field of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its number.
    pub number: u32,
    /// What it holds.
    pub value: Value,
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A varint.
    Varint(u64),
    /// Eight bytes.
    Fixed64(u64),
    /// Four bytes.
    Fixed32(u32),
    /// Length-delimited bytes that are no known message.
    Bytes(Vec<u8>),
    /// A known message.
    Message(Vec<Field>),
    /// An unknown group.
    Group(Vec<Field>),
}

/// An unknown field and where it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unknown {
    /// The message that holds it, such as `resource_spans[0].resource`; empty for the request itself.
    pub path: String,
    /// Its number.
    pub number: u32,
    /// Its encoding, in the shortest notation.
    pub bytes: Vec<u8>,
}

impl Tree {
    /// Takes a request apart; `None` if it is not protobuf of the signal's shape.
    pub fn parse(kind: SignalKind, bytes: &[u8]) -> Option<Self> {
        let mut input = Input { bytes, at: 0 };
        Some(Self { kind, fields: parse_fields(Some(request(kind)), &mut input, None)? })
    }

    /// The request as bytes, every number in its shortest notation.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        encode_fields(&self.fields, &mut out);
        out
    }

    /// The request with everything that protobuf leaves to the encoder decided in one way: fields in the order
    /// of their numbers, singular fields once with the meaning that a merge has, repeated scalars unpacked,
    /// numbers cut to their type, no explicit zeros where absence means the same.
    ///
    /// What is dropped for the sake of readers that refuse it is left out: unknown groups, and references into a
    /// string table that are not numbers.
    ///
    /// Two requests mean the same, unknown fields included, exactly if their canonical trees are equal.
    pub fn canonical(&self) -> Self {
        Self { kind: self.kind, fields: canonical(request(self.kind), self.fields.clone()) }
    }

    /// All unknown fields, those of the canonical tree.
    pub fn unknown(&self) -> Vec<Unknown> {
        let mut found = Vec::new();
        collect_unknown(request(self.kind), &self.canonical().fields, "", &mut found);
        found
    }

    /// Whether there is a reference into a string table, `KeyValue.key_strindex` or
    /// `AnyValue.string_value_strindex`: prost knows these, the schema here does not.
    pub fn refers_to_a_string_table(&self) -> bool {
        refers_to_a_string_table(request(self.kind), &self.fields)
    }
}

/// Asserts that two requests mean the same, unknown fields included.
///
/// # Panics
/// If they don't, or if one does not parse.
#[track_caller]
pub fn assert_same_meaning(kind: SignalKind, left: &[u8], right: &[u8]) {
    let [left, right] = [left, right].map(|bytes| {
        Tree::parse(kind, bytes).expect("the request is protobuf of its signal's shape").canonical()
    });
    assert_eq!(left, right, "the requests differ");
}

pub(super) fn request(kind: SignalKind) -> &'static Message {
    match kind {
        SignalKind::Traces => &schema::TRACES,
        SignalKind::Metrics => &schema::METRICS,
        SignalKind::Logs => &schema::LOGS,
    }
}

/// The wire type of a value.
pub(super) fn wire_type(value: &Value) -> u32 {
    match value {
        Value::Varint(_) => 0,
        Value::Fixed64(_) => 1,
        Value::Bytes(_) | Value::Message(_) => 2,
        Value::Group(_) => 3,
        Value::Fixed32(_) => 5,
    }
}

struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(len)?)?;
        self.at += len;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let byte = self.take(1)?[0];
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return None;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
}

/// Reads fields up to the end of the input, or up to the end tag of group `group`.
fn parse_fields(
    schema: Option<&'static Message>,
    input: &mut Input<'_>,
    group: Option<u32>,
) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    while input.at < input.bytes.len() {
        let tag = u32::try_from(input.varint()?).ok()?;
        let number = tag >> 3;
        let known = schema.and_then(|schema| schema.field(number));
        let value = match (tag & 7, known.map(|field| field.kind)) {
            (0, _) => Value::Varint(input.varint()?),
            (1, _) => Value::Fixed64(u64::from_le_bytes(input.take(8)?.try_into().ok()?)),
            (5, _) => Value::Fixed32(u32::from_le_bytes(input.take(4)?.try_into().ok()?)),
            (2, of) => {
                let len = usize::try_from(input.varint()?).ok()?;
                let bytes = input.take(len)?;
                match of {
                    Some(Kind::Message(of)) => {
                        Value::Message(parse_fields(Some(of), &mut Input { bytes, at: 0 }, None)?)
                    }
                    _ => Value::Bytes(bytes.to_vec()),
                }
            }
            (3, _) => Value::Group(parse_fields(None, input, Some(number))?),
            (4, _) => return (group == Some(number)).then_some(fields),
            _ => return None,
        };
        let packed = known.is_some_and(|field| field.kind.is_packable() && field.label == Label::Many);
        if known.is_some_and(|field| {
            u32::from(field.kind.wire()) != wire_type(&value) && !(packed && matches!(value, Value::Bytes(_)))
        }) {
            return None;
        }
        fields.push(Field { number, value });
    }
    group.is_none().then_some(fields)
}

pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(super) fn encode_fields(fields: &[Field], out: &mut Vec<u8>) {
    for field in fields {
        put_varint(out, u64::from(field.number << 3 | wire_type(&field.value)));
        match &field.value {
            Value::Varint(value) => put_varint(out, *value),
            Value::Fixed64(value) => out.extend(value.to_le_bytes()),
            Value::Fixed32(value) => out.extend(value.to_le_bytes()),
            Value::Bytes(bytes) => {
                put_varint(out, bytes.len() as u64);
                out.extend(bytes);
            }
            Value::Message(fields) => {
                let mut content = Vec::new();
                encode_fields(fields, &mut content);
                put_varint(out, content.len() as u64);
                out.extend(content);
            }
            Value::Group(fields) => {
                encode_fields(fields, out);
                put_varint(out, u64::from(field.number << 3 | 4));
            }
        }
    }
}

fn canonical(schema: &'static Message, fields: Vec<Field>) -> Vec<Field> {
    let mut kept: Vec<Field> = Vec::new();
    for Field { number, value } in fields {
        let Some(known) = schema.field(number) else {
            let is_misshapen = number == reference(schema) && !matches!(value, Value::Varint(_));
            if !is_misshapen && !matches!(value, Value::Group(_)) {
                kept.push(Field { number, value });
            }
            continue;
        };
        if known.label == Label::Many {
            match value {
                Value::Bytes(packed) if known.kind.is_packable() => {
                    kept.extend(unpack(known.kind, &packed).into_iter().map(|value| Field { number, value }));
                }
                value => kept.push(Field { number, value: narrow(known.kind, value) }),
            }
            continue;
        }
        // A later member of a oneof takes the place of an earlier one, unless both are the same message.
        let rival = |field: &Field| {
            field.number == number
                || known.label == Label::Oneof
                    && schema.field(field.number).is_some_and(|other| other.label == Label::Oneof)
        };
        let earlier = kept.iter().position(rival).map(|at| kept.remove(at));
        let value = match (earlier, value) {
            (Some(Field { number: same, value: Value::Message(mut earlier) }), Value::Message(later))
                if same == number =>
            {
                earlier.extend(later);
                Value::Message(earlier)
            }
            (_, value) => narrow(known.kind, value),
        };
        kept.push(Field { number, value });
    }
    kept.retain(|field| {
        schema.field(field.number).is_none_or(|known| known.label != Label::One || !is_zero(&field.value))
    });
    kept.sort_by_key(|field| field.number);
    for field in &mut kept {
        if let (Some(Kind::Message(of)), Value::Message(fields)) =
            (schema.field(field.number).map(|known| known.kind), &mut field.value)
        {
            *fields = canonical(of, std::mem::take(fields));
        }
    }
    kept
}

/// What a packed field holds; nothing where it is cut short.
fn unpack(kind: Kind, packed: &[u8]) -> Vec<Value> {
    let mut input = Input { bytes: packed, at: 0 };
    let mut values = Vec::new();
    while input.at < packed.len() {
        let value = match kind.wire() {
            0 => input.varint().map(Value::Varint),
            1 => input
                .take(8)
                .and_then(|bytes| bytes.try_into().ok())
                .map(u64::from_le_bytes)
                .map(Value::Fixed64),
            _ => input
                .take(4)
                .and_then(|bytes| bytes.try_into().ok())
                .map(u32::from_le_bytes)
                .map(Value::Fixed32),
        };
        let Some(value) = value else { return Vec::new() };
        values.push(narrow(kind, value));
    }
    values
}

fn narrow(kind: Kind, value: Value) -> Value {
    match (kind, value) {
        (Kind::Bool, Value::Varint(value)) => Value::Varint(u64::from(value != 0)),
        (Kind::Int32, Value::Varint(value)) => Value::Varint(i64::from(value as i32) as u64),
        (Kind::Uint32 | Kind::Sint32, Value::Varint(value)) => Value::Varint(u64::from(value as u32)),
        (_, value) => value,
    }
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Varint(value) | Value::Fixed64(value) => *value == 0,
        Value::Fixed32(value) => *value == 0,
        Value::Bytes(bytes) => bytes.is_empty(),
        Value::Message(_) | Value::Group(_) => false,
    }
}

/// The number of the field that refers into a string table, 0 where the message has none.
fn reference(schema: &'static Message) -> u32 {
    match schema.name {
        "AnyValue" => 8,
        "KeyValue" => 3,
        _ => 0,
    }
}

fn refers_to_a_string_table(schema: &'static Message, fields: &[Field]) -> bool {
    let reference = reference(schema);
    fields.iter().any(|field| match (schema.field(field.number).map(|known| known.kind), &field.value) {
        (Some(Kind::Message(of)), Value::Message(fields)) => refers_to_a_string_table(of, fields),
        _ => field.number == reference,
    })
}

fn collect_unknown(schema: &'static Message, fields: &[Field], path: &str, found: &mut Vec<Unknown>) {
    let mut counts = HashMap::<u32, usize>::new();
    for field in fields {
        let Some(known) = schema.field(field.number) else {
            let mut bytes = Vec::new();
            encode_fields(std::slice::from_ref(field), &mut bytes);
            found.push(Unknown { path: path.to_owned(), number: field.number, bytes });
            continue;
        };
        if let (Kind::Message(of), Value::Message(fields)) = (known.kind, &field.value) {
            let dot = if path.is_empty() { "" } else { "." };
            let mut path = format!("{path}{dot}{}", known.name);
            if known.label == Label::Many {
                let count = counts.entry(field.number).or_default();
                path = format!("{path}[{count}]");
                *count += 1;
            }
            collect_unknown(of, fields, &path, found);
        }
    }
}
