use std::sync::Arc;

use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use otel_core::component::Code;
use otel_core::net::{Handler, Peer, Reply, Status, read_http_body};
use otel_core::pdata::SignalKind;

use super::HttpServerConfig;
use super::config::slashed;
use super::intake::{Encoding, Intake, Refusal};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// Answers OTLP/HTTP requests.
#[derive(Debug, Clone)]
pub(super) struct HttpHandler {
    intake: Arc<Intake>,
    paths: Arc<[(String, SignalKind)]>,
}

impl HttpHandler {
    pub(super) fn new(intake: Intake, config: &HttpServerConfig) -> Self {
        let paths = [
            (&config.traces_url_path, SignalKind::Traces),
            (&config.metrics_url_path, SignalKind::Metrics),
            (&config.logs_url_path, SignalKind::Logs),
        ];
        let served = paths.into_iter().filter(|(_, signal)| intake.outputs.has(*signal));
        let paths = served.map(|(path, signal)| (slashed(path), signal)).collect();
        Self { intake: Arc::new(intake), paths }
    }

    async fn answer(
        &self,
        signal: SignalKind,
        encoding: Encoding,
        request: Request<Incoming>,
        peer: Peer,
    ) -> Result<(), Status> {
        let (head, body) = request.into_parts();
        let context = self.intake.context(peer, &head.headers);
        let coding = otel_core::net::ContentEncodings::default().coding(&head.headers)?;
        let message =
            read_http_body(&head.headers, body, coding, &self.intake.limits).await.map_err(|r| r.status)?;
        match self.intake.take(signal, encoding, message, context).await {
            Ok(()) => Ok(()),
            Err(Refusal::Pipeline(status)) => Err(status),
            Err(Refusal::Unserved) => Err(Status::new(Code::Unimplemented, "no pipeline takes this signal")),
            Err(Refusal::Invalid(error)) => Err(Status::new(Code::InvalidArgument, error)),
        }
    }
}

impl Handler for HttpHandler {
    async fn handle(&self, request: Request<Incoming>, peer: Peer) -> Response<Reply> {
        let path = request.uri().path();
        let Some((_, signal)) = self.paths.iter().find(|(known, _)| known == path) else {
            return text(StatusCode::NOT_FOUND, "404 page not found\n");
        };
        if request.method() != Method::POST {
            return text(StatusCode::METHOD_NOT_ALLOWED, "405 method not allowed, supported: [POST]");
        }
        let Some(encoding) = request.headers().get(header::CONTENT_TYPE).and_then(encoding_of) else {
            return text(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "415 unsupported media type, supported: [application/json, application/x-protobuf]",
            );
        };
        match (self.answer(*signal, encoding, request, peer).await, encoding) {
            // The empty submessage of a full success is written, as other collectors do.
            (Ok(()), Encoding::Protobuf) => reply(StatusCode::OK, PROTOBUF, &[0x0a, 0][..]),
            (Ok(()), Encoding::Json) => reply(StatusCode::OK, JSON, &br#"{"partialSuccess":{}}"#[..]),
            (Err(status), encoding) => failure(&status, encoding),
        }
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

fn text(status: StatusCode, body: &'static str) -> Response<Reply> {
    reply(status, "text/plain", body.as_bytes())
}

fn reply(status: StatusCode, content_type: &'static str, body: impl Into<bytes::Bytes>) -> Response<Reply> {
    let mut response = Response::new(Reply::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
