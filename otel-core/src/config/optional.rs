//! Sections that may be left out.

use super::decoder::Decoder;
use super::fields::Decode;
use super::from_node::FromNode;
use super::node::Node;
use super::schema::Schema;
use super::value::Value;

/// A section of a configuration that is on or off.
///
/// A section that is off may be dormant: naming it, even with no value (`grpc:`), turns it on with its defaults. One
/// that is absent and has no defaults stays off for a null and is turned on by a map, be it an empty one. In every
/// section `enabled: false` turns it off and `enabled: true` on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Optional<T> {
    state: State<T>,
}

const ENABLED: &str =
    "False turns the section off, true turns it on; where it is named without this, it is on.";

#[derive(Clone, Debug, PartialEq, Eq)]
enum State<T> {
    None,
    Dormant(T),
    Some(T),
}

impl<T> Optional<T> {
    /// Off, and a null leaves it off.
    pub const fn none() -> Self {
        Self { state: State::None }
    }

    /// Off until the configuration names it; then these are the defaults.
    pub const fn dormant(defaults: T) -> Self {
        Self { state: State::Dormant(defaults) }
    }

    /// On, with these defaults.
    pub const fn some(value: T) -> Self {
        Self { state: State::Some(value) }
    }

    /// The section, if it is on.
    pub fn get(&self) -> Option<&T> {
        match &self.state {
            State::Some(value) => Some(value),
            State::None | State::Dormant(_) => None,
        }
    }

    /// The section, if it is on, to change it.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        match &mut self.state {
            State::Some(value) => Some(value),
            State::None | State::Dormant(_) => None,
        }
    }

    /// Whether the section is on.
    pub fn is_some(&self) -> bool {
        self.get().is_some()
    }
}

/// [`none`](Optional::none).
impl<T> Default for Optional<T> {
    fn default() -> Self {
        Self::none()
    }
}

impl<T> From<Option<T>> for Optional<T> {
    fn from(value: Option<T>) -> Self {
        Self { state: value.map_or(State::None, State::Some) }
    }
}

impl<T: Decode> FromNode for Optional<T> {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        let mut value = Self::none();
        value.update(node, decoder);
        Some(value)
    }

    fn update(&mut self, node: &Node, decoder: &mut Decoder) {
        if matches!(self.state, State::None) && node.is_null() {
            return;
        }
        let mut enabled = true;
        let mut value = match std::mem::replace(&mut self.state, State::None) {
            State::None => T::default(),
            State::Dormant(value) | State::Some(value) => value,
        };
        decoder.fields(node, |fields| {
            value.decode(fields);
            // A type with an `enabled` of its own has taken it.
            if !fields.knows("enabled") {
                fields.take("enabled", &mut enabled);
            }
        });
        self.state = if enabled { State::Some(value) } else { State::Dormant(value) };
    }

    fn schema() -> Schema {
        Self::none().describe()
    }

    /// What reads as the same: a null would turn on a dormant section.
    fn value(&mut self) -> Value {
        match &mut self.state {
            State::None => Value::Null,
            State::Dormant(_) => Value::map([("enabled", Value::from(false))]),
            State::Some(value) => value.value(),
        }
    }

    fn describe(&mut self) -> Schema {
        let schema = match &mut self.state {
            State::None => T::schema(),
            State::Dormant(value) | State::Some(value) => value.describe(),
        };
        if schema.has_key("enabled") {
            schema
        } else {
            schema.with_key("enabled", Schema::boolean().described(ENABLED))
        }
    }
}
