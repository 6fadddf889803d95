use std::sync::Arc;

use documented::DocumentedFieldsOpt;
use otel_core::Invalid;
use otel_core::component::{BuildError, ComponentConfig, Extension, ExtensionFactory, Host};
use otel_core::config::{Decode, Fields, KeyDocs};
use otel_core::net::HttpServerConfig;

use super::Zpages;

/// The configuration of the `zpages` extension.
#[derive(Debug, Clone, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct ZpagesConfig {
    /// The server.
    pub server: HttpServerConfig,
}

impl Default for ZpagesConfig {
    fn default() -> Self {
        Self { server: HttpServerConfig::at("127.0.0.1:55679") }
    }
}

impl Decode for ZpagesConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { server } = self;
        fields.block(server);
        let mut expvar = Expvar::default();
        fields.take("expvar", &mut expvar);
        fields.says("expvar", "A page with the state of Go's runtime, which there is not.");
        if expvar.enabled {
            fields.unsupported("expvar", "it shows the state of Go's runtime");
        }
    }
}

impl ComponentConfig for ZpagesConfig {
    const TYPE: &'static str = "zpages";

    fn validate(&self) -> Vec<Invalid> {
        if self.server.endpoint.is_empty() {
            let message = "\"endpoint\" is required when using the \"zpages\" extension";
            return vec![Invalid::new("endpoint", message)];
        }
        self.server.validate()
    }
}

impl ExtensionFactory for ZpagesConfig {
    fn create(&self, host: &Host) -> Result<Arc<dyn Extension>, BuildError> {
        Ok(Arc::new(Zpages::new(self.clone(), host)))
    }
}

#[derive(Default, DocumentedFieldsOpt)]
struct Expvar {
    /// There is such a page.
    enabled: bool,
}

impl Decode for Expvar {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { enabled } = self;
        fields.take("enabled", enabled);
    }
}
