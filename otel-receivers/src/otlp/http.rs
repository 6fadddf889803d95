use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use otel_core::component::Code;
use otel_core::net::{ContentEncodings, Handler, Peer, Refused, Reply, Status, read_http_body};
use otel_core::pdata::SignalKind;

use super::OtlpHttpConfig;
use super::config::slashed;
use super::intake::{Encoding, Intake};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";
const TEXT: &str = "text/plain";
const NOT_FOUND: &str = "404 page not found\n";
const WRONG_METHOD: &str = "405 method not allowed, supported: [POST]";
const WRONG_TYPE: &str = "415 unsupported media type, supported: [application/json, application/x-protobuf]";

/// Answers OTLP/HTTP requests.
#[derive(Debug, Clone)]
pub(super) struct HttpHandler {
    intake: Arc<Intake>,
    paths: Arc<[(String, SignalKind)]>,
    encodings: Arc<ContentEncodings>,
}

impl HttpHandler {
    pub(super) fn new(intake: Intake, config: &OtlpHttpConfig) -> Self {
        let paths = [
            (&config.traces_url_path, SignalKind::Traces),
            (&config.metrics_url_path, SignalKind::Metrics),
            (&config.logs_url_path, SignalKind::Logs),
        ];
        let served = paths.into_iter().filter(|(_, signal)| intake.outputs.has(*signal));
        let paths = served.map(|(path, signal)| (slashed(path), signal)).collect();
        let encodings = Arc::new(config.server.compression_algorithms.clone());
        Self { intake: Arc::new(intake), paths, encodings }
    }

    async fn answer(&self, request: Request<Incoming>, peer: Peer) -> Response<Reply> {
        let content_type = request.headers().get(header::CONTENT_TYPE);
        let encoding = content_type.and_then(encoding_of);
        // Before anything else, as other collectors do.
        let coding = match self.encodings.coding(request.headers()) {
            Ok(coding) => coding,
            Err(refused) => {
                let status = self.intake.status(refused.into(), Code::InvalidArgument, peer);
                let encoding = encoding.or(content_type.is_none().then_some(Encoding::Json));
                return encoding.map_or_else(unencodable, |encoding| failure(&status, encoding));
            }
        };
        let Some(signal) = self.signal(request.uri().path()) else {
            return self.not_found(peer);
        };
        if request.method() != Method::POST {
            return self.turned_away("method", StatusCode::METHOD_NOT_ALLOWED, WRONG_METHOD, peer);
        }
        let Some(encoding) = encoding else {
            return self.turned_away("media_type", StatusCode::UNSUPPORTED_MEDIA_TYPE, WRONG_TYPE, peer);
        };
        let (head, body) = request.into_parts();
        let context = self.intake.context(peer, &head);
        let admit = || self.intake.admit(signal, &head);
        let limits = &self.intake.limits;
        let taken = match limits.charge_headers(&head.headers) {
            Ok(_headers) => match read_http_body(&head.headers, body, coding, limits, admit).await {
                Ok(message) => self.intake.take(signal, encoding, message, context).await,
                Err(refused) => Err(refused.into()),
            },
            Err(refused) => Err(refused.into()),
        };
        match (taken, encoding) {
            // The empty submessage of a full success is written, as other collectors do.
            (Ok(()), Encoding::Protobuf) => reply(StatusCode::OK, PROTOBUF, &[0x0a, 0][..]),
            (Ok(()), Encoding::Json) => reply(StatusCode::OK, JSON, &br#"{"partialSuccess":{}}"#[..]),
            (Err(refusal), encoding) => {
                failure(&self.intake.status(refusal, Code::InvalidArgument, peer), encoding)
            }
        }
    }

    /// What is posted to a path. Slashes that follow one another count as one, as where a client puts a path to an
    /// endpoint that ends with one.
    fn signal(&self, path: &str) -> Option<SignalKind> {
        let find = |path: &str| self.paths.iter().find(|(known, _)| known == path).map(|(_, signal)| *signal);
        find(path).or_else(|| {
            let mut cleaned = path.as_bytes().to_vec();
            cleaned.dedup_by(|one, other| (*one, *other) == (b'/', b'/'));
            find(str::from_utf8(&cleaned).ok()?)
        })
    }

    fn not_found(&self, peer: Peer) -> Response<Reply> {
        let mut response = self.turned_away("unserved", StatusCode::NOT_FOUND, NOT_FOUND, peer);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }

    /// An answer to what is no request for telemetry at all.
    fn turned_away(
        &self,
        reason: &'static str,
        status: StatusCode,
        body: &'static str,
        peer: Peer,
    ) -> Response<Reply> {
        self.intake.rejections.record(&Refused::new(reason, Code::InvalidArgument, body.trim_end()), peer);
        reply(status, TEXT, body)
    }
}

impl Handler for HttpHandler {
    async fn handle(&self, request: Request<Incoming>, peer: Peer) -> Response<Reply> {
        self.answer(request, peer).await
    }

    fn refuse(&self, headers: &HeaderMap, status: &Status) -> Response<Reply> {
        let encoding = headers.get(header::CONTENT_TYPE).and_then(encoding_of);
        failure(status, encoding.unwrap_or(Encoding::Json))
    }
}

fn encoding_of(content_type: &HeaderValue) -> Option<Encoding> {
    let media_type = content_type.to_str().ok()?.split(';').next()?.trim();
    if media_type.eq_ignore_ascii_case(PROTOBUF) {
        Some(Encoding::Protobuf)
    } else if media_type.eq_ignore_ascii_case(JSON) {
        Some(Encoding::Json)
    } else {
        None
    }
}

fn failure(status: &Status, encoding: Encoding) -> Response<Reply> {
    let mut response = match encoding {
        Encoding::Protobuf => reply(status.http_status(), PROTOBUF, status.encode()),
        Encoding::Json => reply(status.http_status(), JSON, status.to_json()),
    };
    if let Some((name, value)) = status.retry_after_header() {
        response.headers_mut().insert(name, value);
    }
    response
}

/// What other collectors say where the answer has no encoding.
fn unencodable() -> Response<Reply> {
    let body = r#"{"code": 13, "message": "failed to marshal error message"}"#;
    reply(StatusCode::INTERNAL_SERVER_ERROR, JSON, body)
}

fn reply(status: StatusCode, content_type: &'static str, body: impl Into<bytes::Bytes>) -> Response<Reply> {
    let mut response = Response::new(Reply::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
