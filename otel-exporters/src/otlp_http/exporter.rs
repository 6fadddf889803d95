use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use otel_core::component::{Code, Component, ConsumeError, Context, Exporter, Host, StartError};
use otel_core::net::{
    Compression, Compressor, HttpAnswer, HttpClient, HttpClientConfig, HttpError, HttpUrl, Outgoing,
    PartialSuccess, Status, UnreadableResponse, error_chain,
};
use otel_core::pdata::{Signal, SignalKind};

use super::{Encoding, OtlpHttpExporterConfig};
use crate::otlp;

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// Sends a request once, and tells a failure that may pass from one that will not.
#[derive(Debug)]
pub struct OtlpHttpExporter {
    url: HttpUrl,
    encoding: Encoding,
    headers: HeaderMap,
    compressor: Compressor,
    config: HttpClientConfig,
    host: Host,
    /// Made at the start, because it needs a runtime and the files of certificates.
    client: OnceLock<HttpClient>,
}

impl OtlpHttpExporter {
    /// An exporter to a URL that has not started.
    pub fn new(url: HttpUrl, config: &OtlpHttpExporterConfig, host: &Host) -> Self {
        let mut headers = HeaderMap::new();
        let content_type = match config.encoding {
            Encoding::Proto => PROTOBUF,
            Encoding::Json => JSON,
        };
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let Ok(agent) = HeaderValue::try_from(otlp::user_agent(host.build_info())) {
            headers.insert(header::USER_AGENT, agent);
        }
        let compressor = config.client.compressor();
        let compression = compressor.compression();
        if compression != Compression::None {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(compression.name()));
        }
        // What is configured wins.
        headers.extend(config.client.header_map());
        Self {
            url,
            encoding: config.encoding,
            headers,
            compressor,
            config: config.client.clone(),
            host: host.clone(),
            client: OnceLock::new(),
        }
    }

    fn body<S: Signal>(&self, data: &S) -> Outgoing {
        let compressed = self.compressor.compression() != Compression::None;
        match self.encoding {
            Encoding::Proto if !compressed => Outgoing::new(data.segments().cloned()),
            Encoding::Proto => Outgoing::new([self.compressor.compress(data.segments(), data.encoded_len())]),
            Encoding::Json => {
                // Twice the length of protobuf is what spans come to.
                let mut json = Vec::with_capacity(data.encoded_len() * 2);
                data.to_json(&mut json);
                let json = Bytes::from(json);
                let len = json.len();
                Outgoing::new([if compressed { self.compressor.compress([&json], len) } else { json }])
            }
        }
    }

    fn judge(&self, answer: &HttpAnswer, signal: SignalKind) -> Result<(), ConsumeError> {
        if !answer.status.is_success() {
            return Err(self.refusal(answer));
        }
        match partial_success(answer) {
            Ok(None) => Ok(()),
            Ok(Some(partial)) => {
                otlp::note_partial_success(&self.host, &partial, signal);
                Ok(())
            }
            Err(error) => Err(ConsumeError::permanent(error.to_string())),
        }
    }

    fn refusal(&self, answer: &HttpAnswer) -> ConsumeError {
        let number = answer.status.as_u16();
        let url = &self.url;
        let mut message =
            format!("error exporting items, request to {url} responded with HTTP Status Code {number}");
        if let Some(told) = status_in(answer) {
            message = format!("{message}, Message={}, Details=[]", told.message);
        }
        let mut status = Status::new(code_of(number), message);
        if matches!(number, 429 | 503) {
            let asked = answer.retry_after(self.host.telemetry().now());
            status.retry_after = asked.filter(|delay| *delay > Duration::ZERO);
        }
        otlp::failure(&status, matches!(number, 429 | 502 | 503 | 504))
    }
}

#[async_trait]
impl Component for OtlpHttpExporter {
    async fn start(&self) -> Result<(), StartError> {
        let client = HttpClient::new(&self.config, &self.host)
            .map_err(|error| StartError::new("cannot make the HTTP client").with_source(error))?
            .observed(self.host.telemetry());
        // A second start keeps the first client.
        let _ = self.client.set(client);
        Ok(())
    }
}

#[async_trait]
impl<S: Signal> Exporter<S> for OtlpHttpExporter {
    async fn export(&self, data: S, context: Context) -> Result<(), ConsumeError> {
        let client =
            self.client.get().ok_or_else(|| ConsumeError::retryable("the exporter has not started"))?;
        let body = self.body(&data);
        let answer = client.post(&self.url, &self.headers, &body, &context).await.map_err(|error| {
            let message = format!("failed to make an HTTP request: {}", error_chain(&error));
            if let HttpError::Credentials(error) = &error
                && error.is_permanent()
            {
                let code = error.code().unwrap_or(Code::Unauthenticated);
                return ConsumeError::permanent(message).with_code(code);
            }
            ConsumeError::retryable(message)
        })?;
        self.judge(&answer, S::KIND)
    }
}

/// What is said beside the success. Only bodies of the two media types of OTLP say something.
fn partial_success(answer: &HttpAnswer) -> Result<Option<PartialSuccess>, UnreadableResponse> {
    if answer.body.is_empty() {
        Ok(None)
    } else if answer.is_of_type(PROTOBUF) {
        PartialSuccess::of_protobuf(&answer.body)
    } else if answer.is_of_type(JSON) {
        PartialSuccess::of_json(&answer.body)
    } else {
        Ok(None)
    }
}

/// The status in the body of a refusal, where there is one.
fn status_in(answer: &HttpAnswer) -> Option<Status> {
    if answer.is_of_type(PROTOBUF) && !answer.body.is_empty() {
        return Some(Status::decode(&answer.body));
    }
    let json: serde_json::Value = serde_json::from_slice(&answer.body).ok()?;
    let message = json.get("message")?.as_str()?;
    let code = json.get("code").and_then(serde_json::Value::as_i64).unwrap_or_default();
    Some(Status::new(Code::from_number(i32::try_from(code).unwrap_or(2)), message))
}

fn code_of(status: u16) -> Code {
    match status {
        400 => Code::InvalidArgument,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::Unimplemented,
        429 => Code::ResourceExhausted,
        502..=504 => Code::Unavailable,
        _ => Code::Unknown,
    }
}
