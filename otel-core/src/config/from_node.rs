//! How single values are read.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::num::{NonZeroU16, NonZeroU32, NonZeroU64, NonZeroUsize};
use std::time::Duration;

use indexmap::IndexMap;

use super::decoder::Decoder;
use super::fields::Decode;
use super::node::Node;
use super::schema::Schema;
use super::value::Value;
use super::{ScalarValue, duration, record};
use crate::ComponentId;

/// A value that is read from a [`Node`].
///
/// The rules are those of the Go collector: no conversions between strings and numbers or booleans; `null` is the zero
/// value of a leaf (`false`, 0, the empty string or list) and keeps the defaults of a map with known keys.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be read from a configuration",
    note = "implement `FromNode` for a single value, and `Decode` (which includes it) for a type with named keys",
    note = "a type that derives `serde::Deserialize` can be read as `Serde<{Self}>`"
)]
pub trait FromNode: Sized {
    /// Reads a value. `None` if it is wrong, which the implementation records with the decoder.
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self>;

    /// Reads a value into a field that already has one, and leaves it alone if the node is wrong. Of a list, only the items
    /// that are wrong are left out.
    fn update(&mut self, node: &Node, decoder: &mut Decoder) {
        if let Some(value) = Self::from_node(node, decoder) {
            *self = value;
        }
    }

    /// What a configuration may say here.
    fn schema() -> Schema;

    /// The value, to print it. It is not changed.
    fn value(&mut self) -> Value;

    /// What a configuration may say here, and the value as its default.
    fn describe(&mut self) -> Schema {
        Self::schema().with_default(&self.value())
    }
}

/// A type that can be the key of a map, and displays as that key.
pub trait FromKey: fmt::Display + Sized {
    /// Reads a key, or says what is wrong with it.
    fn from_key(key: &str) -> Result<Self, String>;
}

impl<T: Decode> FromNode for T {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        let mut value = T::default();
        decoder.fields(node, |fields| value.decode(fields))?;
        Some(value)
    }

    fn update(&mut self, node: &Node, decoder: &mut Decoder) {
        decoder.fields(node, |fields| self.decode(fields));
    }

    fn schema() -> Schema {
        T::default().describe()
    }

    fn value(&mut self) -> Value {
        record::values(self)
    }

    fn describe(&mut self) -> Schema {
        record::schema(self)
    }
}

// === leaves ===

impl FromNode for bool {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        match node.scalar() {
            Some(ScalarValue::Bool(value)) => Some(value),
            Some(ScalarValue::Null) => Some(false),
            _ => {
                decoder.mismatch(node, "true or false");
                None
            }
        }
    }

    fn schema() -> Schema {
        Schema::boolean()
    }

    fn value(&mut self) -> Value {
        Value::Bool(*self)
    }
}

impl FromNode for String {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        decoder.text(node).map(str::to_owned)
    }

    fn schema() -> Schema {
        Schema::text()
    }

    fn value(&mut self) -> Value {
        Value::Text(self.clone())
    }
}

impl FromNode for f64 {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        match node.scalar() {
            Some(ScalarValue::Float(value)) => Some(value),
            Some(ScalarValue::Int(value)) => Some(value as f64),
            Some(ScalarValue::Null) => Some(0.0),
            _ => {
                decoder.mismatch(node, "a number");
                None
            }
        }
    }

    fn schema() -> Schema {
        Schema::number()
    }

    fn value(&mut self) -> Value {
        Value::Float(*self)
    }
}

impl FromNode for f32 {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        f64::from_node(node, decoder).map(|value| value as f32)
    }

    fn schema() -> Schema {
        Schema::number()
    }

    fn value(&mut self) -> Value {
        // With the digits of the shorter type.
        Value::Float(self.to_string().parse().unwrap_or_else(|_| f64::from(*self)))
    }
}

/// An integer within bounds; a whole number written with a point or an exponent counts as one.
fn integer(node: &Node, decoder: &mut Decoder, min: i128, max: i128) -> Option<i128> {
    let value = match node.scalar() {
        Some(ScalarValue::Int(value)) => value,
        Some(ScalarValue::Null) => 0,
        Some(ScalarValue::Float(value)) if value.fract() == 0.0 => value as i128,
        _ => {
            decoder.mismatch(node, "an integer");
            return None;
        }
    };
    if (min..=max).contains(&value) {
        return Some(value);
    }
    decoder.mismatch(node, &format!("an integer from {min} to {max}"));
    None
}

/// Implements [`FromNode`] for integers, whose bounds are those of the type, and for their non-zero kin.
macro_rules! integers {
    ($($int:ty)*; $($non_zero:ty: $base:ty)*) => {
        $(impl FromNode for $int {
            fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
                let bound = |bound| i128::try_from(bound).unwrap_or_default();
                let value = integer(node, decoder, bound(Self::MIN), bound(Self::MAX))?;
                Self::try_from(value).ok()
            }

            fn schema() -> Schema {
                let bound = |bound| i128::try_from(bound).unwrap_or_default();
                Schema::integer(bound(Self::MIN), bound(Self::MAX))
            }

            fn value(&mut self) -> Value {
                Value::Int(i128::try_from(*self).unwrap_or_default())
            }
        })*
        $(impl FromNode for $non_zero {
            fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
                let max = i128::try_from(<$base>::MAX).unwrap_or_default();
                let value = integer(node, decoder, 1, max)?;
                <$base>::try_from(value).ok().and_then(Self::new)
            }

            fn schema() -> Schema {
                Schema::integer(1, i128::try_from(<$base>::MAX).unwrap_or_default())
            }

            fn value(&mut self) -> Value {
                Value::Int(i128::try_from(self.get()).unwrap_or_default())
            }
        })*
    };
}

integers! {
    u8 u16 u32 u64 usize i8 i16 i32 i64 isize;
    NonZeroU16: u16
    NonZeroU32: u32
    NonZeroU64: u64
    NonZeroUsize: usize
}

/// A string as Go writes durations (`1h30m`, `200ms`), or an integer of nanoseconds. Not negative.
impl FromNode for Duration {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        const EXPECTED: &str = "a duration such as 200ms or 1h30m";
        let parsed = match node.scalar() {
            Some(ScalarValue::String(text)) => duration::parse_nanos(text),
            Some(ScalarValue::Int(nanos)) => i64::try_from(nanos).ok(),
            Some(ScalarValue::Float(nanos)) if nanos.fract() == 0.0 => i64::try_from(nanos as i128).ok(),
            Some(ScalarValue::Null) => Some(0),
            _ => {
                decoder.mismatch(node, EXPECTED);
                return None;
            }
        };
        match parsed.map(u64::try_from) {
            Some(Ok(nanos)) => Some(Duration::from_nanos(nanos)),
            Some(Err(_)) => {
                decoder.error(node, format!("duration {} must not be negative", node.quoted()));
                None
            }
            None => {
                let problem = decoder.error(node, format!("invalid duration {}", node.quoted()));
                problem.help("allowed: numbers with the units ns, us, ms, s, m, h, such as 200ms or 1h30m");
                None
            }
        }
    }

    fn schema() -> Schema {
        Schema::duration()
    }

    fn value(&mut self) -> Value {
        Value::Duration(*self)
    }
}

impl FromNode for ComponentId {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        decoder.parse(node)
    }

    fn schema() -> Schema {
        Schema::text()
    }

    fn value(&mut self) -> Value {
        Value::Text(self.to_string())
    }
}

/// Null is `None`.
impl<T: FromNode> FromNode for Option<T> {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        if node.is_null() { Some(None) } else { T::from_node(node, decoder).map(Some) }
    }

    fn update(&mut self, node: &Node, decoder: &mut Decoder) {
        match self {
            Some(present) if !node.is_null() => present.update(node, decoder),
            _ => {
                if let Some(value) = Self::from_node(node, decoder) {
                    *self = value;
                }
            }
        }
    }

    fn schema() -> Schema {
        T::schema()
    }

    fn value(&mut self) -> Value {
        self.as_mut().map_or(Value::Null, T::value)
    }

    fn describe(&mut self) -> Schema {
        self.as_mut().map_or_else(T::schema, T::describe)
    }
}

// === lists and maps ===

/// A list, or a string with commas between the items. Wrong items are recorded, each at its place.
impl<T: FromNode> FromNode for Vec<T> {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        items(node, decoder)?.into_iter().collect()
    }

    /// Wrong items are left out, so that what refers to the others finds them.
    fn update(&mut self, node: &Node, decoder: &mut Decoder) {
        if let Some(items) = items(node, decoder) {
            *self = items.into_iter().flatten().collect();
        }
    }

    fn schema() -> Schema {
        Schema::list(T::schema())
    }

    fn value(&mut self) -> Value {
        Value::List(self.iter_mut().map(T::value).collect())
    }
}

impl FromKey for String {
    fn from_key(key: &str) -> Result<Self, String> {
        Ok(key.to_owned())
    }
}

impl FromKey for ComponentId {
    fn from_key(key: &str) -> Result<Self, String> {
        key.parse().map_err(|error: crate::InvalidComponentId| error.to_string())
    }
}

/// The entries of a map with open keys, in the order of the file. Two keys that mean the same are an error.
fn entries<K: FromKey + Eq + Hash + Clone, T: FromNode>(
    node: &Node,
    decoder: &mut Decoder,
) -> Option<IndexMap<K, T>> {
    let mapping = match node.mapping() {
        Some(mapping) => mapping,
        None if node.is_null() => return Some(IndexMap::new()),
        None => {
            decoder.mismatch(node, "a map");
            return None;
        }
    };
    let mut read = IndexMap::with_capacity(mapping.len());
    let mut complete = true;
    for (key, entry) in mapping {
        let at = Node { location: entry.key.clone(), ..node.with_text(key) };
        let value = decoder.at(key, |decoder| T::from_node(&entry.value, decoder));
        match (K::from_key(key), value) {
            (Ok(parsed), Some(value)) => {
                if read.insert(parsed, value).is_some() {
                    decoder.error(&at, format!("key `{key}` occurs twice in this map"));
                    complete = false;
                }
            }
            (Err(message), _) => {
                decoder.error(&at, message);
                complete = false;
            }
            (Ok(_), None) => complete = false,
        }
    }
    complete.then_some(read)
}

impl<K: FromKey + Eq + Hash + Clone, T: FromNode, S: BuildHasher + Default> FromNode for IndexMap<K, T, S> {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        Some(entries(node, decoder)?.into_iter().collect())
    }

    fn schema() -> Schema {
        Schema::map(T::schema())
    }

    fn value(&mut self) -> Value {
        Value::map(self.iter_mut().map(|(key, value)| (key.to_string(), value.value())))
    }
}

impl<K: FromKey + Eq + Hash + Clone, T: FromNode, S: BuildHasher + Default> FromNode for HashMap<K, T, S> {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        Some(entries(node, decoder)?.into_iter().collect())
    }

    fn schema() -> Schema {
        Schema::map(T::schema())
    }

    fn value(&mut self) -> Value {
        Value::map(self.iter_mut().map(|(key, value)| (key.to_string(), value.value())))
    }
}

impl<K: FromKey + Eq + Hash + Clone + Ord, T: FromNode> FromNode for BTreeMap<K, T> {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        Some(entries(node, decoder)?.into_iter().collect())
    }

    fn schema() -> Schema {
        Schema::map(T::schema())
    }

    fn value(&mut self) -> Value {
        Value::map(self.iter_mut().map(|(key, value)| (key.to_string(), value.value())))
    }
}

/// The items of a list, having looked at every one so that each wrong one is recorded. `None` if it is no list.
fn items<T: FromNode>(node: &Node, decoder: &mut Decoder) -> Option<Vec<Option<T>>> {
    if node.is_null() {
        return Some(Vec::new());
    }
    if let Some(items) = node.sequence() {
        let read = |(index, item)| decoder.at(index, |decoder| T::from_node(item, decoder));
        return Some(items.iter().enumerate().map(read).collect());
    }
    match node.scalar() {
        Some(ScalarValue::String("")) => Some(Vec::new()),
        Some(ScalarValue::String(text)) => {
            Some(text.split(',').map(|item| T::from_node(&node.with_text(item), decoder)).collect())
        }
        _ => {
            decoder.mismatch(node, "a list");
            None
        }
    }
}
