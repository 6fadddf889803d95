use documented::DocumentedFieldsOpt;

use crate::ComponentId;
use crate::config::{Decode, Fields, KeyDocs};

/// Names the extension that authenticates clients of a gRPC server, or a client to its server.
#[derive(Debug, Clone, Default, PartialEq, Eq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct AuthConfig {
    /// The extension.
    pub authenticator: Option<ComponentId>,
}

/// Names the extension that authenticates clients of an HTTP server.
#[derive(Debug, Clone, Default, PartialEq, Eq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct HttpServerAuthConfig {
    /// The extension.
    pub authenticator: Option<ComponentId>,
    /// Parameters of the query that the extension sees as headers, instead of headers of the same name.
    pub request_params: Vec<String>,
}

/// Names an extension that sees requests before they are read.
#[derive(Debug, Clone, Default, PartialEq, Eq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct MiddlewareConfig {
    /// The extension.
    pub id: Option<ComponentId>,
}

impl AuthConfig {
    /// What the extension of that id does.
    pub fn by(authenticator: ComponentId) -> Self {
        Self { authenticator: Some(authenticator) }
    }
}

impl HttpServerAuthConfig {
    /// What the extension of that id does, by headers alone.
    pub fn by(authenticator: ComponentId) -> Self {
        Self { authenticator: Some(authenticator), request_params: Vec::new() }
    }
}

impl MiddlewareConfig {
    /// What the extension of that id does.
    pub fn by(id: ComponentId) -> Self {
        Self { id: Some(id) }
    }
}

impl Decode for AuthConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { authenticator } = self;
        fields.required("authenticator", authenticator);
    }
}

impl Decode for HttpServerAuthConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { authenticator, request_params } = self;
        fields.required("authenticator", authenticator);
        fields.take("request_params", request_params);
    }
}

impl Decode for MiddlewareConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { id } = self;
        fields.required("id", id);
    }
}
