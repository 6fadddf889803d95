//! The tree that configuration is decoded from: YAML values that know where they were written.

use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;

use super::ScalarValue;
use super::source::Location;

/// A value of the configuration with its place.
#[derive(Clone, Debug)]
pub struct Node {
    pub(super) kind: NodeKind,
    pub(super) location: Location,
    /// The text of the `${…}` reference's value where the whole node is one: what a string field gets.
    pub(super) original: Option<Arc<str>>,
    /// Whether the value, or a part of it, came from a `${…}` reference and so must not be shown.
    pub(super) masked: bool,
}

/// What a [`Node`] is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum NodeKind {
    /// A string, number, boolean or null.
    Scalar(Scalar),
    /// A list.
    Sequence(Vec<Node>),
    /// A map with string keys, in the order of the file.
    Mapping(Mapping),
}

/// A scalar with the text it was written as.
#[derive(Clone)]
pub struct Scalar {
    pub(super) text: String,
    /// Whether quotes, a block style or a tag make it a string whatever it looks like.
    pub(super) string: bool,
}

/// The entries of a map, in the order of the file.
pub type Mapping = IndexMap<String, Entry>;

/// An entry of a [`Mapping`].
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where the key was written.
    pub key: Location,
    /// The value.
    pub value: Node,
}

impl Node {
    pub(super) fn new(kind: NodeKind, location: Location) -> Self {
        Self { kind, location, original: None, masked: false }
    }

    pub(super) fn null(location: Location) -> Self {
        Self::new(NodeKind::Scalar(Scalar { text: String::new(), string: false }), location)
    }

    /// What the node is.
    pub fn kind(&self) -> &NodeKind {
        &self.kind
    }

    /// Where the node was written.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The value, if the node is a scalar.
    pub fn scalar(&self) -> Option<ScalarValue<'_>> {
        match &self.kind {
            NodeKind::Scalar(scalar) => Some(scalar.value()),
            _ => None,
        }
    }

    /// The entries, if the node is a map.
    pub fn mapping(&self) -> Option<&Mapping> {
        match &self.kind {
            NodeKind::Mapping(mapping) => Some(mapping),
            _ => None,
        }
    }

    /// The items, if the node is a list.
    pub fn sequence(&self) -> Option<&[Node]> {
        match &self.kind {
            NodeKind::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// The value of a key, if the node is a map that has it.
    pub fn entry(&self, key: &str) -> Option<&Node> {
        self.mapping()?.get(key).map(|entry| &entry.value)
    }

    /// Whether the node is null, written out or left empty.
    pub fn is_null(&self) -> bool {
        matches!(self.scalar(), Some(ScalarValue::Null))
    }

    /// The text that a field of type string gets: a string scalar, or the value of a `${…}` reference exactly as it is.
    pub fn text(&self) -> Option<&str> {
        match (&self.original, self.scalar()) {
            (Some(original), _) => Some(original),
            (None, Some(ScalarValue::String(text))) => Some(text),
            _ => None,
        }
    }

    /// Whether the value came from a `${…}` reference, so that messages must not show it.
    pub fn is_masked(&self) -> bool {
        self.masked
    }

    /// A string in the place of this node, as secret as it is.
    pub(super) fn with_text(&self, text: &str) -> Self {
        let scalar = Scalar { text: text.to_owned(), string: true };
        Self {
            kind: NodeKind::Scalar(scalar),
            location: self.location.clone(),
            original: None,
            masked: self.masked,
        }
    }

    /// The value for a message: `string "x"`, `a list`; without what must not be shown.
    pub(super) fn describe(&self) -> String {
        let found = match &self.kind {
            NodeKind::Mapping(_) => return "a map".to_owned(),
            NodeKind::Sequence(_) => return "a list".to_owned(),
            NodeKind::Scalar(scalar) => scalar.value(),
        };
        match found {
            ScalarValue::Null => "nothing".to_owned(),
            _ if self.masked => format!("{} from a reference", found.kind()),
            ScalarValue::String(_) => format!("string {}", self.quoted()),
            ScalarValue::Bool(_) | ScalarValue::Int(_) | ScalarValue::Float(_) => {
                format!(
                    "{} {}",
                    found.kind().trim_start_matches("an ").trim_start_matches("a "),
                    self.plain_text()
                )
            }
        }
    }

    /// The scalar's text in quotes for a message, unless it must not be shown.
    pub(super) fn quoted(&self) -> String {
        if self.masked { super::REDACTED.to_owned() } else { format!("{:?}", self.plain_text()) }
    }

    fn plain_text(&self) -> &str {
        match &self.kind {
            NodeKind::Scalar(scalar) => &scalar.text,
            _ => "",
        }
    }
}

impl Scalar {
    /// What the scalar means.
    pub fn value(&self) -> ScalarValue<'_> {
        if self.string { ScalarValue::String(&self.text) } else { ScalarValue::of_plain(&self.text) }
    }

    /// The text as written, without quotes.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Shows no content: any scalar may be a secret.
impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Scalar").field(&self.value().kind()).finish()
    }
}
