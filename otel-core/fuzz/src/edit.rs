//! Every edit of attributes and every drop means the same as the change made to the request as a plain tree of
//! fields, unknown fields included.

use bytes::Bytes;
use opentelemetry_proto::tonic::common::v1::AnyValue as ProstValue;
use otel_core::pdata::build::ValueBuf;
use otel_core::pdata::edit::{AttributesEdit, ItemEdit, Verdict};
use otel_core::pdata::view::AnyValue;
use otel_core::pdata::{Logs, Metrics, Signal, SignalKind, Traces};
use otel_core::testing::raw::{Field, Tree, Value};
use prost::Message;

/// What is edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Resource,
    Scope,
    Item,
    /// The resource of an item, from the item's edit.
    ResourceOfItem,
}

/// A change of attributes, or a drop of what has one.
#[derive(Debug, Clone, Copy)]
pub enum Change {
    Insert(&'static str, New),
    Update(&'static str, New),
    Upsert(&'static str, New),
    Rename(&'static str, &'static str),
    Remove(&'static str),
    Keep(&'static str, &'static str),
    Clear,
    DropIfPresent(&'static str),
}

/// A value to set.
#[derive(Debug, Clone, Copy)]
pub enum New {
    Empty,
    Int(i64),
    Long,
    Array,
}

const KEYS: [&str; 6] = ["a", "b", "http.route", "http.response.status_code", "service.name", "new"];

/// The target: a byte that chooses the signal, a byte for the number of changes, three bytes for each, the request.
pub fn run(data: &[u8]) {
    let Some((kind, [count, rest @ ..])) = super::signal(data) else { return };
    let Some((plan, request)) = rest.split_at_checked(3 * usize::from(count % 8)) else { return };
    let plan: Vec<_> = plan.as_chunks().0.iter().map(|bytes| change(*bytes)).collect();
    match kind {
        SignalKind::Traces => check::<Traces>(&plan, request),
        SignalKind::Metrics => check::<Metrics>(&plan, request),
        SignalKind::Logs => check::<Logs>(&plan, request),
        _ => {}
    }
}

/// The change that three bytes stand for.
pub fn change([what, key, value]: [u8; 3]) -> (Target, Change) {
    let targets = [Target::Resource, Target::Scope, Target::Item, Target::Item, Target::ResourceOfItem];
    let key = KEYS[usize::from(key) % KEYS.len()];
    let other = KEYS[usize::from(value / 8) % KEYS.len()];
    let value = [New::Empty, New::Int(value.into()), New::Long, New::Array][usize::from(value % 4)];
    let change = match what / 8 % 8 {
        0 => Change::Insert(key, value),
        1 => Change::Update(key, value),
        2 => Change::Upsert(key, value),
        3 => Change::Rename(key, other),
        4 => Change::Remove(key),
        5 => Change::Keep(key, other),
        6 => Change::Clear,
        _ => Change::DropIfPresent(key),
    };
    (targets[usize::from(what) % targets.len()], change)
}

/// Makes the changes to a request, a pass for each run of one kind of target, and compares.
pub fn check<S: Signal>(plan: &[(Target, Change)], request: &[u8]) {
    let Ok(mut data) = S::from_bytes(Bytes::copy_from_slice(request)) else { return };
    let before = data.to_bytes();
    let mut tree = Tree::parse(S::KIND, &before).expect("what is valid can be taken apart").canonical();
    for (target, change) in plan {
        let as_it_was = data.clone();
        let changed = match target {
            Target::Resource => data.edit_resources(|resource| apply(&mut resource.attributes(), *change)),
            Target::Scope => data.edit_scopes(|scope| apply(&mut scope.attributes(), *change)),
            Target::Item => data.edit(|item: &mut ItemEdit<'_, S>| apply(&mut item.attributes(), *change)),
            Target::ResourceOfItem => data.edit(|item: &mut ItemEdit<'_, S>| {
                apply(&mut item.resource().attributes(), *change);
            }),
        };
        if !changed {
            let pointers = |data: &S| data.segments().map(|bytes| bytes.as_ptr()).collect::<Vec<_>>();
            assert_eq!(pointers(&data), pointers(&as_it_was), "what has no change is shared");
        }
        apply_to_tree(S::KIND, &mut tree.fields, *target, *change);
    }
    let after = data.to_bytes();
    let again = S::from_bytes(after.clone()).expect("what was edited is valid");
    assert_eq!(again.items(), data.items(), "the count is right");
    let edited = Tree::parse(S::KIND, &after).expect("what is valid can be taken apart");
    assert_eq!(edited.canonical(), tree.canonical(), "after {plan:?}");
    stays_valid_however_deep(data);
}

/// Wraps the values of items in arrays, and puts them into their resources, as deep as they may be already.
fn stays_valid_however_deep<S: Signal>(mut data: S) {
    data.edit(|item: &mut ItemEdit<'_, S>| {
        let values: Vec<(String, ValueBuf)> = item
            .attributes()
            .view()
            .iter()
            .map(|pair| (pair.key().to_owned(), pair.value().into()))
            .collect();
        for (key, value) in values {
            let wrapped = ValueBuf::array(|array| {
                array.push(&value).push_map(|map| {
                    map.entry("wrapped", &value);
                });
            });
            item.attributes().upsert(&key, &wrapped);
            item.resource().attributes().upsert(&key, &wrapped);
        }
    });
    let again = S::from_bytes(data.to_bytes()).expect("what was wrapped is valid");
    assert_eq!(again.items(), data.items());
}

fn value_of(new: New) -> ValueBuf {
    match new {
        New::Empty => AnyValue::Empty.into(),
        New::Int(value) => AnyValue::Int(value).into(),
        New::Long => AnyValue::Str(&"long ".repeat(30)).into(),
        New::Array => ValueBuf::array(|array| {
            array.push("x").push(1.5);
        }),
    }
}

fn apply(attributes: &mut AttributesEdit<'_>, change: Change) -> Verdict {
    match change {
        Change::Insert(key, value) => attributes.insert(key, &value_of(value)),
        Change::Update(key, value) => attributes.update(key, &value_of(value)),
        Change::Upsert(key, value) => attributes.upsert(key, &value_of(value)),
        Change::Rename(from, to) => attributes.rename(from, to),
        Change::Remove(key) => attributes.remove(key),
        Change::Keep(one, other) => attributes.keep(&[one, other]),
        Change::Clear => attributes.clear(),
        Change::DropIfPresent(key) if attributes.contains_key(key) => return Verdict::Drop,
        Change::DropIfPresent(_) => attributes,
    };
    Verdict::Keep
}

// The same on a tree.

fn apply_to_tree(kind: SignalKind, request: &mut Vec<Field>, target: Target, change: Change) {
    retain(request, 1, |group| {
        if target == Target::Resource {
            return edit_inner(group, 1, change);
        }
        let had_scopes = has(group, &[2]);
        retain(group, 2, |scope| {
            if target == Target::Scope {
                return edit_inner(scope, 3, change);
            }
            let had_children = has(scope, &[2]);
            let mut items = 0;
            retain(scope, 2, |child| {
                if kind == SignalKind::Metrics {
                    return edit_metric(child, target, change, &mut items);
                }
                items += 1;
                let attributes = if kind == SignalKind::Traces { 9 } else { 6 };
                target != Target::Item || edit_list(child, attributes, change)
            });
            // Every item changes the resource once more.
            scope.push(Field { number: ITEMS, value: Value::Varint(items) });
            !had_children || has(scope, &[2])
        });
        let mut items = 0;
        let mut take = |scope: &mut Vec<Field>| {
            scope.retain(|field| {
                if field.number == ITEMS
                    && let Value::Varint(count) = field.value
                {
                    items += count;
                }
                field.number != ITEMS
            });
            true
        };
        retain(group, 2, &mut take);
        if target == Target::ResourceOfItem {
            for _ in 0..items {
                edit_inner(group, 1, change);
            }
        }
        !had_scopes || has(group, &[2])
    });
}

/// A number that no field has, which carries a count for a moment.
const ITEMS: u32 = u32::MAX;

/// The kinds of data of a metric, with the field of the attributes of their points.
const DATA: [(u32, u32); 5] = [(5, 7), (7, 7), (9, 9), (10, 1), (11, 7)];

fn edit_metric(metric: &mut Vec<Field>, target: Target, change: Change, items: &mut u64) -> bool {
    let mut emptied = false;
    for (data, attributes) in DATA {
        retain(metric, data, |data| {
            let had_points = has(data, &[1]);
            retain(data, 1, |point| {
                *items += 1;
                target != Target::Item || edit_list(point, attributes, change)
            });
            emptied = had_points && !has(data, &[1]);
            true
        });
    }
    !emptied
}

fn has(fields: &[Field], numbers: &[u32]) -> bool {
    fields.iter().any(|field| numbers.contains(&field.number))
}

/// Edits every message of that number, and keeps those for which `edit` says so.
fn retain(fields: &mut Vec<Field>, number: u32, mut edit: impl FnMut(&mut Vec<Field>) -> bool) {
    fields.retain_mut(|field| match &mut field.value {
        Value::Message(message) if field.number == number => edit(message),
        _ => true,
    });
}

/// Edits the attributes of a resource or a scope, which is there afterwards if it has any.
fn edit_inner(group: &mut Vec<Field>, attributes: u32, change: Change) -> bool {
    let mut found = false;
    let mut keep = true;
    retain(group, 1, |inner| {
        found = true;
        keep = edit_list(inner, attributes, change);
        true
    });
    if !found {
        let mut inner = Vec::new();
        edit_list(&mut inner, attributes, change);
        if !inner.is_empty() {
            group.push(Field { number: 1, value: Value::Message(inner) });
        }
    }
    keep
}

/// Edits the attributes that are the fields of that number; whether the message stays.
fn edit_list(message: &mut Vec<Field>, number: u32, change: Change) -> bool {
    let is = |field: &Field, key: &str| field.number == number && key_of(field) == key.as_bytes();
    let present = |message: &[Field], key: &str| message.iter().any(|field| is(field, key));
    match change {
        Change::Insert(key, _) if present(message, key) => {}
        Change::Update(key, _) if !present(message, key) => {}
        Change::Insert(key, value) | Change::Update(key, value) | Change::Upsert(key, value) => {
            if !present(message, key) {
                let key = Field { number: 1, value: Value::Bytes(key.into()) };
                let entry = Value::Message(vec![key, value_field(value)]);
                message.push(Field { number, value: entry });
                return true;
            }
            let mut first = true;
            message.retain_mut(|field| {
                let matches = is(field, key);
                if matches && first {
                    set_value(field, value);
                }
                !matches || std::mem::replace(&mut first, false)
            });
        }
        Change::Rename(from, to) if from == to || !present(message, from) => {}
        Change::Rename(from, to) => {
            let mut first = true;
            message.retain_mut(|field| {
                if is(field, from) && std::mem::replace(&mut first, false) {
                    let Value::Message(entry) = &mut field.value else { return false };
                    entry.retain(|field| field.number != 1);
                    entry.push(Field { number: 1, value: Value::Bytes(to.into()) });
                    return true;
                }
                !is(field, from) && !is(field, to)
            });
        }
        Change::Remove(key) => message.retain(|field| !is(field, key)),
        Change::Keep(one, other) => {
            message.retain(|field| field.number != number || is(field, one) || is(field, other));
        }
        Change::Clear => message.retain(|field| field.number != number),
        Change::DropIfPresent(key) => return !present(message, key),
    }
    true
}

fn key_of(entry: &Field) -> &[u8] {
    let Value::Message(fields) = &entry.value else { return &[] };
    fields
        .iter()
        .find_map(|field| match &field.value {
            Value::Bytes(key) if field.number == 1 => Some(key.as_slice()),
            _ => None,
        })
        .unwrap_or_default()
}

fn set_value(entry: &mut Field, value: New) {
    let Value::Message(fields) = &mut entry.value else { return };
    let new = value_field(value);
    let old = fields.iter().find(|field| field.number == 2);
    let same = match old {
        Some(old) => meaning(old) == meaning(&new),
        None => meaning(&new) == ProstValue::default(),
    };
    if !same {
        fields.retain(|field| field.number != 2);
        fields.push(new);
    }
}

/// The value as field 2 of an entry.
fn value_field(value: New) -> Field {
    let text = |text: String| Field { number: 1, value: Value::Bytes(text.into()) };
    let element = |field| Field { number: 1, value: Value::Message(vec![field]) };
    let fields = match value {
        New::Empty => vec![],
        New::Int(value) => vec![Field { number: 3, value: Value::Varint(value as u64) }],
        New::Long => vec![text("long ".repeat(30))],
        New::Array => {
            let double = Field { number: 4, value: Value::Fixed64(1.5f64.to_bits()) };
            let elements = vec![element(text("x".into())), element(double)];
            vec![Field { number: 5, value: Value::Message(elements) }]
        }
    };
    Field { number: 2, value: Value::Message(fields) }
}

/// What a reader makes of a value, without its unknown fields.
fn meaning(value: &Field) -> ProstValue {
    let Value::Message(fields) = &value.value else { return ProstValue::default() };
    let mut tree = Tree::parse(SignalKind::Traces, &[]).expect("nothing is a request");
    tree.fields.clone_from(fields);
    ProstValue::decode(tree.encode().as_slice()).expect("the value was validated")
}
