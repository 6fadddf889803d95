//! Nodes as a serde data format.

use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};

use super::node::{Entry, Mapping, Node, NodeKind};
use super::serde_bridge::{Problem, Session, Unknown};
use super::{ScalarValue, secret};

/// A node as serde's input.
#[derive(Clone, Copy)]
pub(super) struct Input<'a, 'n> {
    pub(super) node: &'n Node,
    pub(super) session: &'a Session<'n>,
}

impl<'n> Input<'_, 'n> {
    fn unexpected(&self) -> Unexpected<'n> {
        match (&self.node.kind, self.node.scalar()) {
            (NodeKind::Sequence(_), _) => Unexpected::Seq,
            (NodeKind::Mapping(_), _) => Unexpected::Map,
            (_, Some(ScalarValue::Bool(value))) => Unexpected::Bool(value),
            (_, Some(ScalarValue::Int(value))) => match u64::try_from(value) {
                Ok(value) => Unexpected::Unsigned(value),
                Err(_) => Unexpected::Signed(value as i64),
            },
            (_, Some(ScalarValue::Float(value))) => Unexpected::Float(value),
            (_, Some(ScalarValue::String(text))) => Unexpected::Str(text),
            (_, Some(ScalarValue::Null) | None) => Unexpected::Unit,
        }
    }

    fn mismatch(&self, expected: &dyn de::Expected) -> Problem<'n> {
        de::Error::invalid_type(self.unexpected(), expected)
    }

    fn any<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem<'n>> {
        match &self.node.kind {
            NodeKind::Sequence(items) => self.items(items, visitor),
            NodeKind::Mapping(entries) => self.entries(entries, &[], visitor),
            NodeKind::Scalar(scalar) => match scalar.value() {
                ScalarValue::Null => visitor.visit_unit(),
                ScalarValue::Bool(value) => visitor.visit_bool(value),
                ScalarValue::Int(value) => match u64::try_from(value) {
                    Ok(value) => visitor.visit_u64(value),
                    Err(_) => visitor.visit_i64(value as i64),
                },
                ScalarValue::Float(value) => visitor.visit_f64(value),
                ScalarValue::String(text) => visitor.visit_str(text),
            },
        }
    }

    fn items<'de, V: Visitor<'de>>(self, items: &'n [Node], visitor: V) -> Result<V::Value, Problem<'n>> {
        visitor.visit_seq(Items { items: items.iter(), session: self.session })
    }

    fn entries<'de, V: Visitor<'de>>(
        self,
        entries: &'n Mapping,
        allowed: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem<'n>> {
        visitor.visit_map(Entries { rest: entries.iter(), current: None, allowed, session: self.session })
    }

    fn map<'de, V: Visitor<'de>>(
        self,
        allowed: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem<'n>> {
        match &self.node.kind {
            NodeKind::Mapping(entries) => self.entries(entries, allowed, visitor),
            _ if self.node.is_null() => visitor.visit_map(de::value::MapDeserializer::<_, Problem<'n>>::new(
                std::iter::empty::<(&str, &str)>(),
            )),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn seq<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem<'n>> {
        match &self.node.kind {
            NodeKind::Sequence(items) => self.items(items, visitor),
            _ if self.node.is_null() => self.items(&[], visitor),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn text<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem<'n>> {
        match self.node.text() {
            Some(text) => visitor.visit_str(text),
            None if self.node.is_null() => visitor.visit_str(""),
            None => Err(self.mismatch(&visitor)),
        }
    }

    /// Numbers: null is zero, a whole number with a point is an integer.
    fn number<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem<'n>> {
        match self.node.scalar() {
            Some(ScalarValue::Null) => visitor.visit_u64(0),
            Some(ScalarValue::Float(value)) if value.fract() == 0.0 && value.abs() < 1e15 => {
                if value < 0.0 {
                    visitor.visit_i64(value as i64)
                } else {
                    visitor.visit_u64(value as u64)
                }
            }
            _ => self.any(visitor),
        }
    }

    fn variant<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem<'n>> {
        let (name, value) = match self.node.mapping() {
            Some(entries) if entries.len() == 1 => {
                entries.first().map(|(key, entry)| (key.as_str(), Some(&entry.value))).unwrap_or_default()
            }
            Some(_) => return Err(self.mismatch(&"a map with one key, which names the variant")),
            None => match self.node.text() {
                Some(text) => (text, None),
                None => return Err(self.mismatch(&visitor)),
            },
        };
        visitor.visit_enum(Variant { name, value, session: self.session })
    }
}

/// Implements the methods of [`Deserializer`] by calling one of [`Input`], and says where an error was.
macro_rules! deserialize {
    ($($method:ident => $by:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
            self.$by(visitor).map_err(|problem| problem.at(self.node))
        })*
    };
}

impl<'de, 'n> Deserializer<'de> for Input<'_, 'n> {
    type Error = Problem<'n>;

    deserialize! {
        deserialize_any => any
        deserialize_i8 => number
        deserialize_i16 => number
        deserialize_i32 => number
        deserialize_i64 => number
        deserialize_i128 => number
        deserialize_u8 => number
        deserialize_u16 => number
        deserialize_u32 => number
        deserialize_u64 => number
        deserialize_u128 => number
        deserialize_f32 => number
        deserialize_f64 => number
        deserialize_char => text
        deserialize_str => text
        deserialize_string => text
        deserialize_bytes => text
        deserialize_byte_buf => text
        deserialize_identifier => text
        deserialize_seq => seq
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        let read = if self.node.is_null() { visitor.visit_bool(false) } else { self.any(visitor) };
        read.map_err(|problem| problem.at(self.node))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        let read = if self.node.is_null() { visitor.visit_none() } else { visitor.visit_some(self) };
        read.map_err(|problem| problem.at(self.node))
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        if name == secret::NAME {
            self.session.secrets.borrow_mut().push(self.node);
        }
        visitor.visit_newtype_struct(self).map_err(|problem| problem.at(self.node))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Self::Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.map(&[], visitor).map_err(|problem| problem.at(self.node))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.map(fields, visitor).map_err(|problem| problem.at(self.node))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.variant(visitor).map_err(|problem| problem.at(self.node))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_unit()
    }
}

struct Items<'a, 'n> {
    items: std::slice::Iter<'n, Node>,
    session: &'a Session<'n>,
}

impl<'de, 'n> SeqAccess<'de> for Items<'_, 'n> {
    type Error = Problem<'n>;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Self::Error> {
        let session = self.session;
        let next = self.items.find(|item| !session.skipped.contains(&std::ptr::from_ref(*item)));
        next.map(|node| seed.deserialize(Input { node, session })).transpose()
    }
}

struct Entries<'a, 'n> {
    rest: indexmap::map::Iter<'n, String, Entry>,
    current: Option<(&'n str, &'n Entry)>,
    allowed: &'static [&'static str],
    session: &'a Session<'n>,
}

impl<'de, 'n> MapAccess<'de> for Entries<'_, 'n> {
    type Error = Problem<'n>;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Self::Error> {
        let skipped = &self.session.skipped;
        let next = self.rest.find(|(_, entry)| !skipped.contains(&&raw const entry.value));
        let Some((key, entry)) = next else { return Ok(None) };
        self.current = Some((key, entry));
        let key = IntoDeserializer::<Problem<'n>>::into_deserializer(key.as_str());
        seed.deserialize(key).map(Some).map_err(|problem: Problem<'n>| problem.at_key(entry))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Self::Error> {
        let Some((key, entry)) = self.current.take() else {
            return Err(de::Error::custom("a value was asked for before its key"));
        };
        let value = Value {
            input: Input { node: &entry.value, session: self.session },
            key,
            entry,
            allowed: self.allowed,
        };
        seed.deserialize(value)
    }
}

/// The value of a map's entry: as its [`Input`], but ignoring it means that nobody knows the key.
struct Value<'a, 'n> {
    input: Input<'a, 'n>,
    key: &'n str,
    entry: &'n Entry,
    allowed: &'static [&'static str],
}

/// Implements the methods of [`Deserializer`] without further arguments by those of the [`Input`].
macro_rules! forward {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
            self.input.$method(visitor)
        })*
    };
}

impl<'de, 'n> Deserializer<'de> for Value<'_, 'n> {
    type Error = Problem<'n>;

    forward! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_char deserialize_str deserialize_string deserialize_bytes
        deserialize_byte_buf deserialize_option deserialize_unit deserialize_seq deserialize_map
        deserialize_identifier
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.input.deserialize_unit_struct(name, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.input.deserialize_newtype_struct(name, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Self::Error> {
        self.input.deserialize_tuple(len, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.input.deserialize_tuple_struct(name, len, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.input.deserialize_struct(name, fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.input.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        let Self { key, entry, allowed, .. } = self;
        self.input.session.unknown.borrow_mut().push(Unknown { key, entry, allowed });
        visitor.visit_unit()
    }
}

struct Variant<'a, 'n> {
    name: &'n str,
    value: Option<&'n Node>,
    session: &'a Session<'n>,
}

impl<'a, 'n> Variant<'a, 'n> {
    fn input(&self) -> Result<Input<'a, 'n>, Problem<'n>> {
        match self.value {
            Some(node) => Ok(Input { node, session: self.session }),
            None => Err(Problem::new(format!("variant `{}` needs a value", self.name), true)),
        }
    }
}

impl<'de, 'n> EnumAccess<'de> for Variant<'_, 'n> {
    type Error = Problem<'n>;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Self::Error> {
        let name = IntoDeserializer::<Problem<'n>>::into_deserializer(self.name);
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de, 'n> VariantAccess<'de> for Variant<'_, 'n> {
    type Error = Problem<'n>;

    fn unit_variant(self) -> Result<(), Self::Error> {
        match self.value {
            Some(node) if !node.is_null() => {
                Err(Problem::new(format!("variant `{}` takes no value", self.name), false).at(node))
            }
            _ => Ok(()),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Self::Error> {
        seed.deserialize(self.input()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Self::Error> {
        self.input()?.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.input()?.deserialize_struct("", fields, visitor)
    }
}
