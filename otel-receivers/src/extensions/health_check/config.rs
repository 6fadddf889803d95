use std::sync::Arc;
use std::time::Duration;

use documented::DocumentedFieldsOpt;
use otel_core::Invalid;
use otel_core::component::{BuildError, ComponentConfig, Extension, ExtensionFactory, Host};
use otel_core::config::{Decode, Fields, KeyDocs, Optional};
use otel_core::net::{GrpcServerConfig, HttpServerConfig};

use super::HealthCheck;

/// The configuration of the `health_check` extension.
#[derive(Debug, Clone, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct HealthCheckConfig {
    /// Tells the status of each pipeline, by `http` and `grpc`, instead of a yes or no at `endpoint`.
    pub use_v2: bool,
    /// The server without `use_v2`.
    pub server: HttpServerConfig,
    /// What is asked for without `use_v2`; `/` for everything.
    pub path: String,
    /// What is answered without `use_v2`, instead of JSON.
    pub response_body: Option<ResponseBody>,
    /// Status over HTTP with `use_v2`; off until it is named.
    pub http: Optional<HttpHealthConfig>,
    /// Status by the gRPC health protocol with `use_v2`; off until it is named.
    pub grpc: Optional<GrpcServerConfig>,
    /// Which errors of components make the collector unhealthy with `use_v2`.
    pub component_health: Option<ComponentHealthConfig>,
}

/// Bodies of answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct ResponseBody {
    /// While the collector is healthy.
    pub healthy: String,
    /// While it is not.
    pub unhealthy: String,
}

/// Status over HTTP.
#[derive(Debug, Clone, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct HttpHealthConfig {
    /// The server.
    pub server: HttpServerConfig,
    /// Whether there is a status.
    pub status_enabled: bool,
    /// Where it is.
    pub status_path: String,
}

/// Which errors of components make the collector unhealthy.
#[derive(Debug, Clone, Default, PartialEq, Eq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct ComponentHealthConfig {
    /// Errors that do not pass by themselves.
    pub include_permanent_errors: bool,
    /// Errors that may pass.
    pub include_recoverable_errors: bool,
    /// How long an error that may pass has to last for that.
    pub recovery_duration: Duration,
}

// === impl HealthCheckConfig ===

impl Default for HealthCheckConfig {
    fn default() -> Self {
        Self {
            use_v2: false,
            server: HttpServerConfig::at("localhost:13133"),
            path: "/".to_owned(),
            response_body: None,
            http: Optional::dormant(HttpHealthConfig::default()),
            grpc: Optional::dormant(GrpcServerConfig::at("localhost:13132")),
            component_health: None,
        }
    }
}

impl Decode for HealthCheckConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { use_v2, server, path, response_body, http, grpc, component_health } = self;
        fields.take("use_v2", use_v2);
        if *use_v2 {
            // There is no such server, so nothing is to be said of where it listens.
            server.endpoint.clear();
        }
        fields.block(server);
        fields.take("path", path);
        fields.take("response_body", response_body);
        fields.take("http", http);
        fields.take("grpc", grpc);
        fields.take("component_health", component_health);
        fields.tolerated("check_collector_pipeline", "it has none in the Go collector either; see `use_v2`");
    }
}

impl ComponentConfig for HealthCheckConfig {
    const TYPE: &'static str = "health_check";

    fn validate(&self) -> Vec<Invalid> {
        let mut broken = Vec::new();
        if self.use_v2 {
            if !self.http.is_some() && !self.grpc.is_some() {
                broken.push(Invalid::new("", "must specify at least one protocol"));
            }
            if let Some(http) = self.http.get() {
                broken.extend(http.validate().into_iter().map(|problem| problem.within("http")));
            }
            if let Some(grpc) = self.grpc.get() {
                broken.extend(grpc.validate().into_iter().map(|problem| problem.within("grpc")));
            }
            return broken;
        }
        if self.server.endpoint.is_empty() {
            broken.push(Invalid::new("endpoint", "bad config: endpoint must be specified"));
        } else {
            broken.extend(self.server.validate());
        }
        if !self.path.starts_with('/') {
            broken.push(Invalid::new("path", "bad config: path must start with /"));
        }
        broken
    }
}

impl ExtensionFactory for HealthCheckConfig {
    fn create(&self, host: &Host) -> Result<Arc<dyn Extension>, BuildError> {
        Ok(Arc::new(HealthCheck::new(self.clone(), host)))
    }
}

impl Decode for ResponseBody {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { healthy, unhealthy } = self;
        fields.take("healthy", healthy);
        fields.take("unhealthy", unhealthy);
    }
}

// === impl HttpHealthConfig ===

impl HttpHealthConfig {
    fn validate(&self) -> Vec<Invalid> {
        let mut broken = self.server.validate();
        if self.status_enabled && !self.status_path.starts_with('/') {
            broken.push(Invalid::new("status::path", "path must start with /"));
        }
        broken
    }
}

impl Default for HttpHealthConfig {
    fn default() -> Self {
        Self {
            server: HttpServerConfig::at("localhost:13133"),
            status_enabled: true,
            status_path: "/status".to_owned(),
        }
    }
}

impl Decode for HttpHealthConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { server, status_enabled, status_path } = self;
        fields.block(server);
        let mut status = Page { enabled: *status_enabled, path: std::mem::take(status_path) };
        fields.take("status", &mut status);
        (*status_enabled, *status_path) = (status.enabled, status.path);
        let mut config = Page { enabled: false, path: "/config".to_owned() };
        fields.take("config", &mut config);
        fields.says("status", "The page that tells how the components are.");
        fields.says("config", "A page with the configuration, which there is not.");
        if config.enabled {
            fields.unsupported("config", "a configuration is not shown to whoever asks");
        }
    }
}

/// A page that is on or off.
#[derive(Default, DocumentedFieldsOpt)]
struct Page {
    /// There is such a page.
    enabled: bool,
    /// Its path.
    path: String,
}

impl Decode for Page {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { enabled, path } = self;
        fields.take("enabled", enabled);
        fields.take("path", path);
    }
}

// === impl ComponentHealthConfig ===

impl Decode for ComponentHealthConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { include_permanent_errors, include_recoverable_errors, recovery_duration } = self;
        fields.take("include_permanent_errors", include_permanent_errors);
        fields.take("include_recoverable_errors", include_recoverable_errors);
        fields.take("recovery_duration", recovery_duration);
    }
}
