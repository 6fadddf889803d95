//! Reading requests within bounds.

use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::gzip::{Gunzip, gunzip};
use super::{ByteBudget, Charge, Status};
use crate::component::Code;

/// After which clients that were refused for lack of room may come again.
const RETRY: Duration = Duration::from_secs(1);

/// Smaller messages are copied out of the connection's buffer, so that they do not keep it.
const SHARE_FROM: usize = 16 << 10;

/// What a server takes.
#[derive(Debug, Clone)]
pub struct ReadLimits {
    /// The longest message in bytes, as it comes and decompressed.
    pub message: usize,
    /// All messages together.
    pub budget: ByteBudget,
}

/// A message, which counts against the budget as long as this is held.
#[derive(Debug)]
pub struct Message {
    /// The message, decompressed.
    pub bytes: Bytes,
    /// What it costs.
    pub charge: Charge,
}

/// Whether a gRPC request is compressed with gzip, by its headers.
pub fn grpc_encoding(headers: &HeaderMap) -> Result<bool, Status> {
    match headers.get("grpc-encoding").map(HeaderValue::as_bytes) {
        None | Some(b"identity") => Ok(false),
        Some(b"gzip") => Ok(true),
        Some(other) => Err(Status::new(
            Code::Unimplemented,
            format!(
                "grpc: Decompressor is not installed for grpc-encoding \"{}\"",
                String::from_utf8_lossy(other)
            ),
        )),
    }
}

/// Reads the one message of a unary gRPC request.
pub async fn read_grpc_message(
    mut body: Incoming,
    gzip: bool,
    limits: &ReadLimits,
) -> Result<Message, Status> {
    let mut charge = limits.budget.open();
    let mut gathered = Gathered::default();
    let mut header: Option<(bool, usize)> = None;
    while let Some(data) = next_data(&mut body).await? {
        if !charge.add(data.len()) {
            return Err(no_room());
        }
        gathered.push(data, header.map_or(0, |(_, len)| len));
        if header.is_none() && gathered.len() >= 5 {
            let start = gathered.take_header();
            let len = u32::from_be_bytes([start[1], start[2], start[3], start[4]]) as usize;
            if len > limits.message {
                return Err(too_large(len, limits.message));
            }
            header = Some((is_compressed(start[0], gzip)?, len));
        }
        if header.is_some_and(|(_, len)| gathered.len() > len) {
            return Err(Status::new(Code::Internal, "grpc: more than one message in a unary request"));
        }
    }
    let Some((compressed, len)) = header else {
        return Err(Status::new(Code::Internal, "grpc: the request has no message"));
    };
    if gathered.len() < len {
        return Err(Status::new(Code::Internal, "grpc: the message ends early"));
    }
    let bytes = gathered.into_bytes();
    if !compressed {
        return Ok(Message { bytes, charge });
    }
    match gunzip(&bytes, limits.message, &mut charge) {
        Ok(plain) => {
            charge.give_back(bytes.len());
            Ok(Message { bytes: plain, charge })
        }
        Err(Gunzip::Broken(error)) => Err(Status::new(
            Code::Internal,
            format!("grpc: failed to decompress the received message: {error}"),
        )),
        Err(Gunzip::TooLarge) => Err(Status::new(
            Code::ResourceExhausted,
            format!("grpc: received message after decompression larger than max {}", limits.message),
        )),
        Err(Gunzip::NoRoom) => Err(no_room()),
    }
}

/// Reads the body of an HTTP request.
pub async fn read_http_body(
    headers: &HeaderMap,
    mut body: Incoming,
    limits: &ReadLimits,
) -> Result<Message, Status> {
    let bad = |message: &str| Status::new(Code::InvalidArgument, message);
    let encoding = headers.get(header::CONTENT_ENCODING).map_or(&b""[..], HeaderValue::as_bytes);
    let compressed = match encoding {
        b"" => false,
        b"gzip" => true,
        other => {
            let name = String::from_utf8_lossy(other);
            return Err(bad(&format!("unsupported Content-Encoding: {name}")));
        }
    };
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|len| len.to_str().ok()?.parse().ok());
    if announced.is_some_and(|len: usize| len > limits.message) {
        return Err(bad("http: request body too large"));
    }
    let mut charge = limits.budget.open();
    let mut gathered = Gathered::default();
    while let Some(data) = next_data(&mut body).await? {
        if gathered.len() + data.len() > limits.message {
            return Err(bad("http: request body too large"));
        }
        if !charge.add(data.len()) {
            return Err(no_room());
        }
        gathered.push(data, announced.unwrap_or(0));
    }
    let bytes = gathered.into_bytes();
    if !compressed {
        return Ok(Message { bytes, charge });
    }
    match gunzip(&bytes, limits.message, &mut charge) {
        Ok(plain) => {
            charge.give_back(bytes.len());
            Ok(Message { bytes: plain, charge })
        }
        Err(Gunzip::Broken(error)) => Err(bad(&error)),
        Err(Gunzip::TooLarge) => Err(bad("http: request body too large")),
        Err(Gunzip::NoRoom) => Err(no_room()),
    }
}

/// The next piece of a body; trailers are skipped.
async fn next_data(body: &mut Incoming) -> Result<Option<Bytes>, Status> {
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| Status::new(Code::Canceled, format!("the request broke off: {error}")))?;
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

fn is_compressed(flag: u8, gzip: bool) -> Result<bool, Status> {
    match flag {
        0 => Ok(false),
        1 if gzip => Ok(true),
        1 => Err(Status::new(Code::Internal, "grpc: compressed flag set with identity or empty encoding")),
        other => {
            Err(Status::new(Code::Internal, format!("grpc: received unexpected payload format {other}")))
        }
    }
}

fn too_large(len: usize, limit: usize) -> Status {
    Status::new(
        Code::ResourceExhausted,
        format!("grpc: received message larger than max ({len} vs. {limit})"),
    )
}

fn no_room() -> Status {
    Status::new(Code::ResourceExhausted, "too many bytes in flight").with_retry_after(RETRY)
}

/// Pieces that become one.
#[derive(Default)]
struct Gathered {
    first: Bytes,
    rest: BytesMut,
}

impl Gathered {
    fn len(&self) -> usize {
        self.first.len() + self.rest.len()
    }

    /// Appends a piece of what is expected to have `expected` bytes in the end. A claim about the length is only
    /// believed as far as bytes arrive.
    fn push(&mut self, piece: Bytes, expected: usize) {
        if self.len() == 0 {
            self.first = piece;
            return;
        }
        if self.rest.is_empty() {
            self.grow(piece.len(), expected);
            self.rest.extend_from_slice(&self.first);
            self.first = Bytes::new();
        } else if self.rest.capacity() - self.rest.len() < piece.len() {
            self.grow(piece.len(), expected);
        }
        self.rest.extend_from_slice(&piece);
    }

    fn grow(&mut self, more: usize, expected: usize) {
        let needed = self.len() + more;
        let room = expected.min(needed.saturating_mul(4).max(64 << 10)).max(needed);
        self.rest.reserve(room - self.rest.len());
    }

    /// Takes the header of a gRPC message, which is there.
    fn take_header(&mut self) -> [u8; 5] {
        let mut header = [0; 5];
        if self.rest.is_empty() {
            self.first.copy_to_slice(&mut header);
        } else {
            self.rest.copy_to_slice(&mut header);
        }
        header
    }

    fn into_bytes(self) -> Bytes {
        if !self.rest.is_empty() {
            self.rest.freeze()
        } else if self.first.len() < SHARE_FROM {
            Bytes::copy_from_slice(&self.first)
        } else {
            self.first
        }
    }
}
