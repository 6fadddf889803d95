//! The operations again, on trees of fields: slow and simple.

use std::collections::VecDeque;

use otel_core::pdata::{Signal, SignalKind};
use otel_core::testing::raw::{Field, Tree, Value};

/// Depth of the messages whose children are resource groups, scope groups, metrics.
pub(crate) const REQUEST: usize = 0;
pub(crate) const RESOURCE: usize = 1;
pub(crate) const SCOPE: usize = 2;

/// Depth of the messages whose children are items.
pub(crate) fn item_parent(kind: SignalKind) -> usize {
    if kind == SignalKind::Metrics { 4 } else { 2 }
}

fn is_child(depth: usize, number: u32) -> bool {
    match depth {
        0 | 4 => number == 1,
        1 | 2 => number == 2,
        _ => [5, 7, 9, 10, 11].contains(&number),
    }
}

/// The signal as a tree, canonical but for the notation.
pub(crate) fn tree<S: Signal>(signal: &S) -> Tree {
    Tree::parse(S::KIND, &signal.to_bytes()).expect("the signal is protobuf").canonical()
}

fn content(field: &Field) -> &[Field] {
    match &field.value {
        Value::Message(fields) => fields,
        other => panic!("a child is a message, not {other:?}"),
    }
}

pub(crate) fn count(kind: SignalKind, depth: usize, fields: &[Field]) -> usize {
    let children = fields.iter().filter(|field| is_child(depth, field.number));
    if depth == item_parent(kind) {
        return children.count();
    }
    children.map(|child| count(kind, depth + 1, content(child))).sum()
}

/// What goes to one bucket, where the children of messages at depth `leaf` are decided one after the other.
pub(crate) fn select(fields: &[Field], leaf: usize, decisions: &[usize], bucket: usize) -> Vec<Field> {
    let mut decisions: VecDeque<usize> = decisions.iter().copied().collect();
    select_at(REQUEST, fields, leaf, &mut decisions, bucket)
}

fn select_at(
    depth: usize,
    fields: &[Field],
    leaf: usize,
    decisions: &mut VecDeque<usize>,
    bucket: usize,
) -> Vec<Field> {
    let mut kept = Vec::new();
    for field in fields {
        if !is_child(depth, field.number) {
            // What is unknown to the request itself goes with the first.
            if depth > REQUEST || bucket == 0 {
                kept.push(field.clone());
            }
        } else if depth == leaf {
            if decisions.pop_front().expect("a decision for each") == bucket {
                kept.push(field.clone());
            }
        } else if !content(field).iter().any(|field| is_child(depth + 1, field.number)) {
            if bucket == 0 {
                kept.push(field.clone());
            }
        } else {
            let inner = select_at(depth + 1, content(field), leaf, decisions, bucket);
            if inner.iter().any(|field| is_child(depth + 1, field.number)) {
                kept.push(Field { number: field.number, value: Value::Message(inner) });
            }
        }
    }
    kept
}

/// Both parts of a cut after `items` items: what follows without items goes with the first part, down to where
/// the cut is.
pub(crate) fn split(kind: SignalKind, fields: &[Field], items: usize) -> (Vec<Field>, Vec<Field>) {
    if items == 0 {
        return (Vec::new(), fields.to_vec());
    }
    split_at(kind, REQUEST, fields, items)
}

fn split_at(kind: SignalKind, depth: usize, fields: &[Field], items: usize) -> (Vec<Field>, Vec<Field>) {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    let mut left = Some(items);
    for field in fields {
        if !is_child(depth, field.number) {
            first.push(field.clone());
            if depth > REQUEST {
                second.push(field.clone());
            }
            continue;
        }
        let held = if depth == item_parent(kind) { 1 } else { count(kind, depth + 1, content(field)) };
        match left {
            Some(items) if held <= items => {
                first.push(field.clone());
                left = Some(items - held);
            }
            Some(items) if items > 0 => {
                let (head, tail) = split_at(kind, depth + 1, content(field), items);
                first.push(Field { number: field.number, value: Value::Message(head) });
                second.push(Field { number: field.number, value: Value::Message(tail) });
                left = None;
            }
            _ => {
                second.push(field.clone());
                left = None;
            }
        }
    }
    (first, second)
}

/// The tree without what holds no items, and without what is unknown to the request.
pub(crate) fn only_items(kind: SignalKind, fields: &[Field]) -> Vec<Field> {
    only_items_at(kind, REQUEST, fields)
}

fn only_items_at(kind: SignalKind, depth: usize, fields: &[Field]) -> Vec<Field> {
    let mut kept = Vec::new();
    for field in fields {
        if !is_child(depth, field.number) {
            if depth > REQUEST {
                kept.push(field.clone());
            }
        } else if depth == item_parent(kind) {
            kept.push(field.clone());
        } else if count(kind, depth + 1, content(field)) > 0 {
            let inner = only_items_at(kind, depth + 1, content(field));
            kept.push(Field { number: field.number, value: Value::Message(inner) });
        }
    }
    kept
}
