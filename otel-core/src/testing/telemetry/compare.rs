//! Whether two signals say the same, and where they do not.
//!
//! ```
//! use otel_core::pdata::Traces;
//! use otel_core::testing::compare::{Compare, assert_equal};
//!
//! let (sent, received) = (Traces::default(), Traces::default());
//! assert_equal(&sent, &received);
//! Compare::new().ignore_attribute_order().merge_groups().assert_equal(&sent, &received);
//! ```

use std::collections::BTreeSet;
use std::fmt;

use super::raw::{self, Field, Tree, Value, encode_fields};
use super::show::show;
use crate::pdata::schema::{Kind, Label, Message};
use crate::pdata::{Signal, SignalKind};

/// Asserts that two signals say the same, in the same order.
///
/// # Panics
/// If they don't, with every difference.
#[track_caller]
pub fn assert_equal<S: Signal>(left: &S, right: &S) {
    Compare::new().assert_equal(left, right);
}

/// A comparison, and what it looks away from. Nothing to begin with, but for what OTLP does not tell apart: how a
/// signal is encoded, and whether a resource, scope, status or value is absent or empty. Doubles are compared by
/// their bits, and unknown fields are compared too.
#[derive(Debug, Clone, Default)]
#[must_use = "a comparison has to be made"]
#[expect(clippy::struct_excessive_bools, reason = "five things to ignore, each on its own")]
pub struct Compare {
    attributes: bool,
    resources: bool,
    scopes: bool,
    items: bool,
    merge: bool,
}

/// One place where two signals differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The field, such as `resource_spans[0].scope_spans[0].spans[2].attributes["http.route"].value`. Where an
    /// order is ignored, the numbers are those after sorting.
    pub path: String,
    /// What is on the left, for people to read; nothing if the field is absent.
    pub left: Option<String>,
    /// What is on the right.
    pub right: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [left, right] = [&self.left, &self.right].map(|side| side.as_deref().unwrap_or("absent"));
        write!(f, "{}: {left} != {right}", self.path)
    }
}

impl Compare {
    /// A comparison of everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// The order of attributes does not count, at any level, nor that of the pairs in a value.
    pub fn ignore_attribute_order(mut self) -> Self {
        self.attributes = true;
        self
    }

    /// The order of resource groups does not count.
    pub fn ignore_resource_order(mut self) -> Self {
        self.resources = true;
        self
    }

    /// The order of scope groups in a resource group does not count.
    pub fn ignore_scope_order(mut self) -> Self {
        self.scopes = true;
        self
    }

    /// The order of spans, log records, metrics and data points does not count.
    pub fn ignore_item_order(mut self) -> Self {
        self.items = true;
        self
    }

    /// Groups with equal resources count as one, and in it those with equal scopes; empty ones do not count.
    pub fn merge_groups(mut self) -> Self {
        self.merge = true;
        self
    }

    /// Where two signals differ.
    pub fn diff<S: Signal>(&self, left: &S, right: &S) -> Vec<Difference> {
        let [left, right] = [left, right].map(|signal| self.prepared(S::KIND, &signal.to_bytes()));
        let mut found = Vec::new();
        self.messages(raw::request(S::KIND), &left, &right, "", &mut found);
        found
    }

    /// Asserts that two signals say the same.
    ///
    /// # Panics
    /// If they don't, with every difference.
    #[track_caller]
    pub fn assert_equal<S: Signal>(&self, left: &S, right: &S) {
        let found = self.diff(left, right);
        let lines: Vec<String> = found.iter().map(|difference| format!("\n  {difference}")).collect();
        assert!(found.is_empty(), "the {} differ:{}", S::KIND, lines.concat());
    }

    /// The request in the one form that all equal requests have.
    fn prepared(&self, kind: SignalKind, bytes: &[u8]) -> Vec<Field> {
        let tree = Tree::parse(kind, bytes).expect("a signal is a valid request");
        let mut fields = tree.canonical().fields;
        self.prepare(raw::request(kind), &mut fields);
        fields
    }

    fn prepare(&self, schema: &'static Message, fields: &mut Vec<Field>) {
        for known in schema.fields {
            let absent = fields.iter().all(|field| field.number != known.number);
            if absent && known.label == Label::One && matches!(known.kind, Kind::Message(_)) {
                fields.push(Field { number: known.number, value: Value::Message(Vec::new()) });
            }
        }
        for field in &mut *fields {
            if let (Some(of), Value::Message(fields)) = (message(schema, field.number), &mut field.value) {
                self.prepare(of, fields);
            }
        }
        fields.sort_by_key(|field| field.number);
        for known in schema.fields.iter().filter(|known| known.label == Label::Many) {
            let Kind::Message(of) = known.kind else { continue };
            let group = of.name.starts_with("Resource") || of.name.starts_with("Scope");
            if group && self.merge {
                merge(fields, known.number);
                // Groups that were joined have scopes to join in turn, and items to put in order.
                for field in fields.iter_mut().filter(|field| field.number == known.number) {
                    if let Value::Message(fields) = &mut field.value {
                        self.prepare(of, fields);
                    }
                }
            }
            let unordered = match of.name {
                "KeyValue" => self.attributes,
                name if name.starts_with("Resource") => self.resources,
                name if name.starts_with("Scope") => self.scopes,
                name => {
                    self.items
                        && (matches!(name, "Span" | "LogRecord" | "Metric") || name.ends_with("DataPoint"))
                }
            };
            if unordered {
                // A stable sort by number and encoding, of this field alone: the numbers are in order already.
                fields.sort_by_cached_key(|field| {
                    let mut bytes = Vec::new();
                    if field.number == known.number {
                        encode_fields(std::slice::from_ref(field), &mut bytes);
                    }
                    (field.number, bytes)
                });
            }
        }
    }

    fn messages(
        &self,
        schema: &'static Message,
        left: &[Field],
        right: &[Field],
        path: &str,
        found: &mut Vec<Difference>,
    ) {
        let numbers: BTreeSet<u32> = left.iter().chain(right).map(|field| field.number).collect();
        for number in numbers {
            let known = schema.field(number);
            let dot = if path.is_empty() { "" } else { "." };
            let name = known.map_or_else(|| format!("unknown field {number}"), |known| known.name.to_owned());
            let path = format!("{path}{dot}{name}");
            let [left, right] = [left, right].map(|fields| -> Vec<&Value> {
                fields.iter().filter(|field| field.number == number).map(|field| &field.value).collect()
            });
            let by_key = self.attributes && message(schema, number).is_some_and(|of| of.name == "KeyValue");
            for (step, left, right) in
                if by_key { by_key_pairs(&left, &right) } else { by_place(&left, &right) }
            {
                let many = known.is_none_or(|known| known.label == Label::Many);
                let path = if many { format!("{path}[{step}]") } else { path.clone() };
                match (message(schema, number), left, right) {
                    (Some(of), Some(Value::Message(left)), Some(Value::Message(right))) => {
                        self.messages(of, left, right, &path, found);
                    }
                    _ if left == right => {}
                    _ => {
                        let [left, right] = [left, right]
                            .map(|side| side.map(|value| show(known.map(|known| known.kind), value)));
                        found.push(Difference { path, left, right });
                    }
                }
            }
        }
    }
}

/// Values that belong together, and what to call their place.
type Pairs<'a> = Vec<(String, Option<&'a Value>, Option<&'a Value>)>;

fn by_place<'a>(left: &[&'a Value], right: &[&'a Value]) -> Pairs<'a> {
    (0..left.len().max(right.len()))
        .map(|at| (at.to_string(), left.get(at).copied(), right.get(at).copied()))
        .collect()
}

/// Attributes of one key belong together, in the order in which they stand.
fn by_key_pairs<'a>(left: &[&'a Value], right: &[&'a Value]) -> Pairs<'a> {
    let keys: BTreeSet<&[u8]> = left.iter().chain(right).map(|pair| key(pair)).collect();
    keys.into_iter()
        .flat_map(|of| {
            let [left, right] = [left, right]
                .map(|side| -> Vec<&Value> { side.iter().copied().filter(|pair| key(pair) == of).collect() });
            let name = format!("{:?}", String::from_utf8_lossy(of));
            by_place(&left, &right).into_iter().map(move |(_, left, right)| (name.clone(), left, right))
        })
        .collect()
}

fn key(pair: &Value) -> &[u8] {
    let Value::Message(fields) = pair else { return &[] };
    fields
        .iter()
        .find_map(|field| match &field.value {
            Value::Bytes(key) if field.number == 1 => Some(key.as_slice()),
            _ => None,
        })
        .unwrap_or_default()
}

fn message(schema: &'static Message, number: u32) -> Option<&'static Message> {
    match schema.field(number)?.kind {
        Kind::Message(of) => Some(of),
        _ => None,
    }
}

/// The children of a group: of a resource group its scope groups, of a scope group its items.
const CHILDREN: u32 = 2;

/// What makes a group the group it is: its resource or scope, and its schema URL.
fn identity(group: &Field) -> Vec<u8> {
    let Value::Message(fields) = &group.value else { return Vec::new() };
    let mut bytes = Vec::new();
    for field in fields.iter().filter(|field| field.number != CHILDREN) {
        encode_fields(std::slice::from_ref(field), &mut bytes);
    }
    bytes
}

/// Joins the groups of one identity into the first of them and drops those without children.
fn merge(fields: &mut Vec<Field>, number: u32) {
    let mut merged: Vec<(Vec<u8>, Field)> = Vec::new();
    let mut others = Vec::new();
    for field in fields.drain(..) {
        if field.number != number {
            others.push(field);
            continue;
        }
        let id = identity(&field);
        match (merged.iter_mut().find(|(other, _)| *other == id), field.value) {
            (Some((_, Field { value: Value::Message(first), .. })), Value::Message(more)) => {
                first.extend(more.into_iter().filter(|field| field.number == CHILDREN));
            }
            (_, value) => merged.push((id, Field { number, value })),
        }
    }
    let groups = merged.into_iter().map(|(_, group)| group);
    others.extend(groups.filter(|group| match &group.value {
        Value::Message(fields) => fields.iter().any(|field| field.number == CHILDREN),
        _ => false,
    }));
    others.sort_by_key(|field| field.number);
    *fields = others;
}

#[cfg(test)]
mod tests;
