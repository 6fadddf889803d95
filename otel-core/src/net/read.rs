//! Reading requests within bounds.

use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout, timeout_at};

use super::{ByteBudget, Charge, Coding, Status, Undecodable, decompress};
use crate::component::{Code, ConsumeError};

/// After which clients that were refused for lack of room may come again.
const RETRY: Duration = Duration::from_secs(1);

/// Smaller messages are copied out of the connection's buffer, so that they do not keep it.
const SHARE_FROM: usize = 16 << 10;

/// How often, in bytes, a body that is being read is asked whether it may go on.
const ADMIT_EVERY: usize = 64 << 10;

/// How long any body may take to come.
const BODY_TIME: Duration = Duration::from_secs(60);
/// For so many bytes of it that have come it may take a second more: what is slower than a modem only holds the budget.
const BODY_BYTES_A_SECOND: usize = 4 << 10;

const GRPC_HEADER: usize = 5;
const TOO_LARGE: &str = "http: request body too large";

/// Headers of fewer bytes are not charged for.
const SHORT_HEADERS: usize = 4 << 10;

/// What is still read of a body that is refused, and for how long at most.
const DISCARD: usize = 64 << 20;
const DISCARD_FOR: Duration = Duration::from_secs(1);

/// What a server takes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReadLimits {
    /// The longest message in bytes, as it comes and decompressed.
    pub message: usize,
    /// All messages together.
    pub budget: ByteBudget,
    /// How long a message may take to come; zero for no bound.
    pub time: Duration,
}

/// A message, which counts against the budget as long as this is held.
#[derive(Debug)]
pub struct Message {
    /// The message, decompressed.
    pub bytes: Bytes,
    /// What it costs.
    pub charge: Charge,
}

/// A request that is not read, or not to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// What the client is told.
    pub status: Status,
    /// A short constant by which such requests are counted.
    pub reason: &'static str,
}

impl ReadLimits {
    /// Limits without a bound on time.
    pub fn new(message: usize, budget: ByteBudget) -> Self {
        Self { message, budget, time: Duration::ZERO }
    }

    /// Charges for the headers of a request, which are held as long as it lasts, where they are long.
    pub fn charge_headers(&self, headers: &HeaderMap) -> Result<Charge, Refused> {
        let mut charge = self.budget.open();
        let long = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len();
        let bytes: usize = headers.iter().map(long).sum();
        if bytes < SHORT_HEADERS || charge.add(bytes) { Ok(charge) } else { Err(Refused::no_room()) }
    }
}

impl Refused {
    /// A refusal for a reason such as `too_large`.
    pub fn new(reason: &'static str, code: Code, message: impl Into<String>) -> Self {
        Self { status: Status::new(code, message), reason }
    }

    fn no_room() -> Self {
        let status = Status::new(Code::ResourceExhausted, "too many bytes in flight");
        Self { status: status.with_retry_after(RETRY), reason: "no_room" }
    }

    fn late(code: Code) -> Self {
        Self::new("timeout", code, "i/o timeout")
    }

    fn too_large(code: Code, message: impl Into<String>) -> Self {
        Self::new("too_large", code, message)
    }
}

impl From<&ConsumeError> for Refused {
    fn from(error: &ConsumeError) -> Self {
        Self { status: Status::from(error), reason: error.reason() }
    }
}

impl From<Refused> for Status {
    fn from(refused: Refused) -> Self {
        refused.status
    }
}

/// Reads the one message of a unary gRPC request, which is compressed, where it is, as its headers say. `admit` is
/// asked before anything is read, and again and again while the message comes, so that what nobody will take is not
/// gathered.
pub async fn read_grpc_message(
    mut body: Incoming,
    coding: Option<Coding>,
    limits: &ReadLimits,
    admit: impl Fn() -> Result<(), Refused> + Sync,
) -> Result<Message, Refused> {
    let mut doorkeeper = Doorkeeper::new(&limits.budget, GRPC_HEADER, admit)?;
    let malformed = |message: &str| Refused::new("malformed", Code::Internal, message);
    let mut gathered = Gathered::default();
    let mut header: Option<(bool, usize)> = None;
    let mut pace = Pace::new(Code::DeadlineExceeded);
    while let Some(data) = pace.next_data(&mut body).await? {
        doorkeeper.let_in(data.len())?;
        gathered.push(data, header.map_or(0, |(_, len)| len));
        if header.is_none() && gathered.len() >= GRPC_HEADER {
            let start = gathered.take_header();
            let len = u32::from_be_bytes([start[1], start[2], start[3], start[4]]) as usize;
            if len > limits.message {
                let message =
                    format!("grpc: received message larger than max ({len} vs. {})", limits.message);
                return Err(Refused::too_large(Code::ResourceExhausted, message));
            }
            if !limits.budget.fits(len.saturating_sub(gathered.len())) {
                return Err(Refused::no_room());
            }
            header = Some((is_compressed(start[0], coding.is_some())?, len));
        }
        if header.is_some_and(|(_, len)| gathered.len() > len) {
            return Err(malformed("grpc: more than one message in a unary request"));
        }
    }
    let Some((compressed, len)) = header else {
        return Err(malformed("grpc: the request has no message"));
    };
    if gathered.len() < len {
        return Err(malformed("grpc: the message ends early"));
    }
    let (bytes, charge) = (gathered.into_bytes(), doorkeeper.charge);
    let Some(coding) = coding.filter(|_| compressed) else { return Ok(Message { bytes, charge }) };
    unpack(coding, &bytes, charge, limits).map_err(|error| match error {
        Undecodable::Broken(error) => {
            let message = format!("grpc: failed to decompress the received message: {error}");
            Refused::new("encoding", Code::Internal, message)
        }
        Undecodable::TooLarge => {
            let message =
                format!("grpc: received message after decompression larger than max {}", limits.message);
            Refused::too_large(Code::ResourceExhausted, message)
        }
        Undecodable::NoRoom => Refused::no_room(),
    })
}

/// Reads the body of an HTTP request, which is compressed, where it is, as its headers say. `admit` is asked as by
/// [`read_grpc_message`].
pub async fn read_http_body(
    headers: &HeaderMap,
    mut body: Incoming,
    coding: Option<Coding>,
    limits: &ReadLimits,
    admit: impl Fn() -> Result<(), Refused> + Sync,
) -> Result<Message, Refused> {
    let read = read_plain(headers, &mut body, limits, admit);
    let read = if limits.time.is_zero() {
        read.await
    } else {
        timeout(limits.time, read).await.unwrap_or_else(|_| Err(Refused::late(Code::InvalidArgument)))
    };
    let Message { bytes, charge } = match read {
        Ok(message) => message,
        Err(refused) => {
            // A client that is still sending might not look at the answer before its connection breaks.
            let _ = timeout(DISCARD_FOR, discard(&mut body)).await;
            return Err(refused);
        }
    };
    let Some(coding) = coding else { return Ok(Message { bytes, charge }) };
    unpack(coding, &bytes, charge, limits).map_err(|error| match error {
        Undecodable::Broken(error) => Refused::new("encoding", Code::InvalidArgument, error),
        Undecodable::TooLarge => Refused::too_large(Code::InvalidArgument, TOO_LARGE),
        Undecodable::NoRoom => Refused::no_room(),
    })
}

/// The body as it comes.
async fn read_plain(
    headers: &HeaderMap,
    body: &mut Incoming,
    limits: &ReadLimits,
    admit: impl Fn() -> Result<(), Refused> + Sync,
) -> Result<Message, Refused> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|len| len.to_str().ok()?.parse().ok());
    if announced.is_some_and(|len: usize| len > limits.message) {
        return Err(Refused::too_large(Code::InvalidArgument, TOO_LARGE));
    }
    let announced = announced.unwrap_or(0);
    let mut doorkeeper = Doorkeeper::new(&limits.budget, announced.max(1), admit)?;
    let mut gathered = Gathered::default();
    let mut pace = Pace::new(Code::InvalidArgument);
    while let Some(data) = pace.next_data(body).await? {
        if gathered.len() + data.len() > limits.message {
            return Err(Refused::too_large(Code::InvalidArgument, TOO_LARGE));
        }
        doorkeeper.let_in(data.len())?;
        gathered.push(data, announced);
    }
    Ok(Message { bytes: gathered.into_bytes(), charge: doorkeeper.charge })
}

/// Decompresses a message, whose own bytes are given back.
fn unpack(
    coding: Coding,
    packed: &[u8],
    mut charge: Charge,
    limits: &ReadLimits,
) -> Result<Message, Undecodable> {
    let bytes = decompress(coding, packed, limits.message, &mut charge)?;
    charge.give_back(packed.len());
    Ok(Message { bytes, charge })
}

async fn discard(body: &mut Incoming) {
    let mut left = DISCARD;
    while let Ok(Some(data)) = next_data(body).await {
        left = left.saturating_sub(data.len());
        if left == 0 {
            return;
        }
    }
}

/// The next piece of a body; trailers are skipped.
async fn next_data(body: &mut Incoming) -> Result<Option<Bytes>, Refused> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            Refused::new("broken_off", Code::Canceled, format!("the request broke off: {error}"))
        })?;
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

fn is_compressed(flag: u8, encoded: bool) -> Result<bool, Refused> {
    let malformed = |message| Err(Refused::new("malformed", Code::Internal, message));
    match flag {
        0 => Ok(false),
        1 if encoded => Ok(true),
        1 => malformed("grpc: compressed flag set with identity or empty encoding".to_owned()),
        other => malformed(format!("grpc: received unexpected payload format {other}")),
    }
}

/// Lets bytes in while there is room for them and somebody would take them.
struct Doorkeeper<A> {
    admit: A,
    charge: Charge,
    /// Bytes since the last question.
    unasked: usize,
}

impl<A: Fn() -> Result<(), Refused>> Doorkeeper<A> {
    /// Nobody gets in where there is no room for `least` bytes.
    fn new(budget: &ByteBudget, least: usize, admit: A) -> Result<Self, Refused> {
        admit()?;
        if !budget.fits(least) {
            return Err(Refused::no_room());
        }
        Ok(Self { admit, charge: budget.open(), unasked: 0 })
    }

    fn let_in(&mut self, bytes: usize) -> Result<(), Refused> {
        self.unasked += bytes;
        if self.unasked >= ADMIT_EVERY {
            self.unasked = 0;
            (self.admit)()?;
        }
        if self.charge.add(bytes) { Ok(()) } else { Err(Refused::no_room()) }
    }
}

/// Sees to it that a body comes.
struct Pace {
    began: Instant,
    bytes: usize,
    /// What a client is told that is too slow.
    code: Code,
}

impl Pace {
    fn new(code: Code) -> Self {
        Self { began: Instant::now(), bytes: 0, code }
    }

    /// The next piece, if it comes in time.
    async fn next_data(&mut self, body: &mut Incoming) -> Result<Option<Bytes>, Refused> {
        let more = Duration::from_secs((self.bytes / BODY_BYTES_A_SECOND) as u64);
        let data = timeout_at(self.began + BODY_TIME + more, next_data(body)).await;
        let data = data.unwrap_or_else(|_| Err(Refused::late(self.code)))?;
        self.bytes += data.as_ref().map_or(0, Bytes::len);
        Ok(data)
    }
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
