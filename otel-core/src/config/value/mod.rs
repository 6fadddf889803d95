//! Values to print: what a configuration is after decoding, as YAML or JSON.

mod json;
#[cfg(test)]
mod tests;
mod yaml;

use std::time::Duration;

use indexmap::IndexMap;

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
