//! Named values that may be written as a map or as a list.

use documented::DocumentedFieldsOpt;
use indexmap::IndexMap;

use super::decoder::Decoder;
use super::fields::{Decode, Fields};
use super::from_node::FromNode;
use super::key_docs::KeyDocs;
use super::node::Node;
use super::schema::Schema;
use super::value::Value;

/// Named values in order, written as a map or as a list of `{name, value}`; HTTP headers, for example. Printed as a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapList<T>(pub IndexMap<String, T>);

impl<T> MapList<T> {
    /// The names and values, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T> Default for MapList<T> {
    fn default() -> Self {
        Self(IndexMap::new())
    }
}

impl<T> FromIterator<(String, T)> for MapList<T> {
    fn from_iter<I: IntoIterator<Item = (String, T)>>(items: I) -> Self {
        Self(items.into_iter().collect())
    }
}

impl<T: FromNode + Default> FromNode for MapList<T> {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        let Some(items) = node.sequence() else {
            return IndexMap::from_node(node, decoder).map(Self);
        };
        let pairs = Vec::<Pair<T>>::from_node(node, decoder)?;
        let mut named = IndexMap::with_capacity(pairs.len());
        for (Pair { name, value }, item) in pairs.into_iter().zip(items) {
            if named.contains_key(&name) {
                decoder.error(item, format!("name `{name}` occurs twice in this list"));
                return None;
            }
            named.insert(name, value);
        }
        Some(Self(named))
    }

    /// A map adds to the defaults, a list replaces them.
    fn update(&mut self, node: &Node, decoder: &mut Decoder) {
        let Some(read) = Self::from_node(node, decoder) else { return };
        if node.mapping().is_some() {
            self.0.extend(read.0);
        } else {
            *self = read;
        }
    }

    fn schema() -> Schema {
        let list = Schema::any().with("type", "array").with("items", Pair::<T>::schema().into_json());
        Schema::either([Schema::map(T::schema()), list])
    }

    fn value(&mut self) -> Value {
        let pair = |(name, value): (&String, &mut T)| {
            Value::map([("name", Value::from(name.as_str())), ("value", value.value())])
        };
        Value::List(self.0.iter_mut().map(pair).collect())
    }
}

#[derive(Default, DocumentedFieldsOpt)]
struct Pair<T> {
    /// The name.
    name: String,
    /// The value.
    value: T,
}

impl<T: FromNode + Default> Decode for Pair<T> {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        fields.required("name", &mut self.name);
        fields.take("value", &mut self.value);
    }
}
