use documented::DocumentedFieldsOpt;
use otel_core::Invalid;
use otel_core::component::{BuildError, ComponentConfig, Exporter, ExporterFactory, Host};
use otel_core::config::{Decode, Fields, KeyDocs};
use otel_core::net::{Endpoint, GrpcClientConfig};
use otel_core::pdata::Signal;

use super::OtlpGrpcExporter;
use crate::sending::{Sending, SendingConfig};

/// The configuration of the `otlp_grpc` exporter.
#[derive(Debug, Clone, Default, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct OtlpGrpcExporterConfig {
    /// Connections, metadata, compression.
    pub client: GrpcClientConfig,
    /// Timeout, queue and retries.
    pub sending: SendingConfig,
}

impl Decode for OtlpGrpcExporterConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { client, sending } = self;
        fields.block(client);
        fields.block(sending);
    }
}

impl ComponentConfig for OtlpGrpcExporterConfig {
    const TYPE: &'static str = "otlp_grpc";
    const ALIASES: &'static [&'static str] = &["otlp"];

    fn validate(&self) -> Vec<Invalid> {
        let mut broken = self.sending.validate();
        broken.extend(self.client.validate());
        broken
    }
}

impl<S: Signal> ExporterFactory<S> for OtlpGrpcExporterConfig {
    fn create(&self, host: &Host) -> Result<Box<dyn Exporter<S>>, BuildError> {
        let endpoint = Endpoint::parse(&self.client.endpoint)
            .map_err(|error| BuildError::new("the endpoint is invalid").with_source(error))?;
        let mut destination = vec![("server.address", endpoint.host().to_owned())];
        destination.extend(endpoint.port().map(|port| ("server.port", port.to_string())));
        let exporter = OtlpGrpcExporter::new(self.client.clone(), host);
        Ok(Box::new(Sending::<S, _>::new(exporter, &self.sending, host, &destination)))
    }
}
