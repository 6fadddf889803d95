//! Values to print: what a configuration is after decoding, as YAML or JSON.

mod json;
#[cfg(test)]
mod tests;
mod yaml;

use std::time::Duration;

use indexmap::IndexMap;

use super::node::{Node, NodeKind};

/// A value of a configuration that can be printed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// An integer.
    Int(i128),
    /// A number.
    Float(f64),
    /// A text.
    Text(String),
    /// A duration: `1m30s` in YAML, nanoseconds in JSON.
    Duration(Duration),
    /// What is printed only on request; `[REDACTED]` otherwise.
    Secret(Box<Value>),
    /// A list.
    List(Vec<Value>),
    /// Values by key.
    Map(IndexMap<String, Value>),
}

/// Whether secrets are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// As `[REDACTED]`, as is the user information of URLs.
    Redacted,
    /// As they are.
    Shown,
}

impl Value {
    /// A map of these entries.
    pub fn map<K: Into<String>>(entries: impl IntoIterator<Item = (K, Value)>) -> Self {
        Self::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// YAML as the Go collector prints it: four spaces a level, keys in the order of the map.
    pub fn to_yaml(&self, secrets: Secrets) -> String {
        yaml::print(&self.resolve(secrets))
    }

    /// JSON with two spaces a level.
    pub fn to_json(&self, secrets: Secrets) -> serde_json::Value {
        json::convert(&self.resolve(secrets))
    }

    /// The word of a choice, as [`Decoder::one_of`](super::Decoder::one_of) reads it.
    pub fn one_of<T: PartialEq>(value: &T, choices: &[(&str, T)]) -> Self {
        let found = choices.iter().find(|(_, choice)| choice == value);
        found.map_or(Self::Null, |(word, _)| (*word).into())
    }

    /// Marks as secret what a node has from `${…}` references; where the node's keys are not those of the value, all of it.
    pub fn conceal(&mut self, node: &Node) {
        if !has_masked(node) {
            return;
        }
        match (&mut *self, node.kind()) {
            (Self::Map(entries), NodeKind::Mapping(mapping))
                if mapping.keys().all(|key| entries.contains_key(key)) =>
            {
                for (key, entry) in mapping {
                    if let Some(value) = entries.get_mut(key) {
                        value.conceal(&entry.value);
                    }
                }
            }
            (Self::List(items), NodeKind::Sequence(nodes)) if items.len() == nodes.len() => {
                items.iter_mut().zip(nodes).for_each(|(item, node)| item.conceal(node));
            }
            _ => self.conceal_all(),
        }
    }

    fn conceal_all(&mut self) {
        match self {
            Self::Null | Self::Secret(_) => {}
            Self::List(items) => items.iter_mut().for_each(Self::conceal_all),
            Self::Map(entries) => entries.values_mut().for_each(Self::conceal_all),
            leaf => *leaf = Self::Secret(Box::new(std::mem::replace(leaf, Self::Null))),
        }
    }

    /// The same with the keys of every map in alphabetical order.
    pub fn sorted(mut self) -> Self {
        self.sort();
        self
    }

    fn sort(&mut self) {
        match self {
            Self::List(items) => items.iter_mut().for_each(Self::sort),
            Self::Map(entries) => {
                entries.sort_unstable_keys();
                entries.values_mut().for_each(Self::sort);
            }
            Self::Secret(inner) => inner.sort(),
            _ => {}
        }
    }

    /// The value without secrets in it, or without their marks.
    fn resolve(&self, secrets: Secrets) -> Self {
        match self {
            Self::Secret(inner) => match secrets {
                Secrets::Redacted if **inner == Self::Null => Self::Null,
                Secrets::Redacted => Self::Text(super::REDACTED.to_owned()),
                Secrets::Shown => inner.resolve(secrets),
            },
            Self::Text(text) if secrets == Secrets::Redacted => {
                Self::Text(super::render::without_user_info(text))
            }
            Self::List(items) => Self::List(items.iter().map(|item| item.resolve(secrets)).collect()),
            Self::Map(entries) => {
                Self::map(entries.iter().map(|(key, value)| (key.clone(), value.resolve(secrets))))
            }
            other => other.clone(),
        }
    }
}

/// Whether any part of a node came from a reference.
fn has_masked(node: &Node) -> bool {
    node.is_masked()
        || match node.kind() {
            NodeKind::Scalar(_) => false,
            NodeKind::Sequence(items) => items.iter().any(has_masked),
            NodeKind::Mapping(entries) => entries.values().any(|entry| has_masked(&entry.value)),
        }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}
