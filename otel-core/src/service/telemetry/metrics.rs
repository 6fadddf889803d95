//! Metrics for Prometheus to fetch.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use http::{Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::{Encoder, TextEncoder};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::config::{MetricsConfig, PrometheusConfig};
use super::process;
use crate::net::{Handler, Listener, Peer, Reply, ServerOptions, Stopper, serve};
use crate::service::run::ServiceError;
use crate::telemetry::{Metrics, MetricsLevel};

/// The servers that show metrics. Dropping it ends them.
pub(crate) struct MetricsServer {
    provider: Option<SdkMeterProvider>,
    servers: JoinSet<()>,
    stopper: Stopper,
    addresses: Vec<SocketAddr>,
}

impl MetricsServer {
    /// Binds every address and begins to answer, with what the meter records.
    pub(super) async fn bind(
        config: &MetricsConfig,
        resource: &BTreeMap<String, String>,
    ) -> Result<(Metrics, Self), ServiceError> {
        let mut server = Self {
            provider: None,
            servers: JoinSet::new(),
            stopper: Stopper::default(),
            addresses: Vec::new(),
        };
        if config.level == MetricsLevel::None {
            return Ok((Metrics::none(), server));
        }
        let attributes = resource.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
        let mut provider = SdkMeterProvider::builder()
            .with_resource(Resource::builder_empty().with_attributes(attributes).build());
        for reader in &config.prometheus {
            let registry = prometheus::Registry::new();
            provider = provider.with_reader(exporter(reader, &registry)?);
            let host = &reader.host;
            let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
            let endpoint = format!("{host}:{}", reader.port);
            let listener = Listener::bind(&endpoint)
                .await
                .map_err(|source| ServiceError::MetricsAddress { endpoint, source })?;
            server.addresses.extend(listener.address());
            let stop = server.stopper.listen();
            server.servers.spawn(serve(listener, ServerOptions::default(), Exposition(registry), stop));
        }
        let provider = provider.build();
        let metrics = Metrics::new(Arc::new(provider.clone()), config.level);
        process::observe(&metrics);
        server.provider = Some(provider);
        Ok((metrics, server))
    }

    /// Where metrics can be fetched.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Ends the servers once requests that are being answered are done, at the deadline at the latest.
    pub(crate) async fn shutdown(mut self, deadline: Instant) {
        self.stopper.stop(deadline);
        while self.servers.join_next().await.is_some() {}
        if let Some(provider) = self.provider {
            // All that could fail is a reader, and they are in memory.
            let _ = provider.shutdown();
        }
    }
}

fn exporter(
    config: &PrometheusConfig,
    registry: &prometheus::Registry,
) -> Result<opentelemetry_prometheus::PrometheusExporter, ServiceError> {
    let errors = prometheus::IntCounterVec::new(
        prometheus::Opts::new(
            "promhttp_metric_handler_errors_total",
            "Total number of internal errors encountered by the promhttp metric handler.",
        ),
        &["cause"],
    )?;
    errors.with_label_values(&["encoding"]).inc_by(0);
    errors.with_label_values(&["gathering"]).inc_by(0);
    registry.register(Box::new(errors))?;
    let mut exporter = opentelemetry_prometheus::exporter()
        .with_registry(registry.clone())
        .scope_info_enabled(!config.without_scope_info);
    if config.without_units {
        exporter = exporter.without_units();
    }
    if config.without_type_suffix {
        exporter = exporter.without_counter_suffixes();
    }
    exporter.build().map_err(|error| ServiceError::Metrics { message: error.to_string() })
}

/// Answers `GET /metrics`.
#[derive(Clone)]
struct Exposition(prometheus::Registry);

impl Handler for Exposition {
    async fn handle(&self, request: Request<Incoming>, _peer: Peer) -> Response<Reply> {
        if request.uri().path() != "/metrics" {
            return answer(StatusCode::NOT_FOUND, "text/plain", b"404 page not found\n".to_vec());
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return answer(StatusCode::METHOD_NOT_ALLOWED, "text/plain", Vec::new());
        }
        let encoder = TextEncoder::new();
        let mut text = Vec::new();
        match encoder.encode(&self.0.gather(), &mut text) {
            Ok(()) => answer(StatusCode::OK, encoder.format_type(), text),
            Err(error) => {
                answer(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", error.to_string().into_bytes())
            }
        }
    }
}

fn answer(status: StatusCode, content_type: &str, body: Vec<u8>) -> Response<Reply> {
    let response = Response::builder().status(status).header(header::CONTENT_TYPE, content_type);
    response.body(Reply::new(body)).expect("the header is a constant of the encoder")
}
