//! Rules that a configuration breaks, whoever checks them.

use std::fmt;

/// A rule that a configuration breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// The key concerned, parts joined by `::`; empty for the whole.
    pub path: String,
    /// What is wrong and what is allowed.
    pub message: String,
}

impl Invalid {
    /// A broken rule at a key.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }

    /// The same rule, seen from the map that has the value under a key.
    ///
    /// ```
    /// use otel_core::Invalid;
    ///
    /// let of_queue = vec![Invalid::new("queue_size", "must be positive")];
    /// let of_exporter: Vec<_> = of_queue.into_iter().map(|rule| rule.within("sending_queue")).collect();
    /// assert_eq!(of_exporter[0].to_string(), "sending_queue::queue_size: must be positive");
    /// ```
    pub fn within(self, key: impl fmt::Display) -> Self {
        let path = match self.path.as_str() {
            "" => key.to_string(),
            path => format!("{key}::{path}"),
        };
        Self { path, ..self }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.message),
            path => write!(f, "{path}: {}", self.message),
        }
    }
}
