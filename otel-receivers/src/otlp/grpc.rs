use std::sync::Arc;

use http::{HeaderValue, Method, Request, Response, StatusCode, header};
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
        let content_type =
            request.headers().get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        if !content_type.starts_with(b"application/grpc") {
            let text = String::from_utf8_lossy(content_type);
            let status = Status::new(Code::Unknown, format!("invalid gRPC request content-type \"{text}\""));
            return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, &status);
        }
        if request.method() != Method::POST {
            let status = Status::new(Code::Internal, "gRPC requests are POST requests");
            return refuse(StatusCode::METHOD_NOT_ALLOWED, &status);
        }
        match self.answer(request, peer).await {
            Ok(()) => success(),
            Err(refusal) => refuse(StatusCode::OK, &self.0.status(refusal, Code::Internal, peer)),
        }
    }
}

impl GrpcHandler {
    async fn answer(&self, request: Request<Incoming>, peer: Peer) -> Result<(), Refusal> {
        let GrpcHandler(intake) = self;
        let (head, body) = request.into_parts();
        let path = head.uri.path();
        let signal = signal_of(path).filter(|signal| intake.outputs.has(*signal));
        let signal = signal.ok_or_else(|| unknown(path))?;
        let mut context = intake.context(peer, &head);
        if let Some(timeout) = head.headers.get("grpc-timeout") {
            let timeout = timeout.to_str().ok().and_then(parse_grpc_timeout);
            let malformed = || Refused::new("malformed", Code::Internal, "malformed grpc-timeout");
            context = context.with_deadline(Instant::now() + timeout.ok_or_else(malformed)?);
        }
        let coding = grpc_coding(&head.headers)?;
        let message = read_grpc_message(body, coding, &intake.limits, || intake.admit(signal)).await?;
        let taken = intake.take(signal, Encoding::Protobuf, message, context).await;
        taken.map_err(|refusal| match refusal {
            Refusal::Invalid(error) => {
                Refusal::Invalid(format!("grpc: error unmarshalling request: {error}"))
            }
            other => other,
        })
    }
}

fn signal_of(path: &str) -> Option<SignalKind> {
    match path {
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export" => Some(SignalKind::Traces),
        "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export" => Some(SignalKind::Metrics),
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export" => Some(SignalKind::Logs),
        _ => None,
    }
}

fn unknown(path: &str) -> Refused {
    let path = path.strip_prefix('/').unwrap_or(path);
    let message = match path.rsplit_once('/') {
        Some((service, "Export")) => format!("unknown service {service}"),
        Some((service, method)) => format!("unknown method {method} for service {service}"),
        None => format!("malformed method name: \"{path}\""),
    };
    Refused::new("unserved", Code::Unimplemented, message)
}

/// An empty response message: nothing was rejected.
fn success() -> Response<Reply> {
    let trailers = Status::new(Code::Ok, "").to_grpc_headers();
    let mut response = Response::new(Reply::new(&[0; 5][..]).with_trailers(trailers));
    response.headers_mut().insert(header::CONTENT_TYPE, GRPC);
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
