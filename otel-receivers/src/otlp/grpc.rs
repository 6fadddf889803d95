use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use otel_core::component::Code;
use otel_core::net::{
    Handler, Peer, Refused, Reply, Status, grpc_coding, parse_grpc_timeout, read_grpc_message,
};
use otel_core::pdata::SignalKind;
use tokio::time::Instant;

use super::intake::{Encoding, Intake, Refusal};

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

/// Answers gRPC requests.
#[derive(Debug, Clone)]
pub(super) struct GrpcHandler(pub(super) Arc<Intake>);

impl Handler for GrpcHandler {
    async fn handle(&self, request: Request<Incoming>, peer: Peer) -> Response<Reply> {
        let content_type = request.headers().get(header::CONTENT_TYPE).cloned();
        let Some(content_type) = content_type.as_ref().filter(|value| is_grpc(value.as_bytes())) else {
            let text = content_type.as_ref().map_or(&b""[..], HeaderValue::as_bytes);
            let message = format!("invalid gRPC request content-type \"{}\"", String::from_utf8_lossy(text));
            return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, &Status::new(Code::InvalidArgument, message));
        };
        if request.method() != Method::POST {
            let status = Status::new(Code::Internal, "gRPC requests are POST requests");
            return refuse(StatusCode::METHOD_NOT_ALLOWED, &status);
        }
        let Ok(deadline) = deadline(request.headers()) else {
            let status = Status::new(Code::Internal, "malformed grpc-timeout");
            return refuse(StatusCode::BAD_REQUEST, &status);
        };
        match self.answer(request, peer, deadline).await {
            Ok(()) => success(content_type.clone()),
            Err(refusal) => refuse(StatusCode::OK, &self.0.status(refusal, Code::Internal, peer)),
        }
    }
}

impl GrpcHandler {
    async fn answer(
        &self,
        request: Request<Incoming>,
        peer: Peer,
        deadline: Option<Instant>,
    ) -> Result<(), Refusal> {
        let GrpcHandler(intake) = self;
        let (head, body) = request.into_parts();
        let path = head.uri.path();
        let signal = self.served(path).ok_or_else(|| self.unknown(path))?;
        let mut context = intake.context(peer, &head);
        if let Some(deadline) = deadline {
            context = context.with_deadline(deadline);
        }
        let coding = grpc_coding(&head.headers)?;
        let _headers = intake.limits.charge_headers(&head.headers)?;
        let message = read_grpc_message(body, coding, &intake.limits, || intake.admit(signal, &head)).await?;
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            // The client waits no more, and will send it again.
            return Err(Refused::new("timeout", Code::DeadlineExceeded, "context deadline exceeded").into());
        }
        let taken = intake.take(signal, Encoding::Protobuf, message, context).await;
        taken.map_err(|refusal| match refusal {
            Refusal::Invalid(error) => {
                Refusal::Invalid(format!("grpc: error unmarshalling request: {error}"))
            }
            other => other,
        })
    }

    /// The signal of a method, if a pipeline takes it.
    fn served(&self, path: &str) -> Option<SignalKind> {
        signal_of(path).filter(|signal| self.0.outputs.has(*signal))
    }

    fn unknown(&self, path: &str) -> Refused {
        let path = path.strip_prefix('/').unwrap_or(path);
        let message = match path.rsplit_once('/') {
            Some((service, method)) if self.served(&format!("/{service}/Export")).is_some() => {
                format!("unknown method {method} for service {service}")
            }
            Some((service, _)) => format!("unknown service {service}"),
            None => format!("malformed method name: \"{path}\""),
        };
        Refused::new("unserved", Code::Unimplemented, message)
    }
}

fn is_grpc(content_type: &[u8]) -> bool {
    let rest = content_type.strip_prefix(b"application/grpc");
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

/// Until when the client waits. An error if it says that in a way that gRPC does not have.
fn deadline(headers: &HeaderMap) -> Result<Option<Instant>, ()> {
    let Some(timeout) = headers.get("grpc-timeout") else { return Ok(None) };
    let timeout = timeout.to_str().ok().and_then(parse_grpc_timeout).ok_or(())?;
    Ok(Some(Instant::now() + timeout))
}

fn signal_of(path: &str) -> Option<SignalKind> {
    match path {
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export" => Some(SignalKind::Traces),
        "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export" => Some(SignalKind::Metrics),
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export" => Some(SignalKind::Logs),
        _ => None,
    }
}

/// An empty response message: nothing was rejected.
fn success(content_type: HeaderValue) -> Response<Reply> {
    let trailers = Status::new(Code::Ok, "").to_grpc_headers();
    let mut response = Response::new(Reply::new(&[0; 5][..]).with_trailers(trailers));
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

/// An answer of headers alone.
fn refuse(http: StatusCode, status: &Status) -> Response<Reply> {
    let mut response = Response::new(Reply::default());
    *response.status_mut() = http;
    *response.headers_mut() = status.to_grpc_headers();
    response.headers_mut().insert(header::CONTENT_TYPE, GRPC);
    response
}
