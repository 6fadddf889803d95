//! What a `Decode` says of its keys when it is asked instead of given a map.

use indexmap::IndexMap;

use super::decoder::Decoder;
use super::fields::{Decode, Fields};
use super::from_node::FromNode;
use super::key_docs::KeyDocs;
use super::node::{Mapping, Node};
use super::schema::Schema;
use super::source::{Location, Source};
use super::value::Value;

/// Collects keys with their values or with their schemas.
pub(super) enum Record {
    Values(IndexMap<String, Value>),
    Schemas { keys: IndexMap<String, Schema>, open: bool },
}

/// The values of the keys of a type, to print.
pub(super) fn values<T: Decode>(of: &mut T) -> Value {
    Value::of(|fields| fields.block(of))
}

impl Value {
    /// The values of the keys that a closure takes.
    pub fn of(read: impl FnOnce(&mut Fields<'_>)) -> Self {
        Record::Values(IndexMap::new()).made_by(read).into_value()
    }
}

impl Schema {
    /// A map with the keys that a closure takes, and their values as defaults.
    pub fn of(read: impl FnOnce(&mut Fields<'_>)) -> Self {
        Record::Schemas { keys: IndexMap::new(), open: false }.made_by(read).into_schema()
    }
}

/// The keys of a type with its values as defaults.
pub(super) fn schema<T: Decode>(of: &mut T) -> Schema {
    Schema::of(|fields| fields.block(of))
}

impl Record {
    pub(super) fn key<T: FromNode>(&mut self, key: &str, field: &mut T) {
        match self {
            Self::Values(keys) => drop(keys.insert(key.to_owned(), field.value())),
            Self::Schemas { keys, .. } => drop(keys.insert(key.to_owned(), field.describe())),
        }
    }

    /// Keys below a key.
    pub(super) fn nested(&mut self, key: &str, read: impl FnOnce(&mut Fields<'_>)) {
        match self {
            Self::Values(keys) => {
                keys.insert(key.to_owned(), Value::of(read));
            }
            Self::Schemas { keys, .. } => {
                keys.insert(key.to_owned(), Schema::of(read));
            }
        }
    }

    /// A key that is read by hand.
    pub(super) fn by_hand(&mut self, key: &str, schema: Schema, value: Value) {
        match self {
            Self::Values(keys) => drop(keys.insert(key.to_owned(), value)),
            Self::Schemas { keys, .. } => drop(keys.insert(key.to_owned(), schema.with_default(&value))),
        }
    }

    /// A key that is read, but of which nothing else is known.
    pub(super) fn unknown(&mut self, key: &str) {
        if let Self::Schemas { keys, .. } = self {
            keys.entry(key.to_owned()).or_insert_with(Schema::any);
        }
    }

    /// A key that should not be written any more.
    pub(super) fn deprecated(&mut self, key: &str, schema: Schema, why: String) {
        if let Self::Schemas { keys, .. } = self {
            keys.entry(key.to_owned()).or_insert_with(|| schema.deprecated(why));
        }
    }

    /// What keys are for.
    pub(super) fn document(&mut self, docs: KeyDocs) {
        for (key, said) in docs.iter() {
            self.says(key, said);
        }
    }

    /// What a key is for, unless that has been said.
    pub(super) fn says(&mut self, key: &str, said: String) {
        let Self::Schemas { keys, .. } = self else { return };
        if let Some(schema) = keys.get_mut(key).filter(|schema| !schema.is_described()) {
            schema.describe(said);
        }
    }

    /// Any other key is allowed.
    pub(super) fn open(&mut self) {
        if let Self::Schemas { open, .. } = self {
            *open = true;
        }
    }

    fn made_by(self, read: impl FnOnce(&mut Fields<'_>)) -> Self {
        let node = Node::null(Location::start_of(&Source::new("", "")));
        let (mapping, mut decoder) = (Mapping::new(), Decoder::default());
        let mut fields = Fields::new(&node, &mapping, &mut decoder).recording(self);
        read(&mut fields);
        fields.into_record()
    }

    fn into_value(self) -> Value {
        match self {
            Self::Values(keys) => Value::Map(keys),
            Self::Schemas { .. } => Value::Null,
        }
    }

    fn into_schema(self) -> Schema {
        match self {
            Self::Values(_) => Schema::any(),
            Self::Schemas { keys, open: true } => Schema::keys(keys).open(),
            Self::Schemas { keys, open: false } => Schema::keys(keys),
        }
    }
}
