//! Texts that are never printed.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::REDACTED;
use super::decoder::Decoder;
use super::from_node::FromNode;
use super::node::Node;
use super::schema::Schema;
use super::value::Value;

/// The name by which our deserializer knows a [`Secret`] and keeps it out of excerpts.
pub(super) const NAME: &str = "$otel_core::config::Secret";

/// A text that is never printed: a password, a token, a header's value.
///
/// Debugging, displaying and serialising show `[REDACTED]`, and the excerpts of configuration errors leave it out. Only
/// [`expose`](Self::expose) gives the text.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for its one use.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether the text is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl<'de> Visitor<'de> for Text {
            type Value = Secret;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Secret, E> {
                Ok(Secret::new(text))
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Secret, D::Error> {
                String::deserialize(inner).map(Secret)
            }
        }

        deserializer.deserialize_newtype_struct(NAME, Text)
    }
}

impl FromNode for Secret {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        decoder.mask(node);
        if let Some(text) = node.text() {
            return Some(Self::new(text));
        }
        if node.is_null() {
            return Some(Self::default());
        }
        let kind = node.scalar().map_or("a list or a map", |value| value.kind());
        decoder
            .error(node, format!("expected a string, got {kind}"))
            .help("help: put quotes around it to make it a string");
        None
    }

    fn schema() -> Schema {
        Schema::secret()
    }

    fn value(&mut self) -> Value {
        if self.is_empty() {
            Value::Text(String::new())
        } else {
            Value::Secret(Box::new(Value::Text(self.0.clone())))
        }
    }
}
