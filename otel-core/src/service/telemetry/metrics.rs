//! Metrics for Prometheus to fetch.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use opentelemetry::{Key, KeyValue};
use opentelemetry_sdk::Resource as SdkResource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::{Encoder, TextEncoder};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::config::{MetricsConfig, PrometheusConfig, ReaderConfig, Resource};
use super::periodic::Periodic;
use super::{process, views};
use crate::net::{Handler, Listener, Peer, Reply, ServerOptions, Stopper, Surroundings, serve};
use crate::service::run::ServiceError;
use crate::telemetry::{Logger, Metrics, MetricsLevel};

/// What a server shows.
struct Page {
    /// Where, with the port that it came to.
    address: Option<SocketAddr>,
    endpoint: String,
    exposition: Exposition,
}

/// What carries metrics out. Dropping it ends that.
pub(super) struct MetricsOut {
    provider: SdkMeterProvider,
    pages: Vec<Page>,
    servers: JoinSet<()>,
    stopper: Stopper,
    periodic: Vec<Periodic>,
}

impl MetricsOut {
    /// Binds every address, begins to answer and to send, with what is recorded from here on.
    pub(super) async fn start(
        config: &MetricsConfig,
        resource: &Arc<Resource>,
        logger: &Logger,
        surroundings: &Surroundings,
    ) -> Result<(Metrics, Option<Self>), ServiceError> {
        if config.level == MetricsLevel::None {
            return Ok((Metrics::none(), None));
        }
        let (mut pages, mut periodic) = (Vec::new(), Vec::new());
        let mut provider =
            views::apply(config, SdkMeterProvider::builder().with_resource(sdk_resource(resource)));
        for reader in &config.readers {
            match reader {
                ReaderConfig::Prometheus(reader) => {
                    let registry = prometheus::Registry::new();
                    provider = provider.with_reader(exporter(reader, &registry, resource)?);
                    pages.push(Page::new(reader, registry));
                }
                ReaderConfig::Periodic(reader) => {
                    let (sdk, task) = Periodic::start(reader, resource, logger, surroundings)?;
                    provider = provider.with_reader(sdk);
                    periodic.push(task);
                }
            }
        }
        let mut servers = JoinSet::new();
        let stopper = Stopper::default();
        for page in &mut pages {
            page.serve(&mut servers, &stopper).await?;
        }
        let provider = provider.build();
        let keep = views::keep(&config.views);
        let metrics = Metrics::keeping(Arc::new(provider.clone()), config.level, keep);
        process::observe(&metrics);
        Ok((metrics, Some(Self { provider, pages, servers, stopper, periodic })))
    }

    /// Where metrics can be fetched.
    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.pages.iter().filter_map(|page| page.address).collect()
    }

    /// Gives up the addresses, with the requests that are being answered there.
    pub(super) async fn suspend(&mut self) {
        self.servers.shutdown().await;
    }

    /// Serves again what was suspended, at the same addresses.
    pub(super) async fn resume(&mut self) -> Result<(), ServiceError> {
        if self.servers.is_empty() {
            for page in &mut self.pages {
                page.serve(&mut self.servers, &self.stopper).await?;
            }
        }
        Ok(())
    }

    /// Sends the last metrics, and ends the servers once requests that are being answered are done, all by the
    /// deadline.
    pub(super) async fn shutdown(mut self, deadline: Instant) {
        for periodic in self.periodic {
            periodic.shutdown(deadline).await;
        }
        self.stopper.stop(deadline);
        while self.servers.join_next().await.is_some() {}
        // All that could fail is a reader, and they are in memory.
        let _ = self.provider.shutdown();
    }
}

/// The resource as the SDK has it.
pub(super) fn sdk_resource(resource: &Resource) -> SdkResource {
    let attributes = resource.attributes.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    SdkResource::builder_empty().with_attributes(attributes).build()
}

impl Page {
    fn new(config: &PrometheusConfig, registry: prometheus::Registry) -> Self {
        let host = &config.host;
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let endpoint = format!("{host}:{}", config.port);
        Self { address: None, endpoint, exposition: Exposition(registry) }
    }

    /// Binds its address and begins to answer there.
    async fn serve(&mut self, servers: &mut JoinSet<()>, stopper: &Stopper) -> Result<(), ServiceError> {
        let endpoint = self.address.map_or_else(|| self.endpoint.clone(), |address| address.to_string());
        let listener = match Listener::bind(&endpoint).await {
            Ok(listener) => listener,
            Err(source) => return Err(ServiceError::MetricsAddress { endpoint, source }),
        };
        self.address = listener.address();
        servers.spawn(serve(listener, options(), self.exposition.clone(), stopper.listen()));
        Ok(())
    }
}

/// Who is slow with a request or with the next one does not keep its connection. Scrapers come once a minute or more
/// often.
fn options() -> ServerOptions {
    ServerOptions {
        read_header_timeout: Duration::from_secs(60),
        answer_timeout: Duration::from_secs(60),
        idle_timeout: Duration::from_secs(300),
        ..ServerOptions::default()
    }
}

fn exporter(
    config: &PrometheusConfig,
    registry: &prometheus::Registry,
    resource: &Resource,
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
    if let Some(labels) = &config.resource_labels {
        let kept = resource.attributes.keys().filter(|key| labels.keeps(key));
        let keys: HashSet<Key> = kept.map(|key| Key::new(key.clone())).collect();
        exporter = exporter.with_resource_selector(keys);
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
        let mut families = self.0.gather();
        for family in &mut families {
            if let Some(name) = without_repeated_unit(family.name()) {
                family.set_name(name);
            }
        }
        match encoder.encode(&families, &mut text) {
            Ok(()) => answer(StatusCode::OK, encoder.format_type(), text),
            Err(error) => {
                answer(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", error.to_string().into_bytes())
            }
        }
    }
}

/// A name that says its unit itself does not get it a second time.
fn without_repeated_unit(name: &str) -> Option<String> {
    let units = [("_seconds_seconds", "_seconds"), ("_bytes_bytes", "_bytes")];
    let (twice, once) = units.into_iter().find(|(twice, _)| name.contains(twice))?;
    Some(name.replace(twice, once))
}

fn answer(status: StatusCode, content_type: &str, body: Vec<u8>) -> Response<Reply> {
    let response = Response::builder().status(status).header(header::CONTENT_TYPE, content_type);
    response.body(Reply::new(body)).expect("the header is a constant of the encoder")
}

#[cfg(test)]
mod tests {
    use super::without_repeated_unit;

    #[test]
    fn a_unit_stands_once_in_a_name() {
        let once = |name| without_repeated_unit(name).unwrap_or_else(|| format!("{name} is left"));
        assert_eq!(once("cpu_seconds_seconds_total"), "cpu_seconds_total");
        assert_eq!(once("a_bytes_bytes"), "a_bytes");
        assert_eq!(once("uptime_seconds_total"), "uptime_seconds_total is left");
    }
}
