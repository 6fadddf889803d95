use std::collections::BTreeMap;

use documented::DocumentedFieldsOpt;
use indexmap::IndexMap;
use rand::RngExt;

use crate::component::BuildInfo;
use crate::config::{Decode, Fields, FromNode as _, KeyDocs, Node, ScalarValue, Schema, Value};

/// The attributes of everything that a collector says of itself.
#[derive(Debug, Clone, Default, PartialEq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct ResourceConfig {
    /// Attributes over the usual ones; `None` takes one away.
    pub attributes: IndexMap<String, Option<String>>,
    /// The schema that the attributes follow; empty for none.
    pub schema_url: String,
}

/// The attributes that apply to everything, and their schema.
#[derive(Debug, Clone, Default)]
pub(in crate::service::telemetry) struct Resource {
    pub(in crate::service::telemetry) attributes: BTreeMap<String, String>,
    pub(in crate::service::telemetry) schema_url: String,
}

impl ResourceConfig {
    /// The resource: name, version, an id of this process, and what the configuration says.
    pub(in crate::service::telemetry) fn resolve(&self, build_info: &BuildInfo) -> Resource {
        let mut attributes = BTreeMap::from([
            ("service.name".to_owned(), build_info.command.clone()),
            ("service.version".to_owned(), build_info.version.clone()),
            ("service.instance.id".to_owned(), uuid()),
        ]);
        for (key, value) in &self.attributes {
            match value {
                Some(value) => drop(attributes.insert(key.clone(), value.clone())),
                None => drop(attributes.remove(key)),
            }
        }
        Resource { attributes, schema_url: self.schema_url.clone() }
    }
}

/// Either a list of names and values under `attributes`, or the attributes themselves as keys.
impl Decode for ResourceConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { attributes, schema_url } = self;
        let mut listed: Vec<Attribute> = Vec::new();
        fields.take("attributes", &mut listed);
        let attribute = |(name, value): (&String, &Option<String>)| {
            Attribute { name: name.clone(), value: value.clone() }.value()
        };
        let present = attributes.iter().map(attribute).collect();
        fields.describe("attributes", Vec::<Attribute>::schema(), Value::List(present));
        fields.take("schema_url", schema_url);
        fields.describe_former("attributes_list", Schema::any(), "please use resource::attributes");
        if let Some(node) = fields.node("attributes_list") {
            let message =
                "resource::attributes_list is not currently supported, please use resource::attributes";
            fields.decoder().error(node, message);
        }
        fields.unsupported("detectors", "set the attributes by name");
        fields.unsupported("detection/development", "set the attributes by name");
        let inline = fields.rest();
        if !inline.is_empty() && !listed.is_empty() {
            let node = fields.map();
            let message =
                "resource::attributes cannot be used together with legacy inline resource attributes";
            fields.decoder().error(node, message);
        }
        for (key, entry) in inline {
            if entry.value.is_null() {
                attributes.insert(key.to_owned(), None);
            } else if let Some(text) = entry.value.text() {
                attributes.insert(key.to_owned(), Some(text.to_owned()));
            } else {
                let message = format!("legacy resource attribute \"{key}\" must be string or null");
                fields.decoder().error(&entry.value, message);
            }
        }
        attributes.extend(listed.into_iter().map(|attribute| (attribute.name, attribute.value)));
    }
}

#[derive(Default, DocumentedFieldsOpt)]
struct Attribute {
    /// The name of the attribute.
    name: String,
    /// Its value; null takes an attribute away that the collector would have by itself.
    value: Option<String>,
}

impl Decode for Attribute {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { name, value } = self;
        fields.required("name", name);
        fields.describe("value", Schema::any(), value.value());
        if let Some(node) = fields.node("value") {
            *value = match json(node) {
                serde_json::Value::Null => None,
                serde_json::Value::String(text) => Some(text),
                other => Some(other.to_string()),
            };
        }
        fields.tolerated("type", "attributes of the resource are texts");
    }
}

/// A node as JSON.
pub(super) fn json(node: &Node) -> serde_json::Value {
    use serde_json::Value;
    if let Some(mapping) = node.mapping() {
        return Value::Object(mapping.iter().map(|(key, entry)| (key.clone(), json(&entry.value))).collect());
    }
    if let Some(items) = node.sequence() {
        return Value::Array(items.iter().map(json).collect());
    }
    match node.scalar() {
        None | Some(ScalarValue::Null) => Value::Null,
        Some(ScalarValue::Bool(value)) => Value::Bool(value),
        Some(ScalarValue::Int(value)) => {
            i64::try_from(value).map_or_else(|_| Value::from(value as f64), Value::from)
        }
        Some(ScalarValue::Float(value)) => Value::from(value),
        Some(ScalarValue::String(text)) => Value::from(text),
    }
}

/// A random UUID of version 4.
fn uuid() -> String {
    let mut bits: u128 = rand::rng().random();
    bits = bits & !(0xf << 76) | 4 << 76;
    bits = bits & !(0x3 << 62) | 2 << 62;
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}
