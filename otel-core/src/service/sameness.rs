//! What a part of a configuration says, as a text by which two of them are compared.

use std::fmt::Write as _;

use crate::config::{Node, NodeKind};
use crate::engine::Identity;

/// The identity of a component by its part of the configuration. The order of keys and the way in which a value was
/// written down do not matter.
pub(super) fn identity(node: Option<&Node>) -> Identity {
    let mut text = String::new();
    if let Some(node) = node {
        write_node(node, &mut text);
    }
    Identity::of_text(text)
}

fn write_node(node: &Node, out: &mut String) {
    match node.kind() {
        NodeKind::Scalar(scalar) => {
            // What a string field gets may differ from what a number gets.
            let texts = (scalar.value(), node.text());
            write!(out, "{texts:?}").expect("writing to a string succeeds");
        }
        NodeKind::Sequence(nodes) => {
            out.push('[');
            for node in nodes {
                write_node(node, out);
                out.push(',');
            }
            out.push(']');
        }
        NodeKind::Mapping(mapping) => {
            let mut entries: Vec<_> = mapping.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            out.push('{');
            for (key, entry) in entries {
                write!(out, "{key:?}:").expect("writing to a string succeeds");
                write_node(&entry.value, out);
                out.push(',');
            }
            out.push('}');
        }
    }
}
