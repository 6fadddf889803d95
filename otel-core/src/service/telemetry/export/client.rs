use std::io::{self, Write as _};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use tokio::time::timeout;

use super::super::config::{Destination, OtlpConfig, Protocol};
use crate::component::Context;
use crate::net::tls::TlsClientConfig;
use crate::net::{
    Compression, Compressor, GrpcClient, GrpcClientConfig, HttpAnswer, HttpClient, HttpClientConfig, HttpUrl,
    InvalidUrl, Outgoing, PartialSuccess, Surroundings, error_chain,
};
use crate::pdata::{Signal, SignalKind};
use crate::service::run::ServiceError;

/// What own telemetry is sent as.
const USER_AGENT: &str = concat!("otel-core/", env!("CARGO_PKG_VERSION"));

/// Sends own telemetry of one signal.
#[derive(Debug)]
pub(in crate::service::telemetry) enum Client {
    /// To an OTLP server over gRPC.
    Grpc { client: GrpcClient, method: &'static str, timeout: Duration },
    /// To an OTLP server over HTTP.
    Http(Box<HttpDestination>),
    /// To the standard output.
    Console,
}

/// Where requests over HTTP go, and how.
#[derive(Debug)]
pub(in crate::service::telemetry) struct HttpDestination {
    client: HttpClient,
    url: HttpUrl,
    headers: HeaderMap,
    compressor: Compressor,
    timeout: Duration,
}

impl Client {
    /// A client, which connects when it first sends.
    pub(in crate::service::telemetry) fn new(
        destination: &Destination,
        signal: SignalKind,
        surroundings: &Surroundings,
    ) -> Result<Self, ServiceError> {
        match destination {
            Destination::Console => Ok(Self::Console),
            Destination::Otlp(config) => match config.protocol {
                Protocol::Grpc => grpc(config, signal, surroundings),
                Protocol::HttpProtobuf => http(config, signal, surroundings),
            },
        }
    }

    /// Sends a request, within its own timeout and the one given.
    ///
    /// # Errors
    /// Why it did not arrive, or not whole.
    pub(in crate::service::telemetry) async fn send<S: Signal>(
        &self,
        data: &S,
        limit: Duration,
    ) -> Result<(), String> {
        let context = Context::new();
        match self {
            Self::Console => print(data).map_err(|error| error.to_string()),
            Self::Grpc { client, method, timeout: own } => {
                let limit = limit.min(*own);
                let call = client.call(method, data, Some(limit), &context);
                let answer = timeout(limit, call).await.map_err(|_| LATE.to_owned())?;
                rejected(&answer.map_err(|status| status.to_string())?)
            }
            Self::Http(destination) => {
                let HttpDestination { client, url, headers, compressor, timeout: own } = &**destination;
                let body = Outgoing::new([compressor.compress(data.segments(), data.encoded_len())]);
                let posted = timeout(limit.min(*own), client.post(url, headers, &body, &context)).await;
                let answer = posted.map_err(|_| LATE.to_owned())?.map_err(|error| error_chain(&error))?;
                rejected(&accepted(answer)?)
            }
        }
    }
}

const LATE: &str = "the server did not answer in time";

/// The body of an answer that is a success.
fn accepted(answer: HttpAnswer) -> Result<Bytes, String> {
    let HttpAnswer { status, body, .. } = answer;
    if status.is_success() {
        return Ok(body);
    }
    let said = String::from_utf8_lossy(&body[..body.len().min(200)]);
    Err(format!("the server answered {status}: {said}"))
}

/// An error where the server has not taken everything.
fn rejected(answer: &[u8]) -> Result<(), String> {
    match PartialSuccess::of_response(answer) {
        Some(partial) if partial.rejected > 0 => {
            Err(format!("the server rejected {} items: {}", partial.rejected, partial.message))
        }
        _ => Ok(()),
    }
}

fn print<S: Signal>(data: &S) -> io::Result<()> {
    let mut line = Vec::new();
    data.to_json(&mut line);
    line.push(b'\n');
    io::stdout().lock().write_all(&line)
}

fn grpc(
    config: &OtlpConfig,
    signal: SignalKind,
    surroundings: &Surroundings,
) -> Result<Client, ServiceError> {
    let mut client = GrpcClientConfig::default();
    client.endpoint.clone_from(&config.endpoint);
    client.compression = if config.gzip { Compression::Gzip } else { Compression::None };
    client.headers = config.headers.clone();
    client.tls = tls(config);
    let client = GrpcClient::new(&client, USER_AGENT, surroundings.clone())
        .map_err(|error| refused(error_chain(&error)))?;
    let method = match signal {
        SignalKind::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        SignalKind::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        _ => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    };
    Ok(Client::Grpc { client, method, timeout: config.timeout })
}

fn http(
    config: &OtlpConfig,
    signal: SignalKind,
    surroundings: &Surroundings,
) -> Result<Client, ServiceError> {
    let path = match signal {
        SignalKind::Metrics => "/v1/metrics",
        SignalKind::Logs => "/v1/logs",
        _ => "/v1/traces",
    };
    let client = HttpClientConfig {
        compression: if config.gzip { Compression::Gzip } else { Compression::None },
        headers: config.headers.clone(),
        tls: tls(config),
        ..HttpClientConfig::default()
    };
    if let Some(broken) = client.validate().first() {
        return Err(refused(broken.to_string()));
    }
    let mut headers = client.header_map();
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
    if config.gzip {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    let compressor = client.compressor();
    let client =
        HttpClient::new(&client, surroundings.clone()).map_err(|error| refused(error_chain(&error)))?;
    let url = url(&config.endpoint, path).map_err(|error| refused(error.to_string()))?;
    let timeout = config.timeout;
    Ok(Client::Http(Box::new(HttpDestination { client, url, headers, compressor, timeout })))
}

/// The URL of a signal: where that has no path, `path` is appended.
fn url(endpoint: &str, path: &str) -> Result<HttpUrl, InvalidUrl> {
    let url = HttpUrl::parse(endpoint)?;
    if url.path() == "/" {
        return HttpUrl::parse(&format!("{}{path}", endpoint.trim().trim_end_matches('/')));
    }
    Ok(url)
}

/// What servers are asked for, and shown, where the URL begins with `https`. Without that there is no TLS, whatever files
/// are named.
fn tls(config: &OtlpConfig) -> TlsClientConfig {
    let mut tls = TlsClientConfig::default();
    if config.endpoint.starts_with("https:") {
        tls.common.ca_file.clone_from(&config.certificate);
        tls.common.cert_file.clone_from(&config.client_certificate);
        tls.common.key_file.clone_from(&config.client_key);
    } else {
        tls.insecure = true;
    }
    tls
}

fn refused(message: String) -> ServiceError {
    ServiceError::Export { message }
}
