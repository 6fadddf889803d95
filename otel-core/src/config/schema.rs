//! What a configuration may say, as JSON Schema for editors.

use serde_json::{Map, Value as Json, json};

use super::value::{Secrets, Value};

/// A place that holds a reference may hold anything.
const REFERENCE: &str = r"\$\{";
const DURATION: &str = r"^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)";

/// What may be written in a place of a configuration: a JSON Schema (draft 7).
///
/// Every place takes null and `${…}` references beside what its type says.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema(Map<String, Json>);

impl Schema {
    /// Anything at all.
    pub fn any() -> Self {
        Self(Map::new())
    }

    /// True or false.
    pub fn boolean() -> Self {
        Self::typed(&["boolean"], &json!({}))
    }

    /// An integer within bounds.
    pub fn integer(min: i128, max: i128) -> Self {
        let bound = |bound| Value::Int(bound).to_json(Secrets::Shown);
        Self::typed(&["integer"], &json!({ "minimum": bound(min), "maximum": bound(max) }))
    }

    /// A number.
    pub fn number() -> Self {
        Self::typed(&["number"], &json!({}))
    }

    /// A text.
    pub fn text() -> Self {
        Self::object(json!({ "type": ["string", "null"] }))
    }

    /// A text that is not to be shown.
    pub fn secret() -> Self {
        Self::text().with("writeOnly", true)
    }

    /// A duration such as `200ms`, or nanoseconds.
    pub fn duration() -> Self {
        let pattern = format!("{DURATION}|^0$|^$|{REFERENCE}");
        Self::object(json!({ "type": ["string", "integer", "null"], "pattern": pattern }))
    }

    /// One of a few words, as [`Decoder::one_of`](super::Decoder::one_of) reads them.
    pub fn one_of<T>(choices: &[(&str, T)]) -> Self {
        let mut words: Vec<Json> = Vec::with_capacity(choices.len() + 1);
        for word in choices.iter().map(|(word, _)| Json::from(*word)).chain([Json::Null]) {
            if !words.contains(&word) {
                words.push(word);
            }
        }
        Self::either([Self::object(json!({ "enum": words })), Self::reference()])
    }

    /// What any of these is.
    pub fn either(schemas: impl IntoIterator<Item = Schema>) -> Self {
        let schemas: Vec<Json> = schemas.into_iter().map(Self::into_json).collect();
        Self::object(json!({ "anyOf": schemas }))
    }

    /// A list of these, or a text with commas between them.
    pub fn list(items: Schema) -> Self {
        Self::object(json!({ "type": ["array", "string", "null"], "items": items.into_json() }))
    }

    /// A map with any keys.
    pub fn map(values: Schema) -> Self {
        Self::typed(&["object"], &json!({ "additionalProperties": values.into_json() }))
    }

    /// A map with these keys and no others.
    pub fn keys<K: Into<String>>(keys: impl IntoIterator<Item = (K, Schema)>) -> Self {
        let keys: Map<_, _> =
            keys.into_iter().map(|(key, schema)| (key.into(), schema.into_json())).collect();
        // A key with `::` in it is a path of keys.
        let more =
            json!({ "properties": keys, "patternProperties": { "::": {} }, "additionalProperties": false });
        Self::typed(&["object"], &more)
    }

    /// A map whose keys match regular expressions.
    pub fn patterns(patterns: impl IntoIterator<Item = (String, Schema)>) -> Self {
        let mut patterns: Map<_, _> =
            patterns.into_iter().map(|(pattern, schema)| (pattern, schema.into_json())).collect();
        patterns.insert("::".to_owned(), json!({}));
        Self::typed(&["object"], &json!({ "patternProperties": patterns, "additionalProperties": false }))
    }

    /// The schema of that name among the definitions.
    pub fn defined(name: &str) -> Self {
        Self::object(json!({ "$ref": format!("#/definitions/{name}") }))
    }

    /// Says what it is for, in a sentence.
    pub fn described(self, description: impl Into<String>) -> Self {
        self.with("description", description.into())
    }

    /// Says that it should not be written any more, and why.
    pub fn deprecated(self, why: impl Into<String>) -> Self {
        let why = why.into();
        self.with("deprecated", true).with("deprecationMessage", why.clone()).with("description", why)
    }

    /// Says what it is if it is not written. Nothing and secrets are not said.
    pub fn with_default(self, value: &Value) -> Self {
        match value {
            Value::Null | Value::Secret(_) => self,
            // As users would write them.
            Value::Duration(_) => {
                let text = value.to_yaml(Secrets::Redacted);
                self.with("default", text.trim_end())
            }
            _ => self.with("default", value.to_json(Secrets::Redacted)),
        }
    }

    /// The JSON of the schema.
    pub fn into_json(self) -> Json {
        Json::Object(self.0)
    }

    pub(super) fn is_described(&self) -> bool {
        self.0.contains_key("description")
    }

    pub(super) fn describe(&mut self, description: String) {
        self.0.insert("description".to_owned(), description.into());
    }

    pub(super) fn has_key(&self, key: &str) -> bool {
        self.0.get("properties").is_some_and(|keys| keys.get(key).is_some())
    }

    pub(super) fn with_key(mut self, key: &str, schema: Schema) -> Self {
        if let Some(Json::Object(keys)) = self.0.get_mut("properties") {
            keys.insert(key.to_owned(), schema.into_json());
        }
        self
    }

    /// A map that takes other keys, too.
    pub(super) fn open(self) -> Self {
        self.with("additionalProperties", true)
    }

    /// The same with a keyword of JSON Schema.
    pub fn with(mut self, keyword: &str, value: impl Into<Json>) -> Self {
        self.0.insert(keyword.to_owned(), value.into());
        self
    }

    fn reference() -> Self {
        Self::object(json!({ "type": "string", "pattern": REFERENCE }))
    }

    /// Something of these types, nothing, or a reference to it.
    fn typed(types: &[&str], more: &Json) -> Self {
        let types: Vec<_> = types.iter().chain(&["null", "string"]).copied().collect();
        let mut schema = Self::object(json!({ "type": types, "pattern": REFERENCE }));
        if let Json::Object(more) = more {
            schema.0.extend(more.clone());
        }
        schema
    }

    fn object(json: Json) -> Self {
        match json {
            Json::Object(keywords) => Self(keywords),
            _ => Self::any(),
        }
    }
}
