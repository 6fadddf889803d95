use std::sync::Arc;

use documented::DocumentedFieldsOpt;
use http::{HeaderName, HeaderValue};
use otel_core::Invalid;
use otel_core::component::{BuildError, ComponentConfig, Extension, ExtensionFactory, Host};
use otel_core::config::{Decode, Fields, KeyDocs, Secret};

use super::BearerTokenAuth;

/// The configuration of the `bearertokenauth` extension.
#[derive(Debug, Clone, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct BearerTokenAuthConfig {
    /// The header that the token is in.
    pub header: String,
    /// What stands before the token; empty for nothing.
    pub scheme: String,
    /// The token.
    pub token: Secret,
    /// Tokens of which servers take any; clients have the first.
    pub tokens: Vec<Secret>,
    /// A file with a token in each line, which is followed.
    pub filename: String,
}

impl Default for BearerTokenAuthConfig {
    fn default() -> Self {
        Self {
            header: "Authorization".to_owned(),
            scheme: "Bearer".to_owned(),
            token: Secret::default(),
            tokens: Vec::new(),
            filename: String::new(),
        }
    }
}

impl Decode for BearerTokenAuthConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { header, scheme, token, tokens, filename } = self;
        fields.take("header", header);
        fields.take("scheme", scheme);
        fields.take("token", token);
        fields.take("tokens", tokens);
        fields.take("filename", filename);
        let ignored = if tokens.is_empty() {
            (!filename.is_empty() && !token.is_empty()).then_some("`token` has no effect beside `filename`")
        } else {
            (!filename.is_empty()).then_some("`filename` has no effect beside `tokens`")
        };
        if let Some(message) = ignored.filter(|_| fields.reads()) {
            let map = fields.map();
            fields.decoder().warning(map, message);
        }
    }
}

impl ComponentConfig for BearerTokenAuthConfig {
    const TYPE: &'static str = "bearertokenauth";

    fn validate(&self) -> Vec<Invalid> {
        let Self { header, scheme, token, tokens, filename } = self;
        let mut broken = Vec::new();
        if token.is_empty() && tokens.is_empty() && filename.is_empty() {
            broken.push(Invalid::new("", "no bearer token provided"));
        }
        if !token.is_empty() && !tokens.is_empty() {
            broken.push(Invalid::new("tokens", "either tokens or token should be provided, not both"));
        }
        if HeaderName::try_from(header).is_err() {
            broken.push(Invalid::new("header", format!("`{header}` is not a name that a header can have")));
        }
        if HeaderValue::from_str(scheme).is_err() {
            broken.push(Invalid::new("scheme", "must consist of visible ASCII characters"));
        }
        if tokens.iter().any(Secret::is_empty) {
            broken.push(Invalid::new("tokens", "a token must not be empty"));
        }
        if tokens.iter().chain([token]).any(|token| HeaderValue::from_str(token.expose()).is_err()) {
            let key = if tokens.is_empty() { "token" } else { "tokens" };
            broken.push(Invalid::new(key, "a token must consist of visible ASCII characters"));
        }
        broken
    }
}

impl ExtensionFactory for BearerTokenAuthConfig {
    fn create(&self, host: &Host) -> Result<Arc<dyn Extension>, BuildError> {
        let extension = BearerTokenAuth::new(self.clone(), host);
        Ok(Arc::new(extension.map_err(|error| BuildError::new(error.to_string()))?))
    }
}
