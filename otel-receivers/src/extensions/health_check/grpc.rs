//! Answers of `grpc.health.v1.Health`.

use std::sync::Arc;

use http::{HeaderValue, Request, Response, header};
use hyper::body::Incoming;
use otel_core::component::Code;
use otel_core::net::{ByteBudget, Handler, Peer, ReadLimits, Reply, Status, grpc_coding, read_grpc_message};

use super::extension::State;

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const SERVING: u8 = 1;
const NOT_SERVING: u8 = 2;

/// Longest request, and all requests together: names of pipelines.
const LONGEST: usize = 4 << 10;
const BUDGET: usize = 1 << 20;

/// Answers `Check`.
#[derive(Clone)]
pub(super) struct GrpcHandler {
    state: Arc<State>,
    limits: ReadLimits,
}

impl GrpcHandler {
    pub(super) fn new(state: Arc<State>) -> Self {
        Self { state, limits: ReadLimits::new(LONGEST, ByteBudget::new(BUDGET)) }
    }

    async fn check(&self, request: Request<Incoming>) -> Result<u8, Status> {
        let path = request.uri().path();
        if path != "/grpc.health.v1.Health/Check" {
            return Err(Status::new(Code::Unimplemented, format!("unknown method {path}")));
        }
        let coding = grpc_coding(request.headers())?;
        let message = read_grpc_message(request.into_body(), coding, &self.limits, || Ok(())).await?;
        let service = service(&message.bytes)?;
        let pipeline = Some(service.as_str()).filter(|service| !service.is_empty());
        let health = self.state.health(pipeline);
        let health = health.ok_or_else(|| Status::new(Code::NotFound, "Service not found."))?;
        Ok(if health.http_status() == 200 { SERVING } else { NOT_SERVING })
    }
}

impl Handler for GrpcHandler {
    async fn handle(&self, request: Request<Incoming>, _peer: Peer) -> Response<Reply> {
        let mut response = match self.check(request).await {
            Ok(serving) => {
                // A message of two bytes: field 1, a varint.
                let body = vec![0, 0, 0, 0, 2, 0x08, serving];
                let trailers = Status::new(Code::Ok, "").to_grpc_headers();
                Response::new(Reply::new(body).with_trailers(trailers))
            }
            Err(status) => {
                let mut response = Response::new(Reply::default());
                *response.headers_mut() = status.to_grpc_headers();
                response
            }
        };
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
