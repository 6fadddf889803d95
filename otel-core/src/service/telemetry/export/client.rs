use std::io::{self, Write as _};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use tokio::time::timeout;

use super::super::config::{Destination, OtlpConfig, Protocol};
use crate::net::{
    Compression, Compressor, GrpcClient, GrpcClientConfig, PartialSuccess, PlainHttpClient, Surroundings,
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
    Http { client: Box<PlainHttpClient>, compressor: Box<Compressor>, timeout: Duration },
    /// To the standard output.
    Console,
}

impl Client {
    /// A client, which connects when it first sends.
    pub(in crate::service::telemetry) fn new(
        destination: &Destination,
        signal: SignalKind,
    ) -> Result<Self, ServiceError> {
        match destination {
            Destination::Console => Ok(Self::Console),
            Destination::Otlp(config) => match config.protocol {
                Protocol::Grpc => grpc(config, signal),
                Protocol::HttpProtobuf => http(config, signal),
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
        match self {
            Self::Console => print(data).map_err(|error| error.to_string()),
            Self::Grpc { client, method, timeout: own } => {
                let limit = limit.min(*own);
                let call = client.call(method, data, Some(limit), None);
                let answer = timeout(limit, call).await.map_err(|_| LATE.to_owned())?;
                rejected(&answer.map_err(|status| status.to_string())?)
            }
            Self::Http { client, compressor, timeout: own } => {
                let body = compressor.compress(data.segments(), data.encoded_len());
                let answer =
                    timeout(limit.min(*own), client.post(body)).await.map_err(|_| LATE.to_owned())?;
                rejected(&answer.map_err(|error| error.to_string())?)
            }
        }
    }
}

const LATE: &str = "the server did not answer in time";

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

fn grpc(config: &OtlpConfig, signal: SignalKind) -> Result<Client, ServiceError> {
    let mut client = GrpcClientConfig::default();
    client.endpoint.clone_from(&config.endpoint);
    client.compression = if config.gzip { Compression::Gzip } else { Compression::None };
    client.headers = config.headers.clone();
    // A URL of https is reached with TLS all the same.
    client.tls.insecure = true;
    let client =
        GrpcClient::new(&client, USER_AGENT, Surroundings::bare()).map_err(|error| refused(&error))?;
    let method = match signal {
        SignalKind::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        SignalKind::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        _ => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    };
    Ok(Client::Grpc { client, method, timeout: config.timeout })
}

fn http(config: &OtlpConfig, signal: SignalKind) -> Result<Client, ServiceError> {
    let path = match signal {
        SignalKind::Metrics => "/v1/metrics",
        SignalKind::Logs => "/v1/logs",
        _ => "/v1/traces",
    };
    let mut headers = headers(config)?;
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
    if config.gzip {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    let client = PlainHttpClient::new(&config.endpoint, path, headers).map_err(|error| refused(&error))?;
    let compression = if config.gzip { Compression::Gzip } else { Compression::None };
    let compressor = Compressor::new(compression, 0);
    let (client, compressor) = (Box::new(client), Box::new(compressor));
    Ok(Client::Http { client, compressor, timeout: config.timeout })
}

fn headers(config: &OtlpConfig) -> Result<HeaderMap, ServiceError> {
    let mut headers = HeaderMap::new();
    for (name, value) in config.headers.iter() {
        let name = HeaderName::try_from(name).map_err(|error| refused(&error))?;
        let mut value = HeaderValue::try_from(value.expose()).map_err(|error| refused(&error))?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

fn refused(error: &dyn ToString) -> ServiceError {
    ServiceError::Export { message: error.to_string() }
}
