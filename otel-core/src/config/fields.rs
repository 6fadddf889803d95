//! Decoding maps with known keys.

use std::borrow::Cow;

use super::ScalarValue;
use super::decoder::Decoder;
use super::diagnostics::Diagnostic;
use super::duration::parse_nanos;
use super::from_node::FromNode;
use super::key_docs::KeyDocs;
use super::node::{Entry, Mapping, Node};
use super::record::Record;
use super::schema::Schema;
use super::suggest;
use super::value::Value;

/// A configuration type with named keys.
///
/// A value begins with its defaults, and [`decode`](Self::decode) changes what the configuration names. Defaults
/// therefore live in one place, `Default`, and a component that embeds a shared block can begin with other ones.
///
/// Rules between keys belong into [`ComponentConfig::validate`](crate::component::ComponentConfig::validate), which runs
/// after decoding and for values made in code.
///
/// # Guarantees
/// - What the configuration names wrongly keeps its default (a list lacks the items that are wrong), is recorded, and
///   decoding goes on.
/// - A key that no call takes is an error that names the nearest known key.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be decoded as a map of configuration keys",
    note = "implement `Decode` for a type with named keys, and `FromNode` for a single value",
    note = "a type that derives `serde::Deserialize` can be decoded as `Serde<{Self}>`"
)]
pub trait Decode: Default {
    /// What the keys are for, which editors show: [`KeyDocs::of`] a type that derives `documented::DocumentedFieldsOpt`.
    const DOCS: KeyDocs = KeyDocs::NONE;

    /// Takes the keys of the type, one line each. Taking the type apart with `let Self { .. } = self;` first makes the
    /// compiler find a forgotten one.
    fn decode(&mut self, fields: &mut Fields<'_>);
}

/// The keys of a map while a [`Decode`] takes them.
///
/// Keys come in three classes: those that work ([`take`](Self::take)), those that are accepted with a warning because
/// they only tune what this implementation does another way ([`tolerated`](Self::tolerated)), and those that
/// are refused by name ([`unsupported`](Self::unsupported)). Any other key is unknown.
pub struct Fields<'f> {
    node: &'f Node,
    mapping: &'f Mapping,
    decoder: &'f mut Decoder,
    /// Keys that work; suggested and listed where a key is unknown.
    known: Vec<Cow<'static, str>>,
    /// Keys that were dealt with otherwise.
    handled: Vec<Cow<'static, str>>,
    /// What is said of the keys where there is nothing to decode.
    record: Option<Record>,
}

impl<'f> Fields<'f> {
    pub(super) fn new(node: &'f Node, mapping: &'f Mapping, decoder: &'f mut Decoder) -> Self {
        Self { node, mapping, decoder, known: Vec::new(), handled: Vec::new(), record: None }
    }

    pub(super) fn recording(self, record: Record) -> Self {
        Self { record: Some(record), ..self }
    }

    pub(super) fn into_record(self) -> Record {
        self.record.expect("only those that record are asked for it")
    }

    /// Whether a configuration is read. Otherwise what there is is only described, and has to stay as it is.
    pub fn reads(&self) -> bool {
        self.record.is_none()
    }

    /// Reads the value of a key into a field, which keeps its value where the key is absent or its value wrong.
    pub fn take<T: FromNode>(&mut self, key: impl Into<Cow<'static, str>>, field: &mut T) {
        let key = key.into();
        if let Some(record) = &mut self.record {
            record.key(&key, field);
        } else if let Some(entry) = self.mapping.get(&*key) {
            self.decoder.at(&key, |decoder| field.update(&entry.value, decoder));
        }
        self.known.push(key);
    }

    /// As [`take`](Self::take) for a number or a duration whose being negative has a message of its own, made from the
    /// number or the nanoseconds.
    pub fn take_non_negative<T: FromNode>(
        &mut self,
        key: &'static str,
        field: &mut T,
        message: impl FnOnce(i128) -> String,
    ) {
        let node = self.mapping.get(key).map(|entry| &entry.value).filter(|_| self.reads());
        match node.and_then(|node| Some((node, negative(node)?))) {
            Some((node, number)) => {
                self.decoder.at(key, |decoder| {
                    decoder.error(node, message(number));
                });
                self.known.push(key.into());
            }
            None => self.take(key, field),
        }
    }

    /// Takes the keys of a map below a key.
    pub fn nested(&mut self, key: &'static str, read: impl FnOnce(&mut Fields<'_>)) {
        if let Some(record) = &mut self.record {
            record.nested(key, read);
        } else if let Some(entry) = self.mapping.get(key) {
            self.decoder.at(key, |decoder| decoder.fields(&entry.value, read));
        }
        self.known.push(key.into());
    }

    /// Says what a key that [`node`](Self::node) reads may be, and what it is.
    pub fn describe(&mut self, key: &'static str, schema: Schema, value: Value) {
        if let Some(record) = &mut self.record {
            record.by_hand(key, schema, value);
        }
    }

    /// As [`take`](Self::take) for a key that must be there.
    pub fn required<T: FromNode>(&mut self, key: &'static str, field: &mut T) {
        if !self.mapping.contains_key(key) {
            self.decoder.error(self.node, format!("key `{key}` is required"));
        }
        self.take(key, field);
    }

    /// Lets a shared block (client settings, for example) take its keys from this map.
    pub fn block<T: Decode>(&mut self, block: &mut T) {
        block.decode(self);
        self.document(T::DOCS);
    }

    /// Says what a key is for that no field is named like.
    pub fn says(&mut self, key: &'static str, what: &str) {
        if let Some(record) = &mut self.record {
            record.says(key, what.to_owned());
        }
    }

    /// Says what keys are for of which nothing has been said yet, for a type whose keys are not taken as a
    /// [`block`](Self::block).
    pub fn document(&mut self, docs: KeyDocs) {
        if let Some(record) = &mut self.record {
            record.document(docs);
        }
    }

    /// Says what a key that [`node`](Self::node) reads may be, although it should not be written any more.
    pub fn describe_former(&mut self, key: &'static str, schema: Schema, why: &str) {
        if let Some(record) = &mut self.record {
            record.deprecated(key, schema, why.to_owned());
        }
    }

    /// Reads a field from the key that it had formerly, with a warning. Call it before [`take`](Self::take) of the key that
    /// it has today, which wins.
    pub fn renamed<T: FromNode>(&mut self, old: &'static str, new: &'static str, field: &mut T) {
        self.handled.push(old.into());
        if let Some(record) = &mut self.record {
            record.deprecated(old, T::schema(), format!("`{old}` is now called `{new}`"));
        }
        if let Some(entry) = self.mapping.get(old) {
            let both = self.mapping.contains_key(new);
            let problem = self.warn_at(old, entry, format!("`{old}` is now called `{new}`"));
            if both {
                problem.help(format!("note: `{new}` is also there and wins"));
            }
            self.decoder.at(old, |decoder| field.update(&entry.value, decoder));
        }
    }

    /// Accepts a key without using it, with a warning that says why: it only tunes or relaxes what is done another way
    /// here. The warning reads "`key` has no effect: why".
    pub fn tolerated(&mut self, key: &'static str, why: &str) {
        self.handled.push(key.into());
        let message = || format!("`{key}` has no effect: {why}");
        if let Some(record) = &mut self.record {
            record.deprecated(key, Schema::any(), message());
        }
        if let Some(entry) = self.mapping.get(key) {
            self.warn_at(key, entry, message());
        }
    }

    /// Refuses a key of the Go collector that does not work here. The error reads "`key` is not supported: why".
    pub fn unsupported(&mut self, key: &'static str, why: &str) {
        self.handled.push(key.into());
        if let Some(entry) = self.mapping.get(key) {
            self.error_at(key, entry, format!("`{key}` is not supported: {why}"));
            self.decoder.mask(&entry.value);
        }
    }

    /// The value of a key, which counts as taken, to decode it by hand with [`decoder`](Self::decoder).
    pub fn node(&mut self, key: impl Into<Cow<'static, str>>) -> Option<&'f Node> {
        let key = key.into();
        let node = self.mapping.get(&*key).map(|entry| &entry.value);
        if let Some(record) = &mut self.record {
            record.unknown(&key);
        }
        self.known.push(key);
        node
    }

    /// Whether the map has a key, without taking it.
    pub fn contains(&self, key: &str) -> bool {
        self.mapping.contains_key(key)
    }

    /// Whether the map seems to have a key under a misspelt name.
    #[cfg(feature = "tls")]
    pub(crate) fn misspells(&self, key: &str) -> bool {
        self.untaken().any(|(untaken, _)| suggest::nearest(untaken, [key]).is_some())
    }

    /// Whether a call has asked for a key, present or not.
    pub(super) fn knows(&self, key: &str) -> bool {
        self.known.iter().chain(&self.handled).any(|known| known == key)
    }

    /// The map whose keys these are, for messages about the whole.
    pub fn map(&self) -> &'f Node {
        self.node
    }

    /// The decoder, at the path of this map.
    pub fn decoder(&mut self) -> &mut Decoder {
        self.decoder
    }

    /// Takes every key that no call took yet, in the order of the file: for maps with open keys beside fixed ones.
    pub fn rest(&mut self) -> Vec<(&'f str, &'f Entry)> {
        let rest: Vec<_> = self.untaken().collect();
        if let Some(record) = &mut self.record {
            record.open();
        }
        self.handled.extend(rest.iter().map(|(key, _)| Cow::Owned((*key).to_owned())));
        rest
    }

    pub(super) fn report_unknown(mut self) {
        let unknown: Vec<_> = self.untaken().collect();
        for (key, entry) in unknown {
            let nearest = suggest::nearest(key, self.known.iter().map(AsRef::as_ref)).map(str::to_owned);
            let mut allowed: Vec<&str> = self.known.iter().map(AsRef::as_ref).collect();
            allowed.dedup();
            let allowed = allowed.join(", ");
            if let Some(nearest) = nearest.as_deref().filter(|nearest| !self.contains(nearest)) {
                self.decoder.misspelt(nearest);
            }
            let problem = self.error_at(key, entry, format!("unknown key `{key}`"));
            if let Some(nearest) = nearest {
                problem.help(format!("help: did you mean `{nearest}`?"));
            }
            problem.help(if allowed.is_empty() {
                "no keys are allowed here".to_owned()
            } else {
                format!("allowed: {allowed}")
            });
            // Nobody knows what the value is, so it may be a secret.
            self.decoder.mask(&entry.value);
        }
    }

    fn untaken(&self) -> impl Iterator<Item = (&'f str, &'f Entry)> + use<'f, '_> {
        self.mapping.iter().map(|(key, entry)| (key.as_str(), entry)).filter(|(key, _)| !self.knows(key))
    }

    fn error_at(&mut self, key: &str, entry: &Entry, message: String) -> &mut Diagnostic {
        let path = self.decoder.path_to(key);
        self.decoder.diagnostics_mut().error(entry.key.clone(), message).at_path(path)
    }

    fn warn_at(&mut self, key: &str, entry: &Entry, message: String) -> &mut Diagnostic {
        let path = self.decoder.path_to(key);
        self.decoder.diagnostics_mut().warning(entry.key.clone(), message).at_path(path)
    }
}

/// The number of a node, or its nanoseconds, if it is negative.
fn negative(node: &Node) -> Option<i128> {
    let number = match node.scalar()? {
        ScalarValue::Int(number) => number,
        ScalarValue::String(text) => i128::from(parse_nanos(text)?),
        _ => return None,
    };
    Some(number).filter(|number| *number < 0)
}
