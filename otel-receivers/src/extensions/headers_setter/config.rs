use std::sync::Arc;

use documented::DocumentedFieldsOpt;
use http::{HeaderName, HeaderValue};
use otel_core::component::{BuildError, ComponentConfig, Extension, ExtensionFactory, Host};
use otel_core::config::{Decode, Decoder, Fields, FromNode, KeyDocs, Node, Schema, Secret, Value};
use otel_core::{ComponentId, Invalid};

use super::HeadersSetter;

/// Headers that belong to a connection, to HTTP or to gRPC, or that say what the body is.
const OWNED: [&str; 16] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "grpc-accept-encoding",
    "grpc-encoding",
    "grpc-timeout",
];

/// The configuration of the `headers_setter` extension.
#[derive(Debug, Clone, Default, PartialEq, Eq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct HeadersSetterConfig {
    /// What is done to the headers of requests, in that order.
    pub headers: Vec<HeaderConfig>,
    /// An extension that authenticates the request first.
    pub additional_auth: Option<ComponentId>,
}

/// What is done to a header. But for deleting one, exactly one of `value`, `value_file`, `from_context` and
/// `from_attribute` is there.
#[derive(Debug, Clone, Default, PartialEq, Eq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct HeaderConfig {
    /// What is done; nothing for `upsert`, with a warning.
    pub action: Option<HeaderAction>,
    /// The name of the header.
    pub key: String,
    /// The value.
    pub value: Option<Secret>,
    /// File with the value, read again when it changes.
    pub value_file: Option<String>,
    /// The key of the client's metadata whose value it is.
    pub from_context: Option<String>,
    /// The attribute of the client's authentication whose value it is.
    pub from_attribute: Option<String>,
    /// The value where the client's metadata or authentication has none.
    pub default_value: Option<Secret>,
}

/// What is done to a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderAction {
    /// Sets it where it is not there.
    Insert,
    /// Sets it where it is there.
    Update,
    /// Sets it.
    Upsert,
    /// Removes it.
    Delete,
}

const ACTIONS: [(&str, HeaderAction); 4] = [
    ("insert", HeaderAction::Insert),
    ("update", HeaderAction::Update),
    ("upsert", HeaderAction::Upsert),
    ("delete", HeaderAction::Delete),
];

// === impl HeadersSetterConfig ===

impl Decode for HeadersSetterConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { headers, additional_auth } = self;
        fields.take("headers", headers);
        fields.take("additional_auth", additional_auth);
    }
}

impl ComponentConfig for HeadersSetterConfig {
    const TYPE: &'static str = "headers_setter";

    fn validate(&self) -> Vec<Invalid> {
        if self.headers.is_empty() {
            return vec![Invalid::new("headers", "missing headers configuration")];
        }
        let broken = self.headers.iter().enumerate().flat_map(|(index, header)| {
            header.validate().into_iter().map(move |rule| rule.within(format!("headers::{index}")))
        });
        broken.collect()
    }
}

impl ExtensionFactory for HeadersSetterConfig {
    fn create(&self, host: &Host) -> Result<Arc<dyn Extension>, BuildError> {
        Ok(Arc::new(HeadersSetter::new(self.clone(), host)))
    }
}

// === impl HeaderConfig ===

impl HeaderConfig {
    /// Something done to a header, whose value is yet to be set.
    pub fn new(action: HeaderAction, key: impl Into<String>) -> Self {
        Self { action: Some(action), key: key.into(), ..Self::default() }
    }

    fn validate(&self) -> Vec<Invalid> {
        let mut broken = Vec::new();
        let key = &self.key;
        match HeaderName::try_from(key.as_str()) {
            _ if key.is_empty() => broken.push(Invalid::new("key", "missing header name")),
            Ok(name) if OWNED.contains(&name.as_str()) => {
                let message = format!("the header {key:?} is not for others to set");
                broken.push(Invalid::new("key", message));
            }
            Ok(_) => {}
            Err(_) => broken.push(Invalid::new("key", format!("{key:?} is not the name of a header"))),
        }
        if self.action == Some(HeaderAction::Delete) {
            return broken;
        }
        let sources = [
            self.value.is_some(),
            self.value_file.is_some(),
            self.from_context.is_some(),
            self.from_attribute.is_some(),
        ];
        match sources.into_iter().filter(|is_there| *is_there).count() {
            0 => {
                let message = "missing header source, must be 'from_context', 'from_attribute', 'value', or \
                               'value_file'";
                broken.push(Invalid::new("", message));
            }
            1 => {}
            _ => {
                let message = "invalid header source, must be only one of 'from_context', 'from_attribute', \
                               'value', or 'value_file'";
                broken.push(Invalid::new("", message));
            }
        }
        for (name, value) in [("value", &self.value), ("default_value", &self.default_value)] {
            if value.as_ref().is_some_and(|value| HeaderValue::from_str(value.expose()).is_err()) {
                broken.push(Invalid::new(name, "what it says cannot be sent in a header"));
            }
        }
        broken
    }
}

impl Decode for HeaderConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { action, key, value, value_file, from_context, from_attribute, default_value } = self;
        fields.take("action", action);
        fields.take("key", key);
        fields.take("value", value);
        fields.take("value_file", value_file);
        fields.take("from_context", from_context);
        fields.take("from_attribute", from_attribute);
        fields.take("default_value", default_value);
    }
}

impl FromNode for HeaderAction {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        decoder.one_of(node, &ACTIONS)
    }

    fn schema() -> Schema {
        Schema::one_of(&ACTIONS)
    }

    fn value(&mut self) -> Value {
        Value::one_of(self, &ACTIONS)
    }
}
