//! Answers of `grpc.health.v1.Health`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use http::{HeaderValue, Request, Response, header};
use hyper::body::Incoming;
use otel_core::component::Code;
use otel_core::net::{ByteBudget, Handler, Peer, ReadLimits, Reply, Status, grpc_coding, read_grpc_message};
use tokio::time::timeout;

use super::extension::{Change, State};

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const SERVING: u8 = 1;
const NOT_SERVING: u8 = 2;
const SERVICE_UNKNOWN: u8 = 3;

/// How often a watched service is looked at when no status changes: time alone turns an error into a failure.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Longest request, and all requests together: names of pipelines.
const LONGEST: usize = 4 << 10;
const BUDGET: usize = 1 << 20;

/// Answers `Check` and `Watch`.
#[derive(Clone)]
pub(super) struct GrpcHandler {
    state: Arc<State>,
    limits: ReadLimits,
}

impl GrpcHandler {
    pub(super) fn new(state: Arc<State>) -> Self {
        Self { state, limits: ReadLimits::new(LONGEST, ByteBudget::new(BUDGET)) }
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Reply>, Status> {
        let watch = match request.uri().path() {
            "/grpc.health.v1.Health/Check" => false,
            "/grpc.health.v1.Health/Watch" => true,
            path => return Err(Status::new(Code::Unimplemented, format!("unknown method {path}"))),
        };
        let coding = grpc_coding(request.headers())?;
        let message = read_grpc_message(request.into_body(), coding, &self.limits, || Ok(())).await?;
        let service = service(&message.bytes)?;
        if watch {
            let trailers = Status::new(Code::Canceled, "Server shutting down.").to_grpc_headers();
            return Ok(Response::new(Reply::streaming(self.watch(service)).with_trailers(trailers)));
        }
        match self.state.serving(&service) {
            SERVICE_UNKNOWN => Err(Status::new(Code::NotFound, "Service not found.")),
            serving => {
                let trailers = Status::new(Code::Ok, "").to_grpc_headers();
                Ok(Response::new(Reply::new(response(serving)).with_trailers(trailers)))
            }
        }
    }

    /// How a service does, at once and whenever that changes, until the extension stops.
    fn watch(&self, service: String) -> impl Stream<Item = Bytes> + Send + use<> {
        let (state, changes) = (Arc::clone(&self.state), self.state.changes());
        stream::unfold((changes, None), move |(mut changes, mut told)| {
            let (state, service) = (Arc::clone(&state), service.clone());
            async move {
                loop {
                    if *changes.borrow_and_update() == Change::Stopping {
                        return None;
                    }
                    let serving = state.serving(&service);
                    if told.replace(serving) != Some(serving) {
                        return Some((Bytes::from(response(serving)), (changes, told)));
                    }
                    // Late is as good as changed, and the sender lives as long as the state.
                    let _ = timeout(LOOK_AGAIN, changes.changed()).await;
                }
            }
        })
    }
}

impl State {
    fn serving(&self, service: &str) -> u8 {
        match self.health(Some(service).filter(|service| !service.is_empty())) {
            None => SERVICE_UNKNOWN,
            Some(health) if health.http_status() == 200 => SERVING,
            Some(_) => NOT_SERVING,
        }
    }
}

/// A message of two bytes: field 1, a varint.
fn response(serving: u8) -> Vec<u8> {
    vec![0, 0, 0, 0, 2, 0x08, serving]
}

impl Handler for GrpcHandler {
    async fn handle(&self, request: Request<Incoming>, _peer: Peer) -> Response<Reply> {
        let mut response = self.answer(request).await.unwrap_or_else(|status| {
            let mut response = Response::new(Reply::default());
            *response.headers_mut() = status.to_grpc_headers();
            response
        });
        response.headers_mut().insert(header::CONTENT_TYPE, GRPC);
        response
    }
}

/// The one field of a `HealthCheckRequest`, a string; fields that it may get one day are skipped as long as they are
/// texts or messages too.
fn service(mut message: &[u8]) -> Result<String, Status> {
    let broken = || Status::new(Code::Internal, "grpc: error unmarshalling request");
    let mut service = String::new();
    while let [tag, rest @ ..] = message {
        let (&len, rest) = rest.split_first().ok_or_else(broken)?;
        // Longer names than 127 bytes take a second byte.
        let (len, rest) = match (len < 0x80, rest.split_first()) {
            (true, _) => (usize::from(len), rest),
            (false, Some((&more, rest))) if more < 0x80 => {
                (usize::from(len & 0x7f) | usize::from(more) << 7, rest)
            }
            (false, _) => return Err(broken()),
        };
        let (text, after) = rest.split_at_checked(len).ok_or_else(broken)?;
        match tag {
            0x0a => service = String::from_utf8(text.to_vec()).map_err(|_| broken())?,
            tag if tag & 7 == 2 && *tag < 0x80 => {}
            _ => return Err(broken()),
        }
        message = after;
    }
    Ok(service)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_a_service_or_none() {
        assert_eq!(service(b"").unwrap(), "");
        assert_eq!(service(b"\x0a\x06traces").unwrap(), "traces");
        assert_eq!(service(b"\x12\x01x\x0a\x01y").unwrap(), "y");
        let long = "x".repeat(300);
        let message = [&[0x0a, 0xac, 0x02][..], long.as_bytes()].concat();
        assert_eq!(service(&message).unwrap(), long);
        for broken in [&b"\x0a"[..], b"\x0a\x02x", b"\x08\x01", b"\x0a\x01\xff", b"\x0a\x80\x80\x01"] {
            assert_eq!(service(broken).unwrap_err().code, Code::Internal, "{broken:?}");
        }
    }
}
