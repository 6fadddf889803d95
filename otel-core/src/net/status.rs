//! Answers other than success, as `google.rpc.Status` carries them.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::component::{Code, ConsumeError};
use crate::pdata::wire::{RawFields, put_len_field, put_tag, put_varint, wire_type};

const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");

/// A code, a message for people, and where the server named one, the delay before which a retry is pointless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// What kind of failure.
    pub code: Code,
    /// What happened.
    pub message: String,
    /// `RetryInfo`.
    pub retry_after: Option<Duration>,
}

impl Status {
    /// A status without a delay.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: None }
    }

    /// The same with a delay.
    pub fn with_retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// The status with which a gRPC answer ends, from its headers or trailers.
    pub fn from_grpc_headers(headers: &HeaderMap) -> Option<Self> {
        let number = headers.get(GRPC_STATUS)?.to_str().ok().and_then(|text| text.parse().ok());
        let message =
            headers.get(GRPC_MESSAGE).map_or_else(String::new, |text| percent_decode(text.as_bytes()));
        let details = headers.get(GRPC_DETAILS).and_then(|text| decode_base64(text.as_bytes()));
        let retry_after = details.as_deref().and_then(|bytes| Self::decode(bytes).retry_after);
        Some(Self { code: number.map_or(Code::Unknown, Code::from_number), message, retry_after })
    }

    /// The headers with which a gRPC answer ends.
    pub fn to_grpc_headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(3);
        headers.insert(GRPC_STATUS, HeaderValue::from(self.code.number()));
        if !self.message.is_empty()
            && let Ok(message) = HeaderValue::from_str(&percent_encode(&self.message))
        {
            headers.insert(GRPC_MESSAGE, message);
        }
        if self.retry_after.is_some()
            && let Ok(details) = HeaderValue::from_str(&encode_base64(&self.encode()))
        {
            headers.insert(GRPC_DETAILS, details);
        }
        headers
    }

    /// The HTTP status of an OTLP/HTTP answer.
    pub fn http_status(&self) -> StatusCode {
        match self.code {
            Code::Canceled
            | Code::DeadlineExceeded
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unavailable
            | Code::DataLoss => StatusCode::SERVICE_UNAVAILABLE,
            Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
            Code::InvalidArgument => StatusCode::BAD_REQUEST,
            Code::Unauthenticated => StatusCode::UNAUTHORIZED,
            Code::PermissionDenied => StatusCode::FORBIDDEN,
            Code::Unimplemented => StatusCode::NOT_FOUND,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The `Retry-After` header of an OTLP/HTTP answer: whole seconds, rounded up.
    pub fn retry_after_header(&self) -> Option<(HeaderName, HeaderValue)> {
        let retryable =
            matches!(self.http_status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        let delay = self.retry_after.filter(|_| retryable)?;
        let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
        Some((header::RETRY_AFTER, HeaderValue::from(seconds)))
    }

    /// As a `google.rpc.Status` message.
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(self.message.len() + 80);
        if self.code != Code::Ok {
            put_tag(&mut out, 1, wire_type::VARINT);
            put_varint(&mut out, self.code.number() as u64);
        }
        if !self.message.is_empty() {
            put_len_field(&mut out, 2, self.message.as_bytes());
        }
        if let Some(delay) = self.retry_after {
            let mut duration = Vec::new();
            for (number, value) in [(1, delay.as_secs()), (2, u64::from(delay.subsec_nanos()))] {
                if value > 0 {
                    put_tag(&mut duration, number, wire_type::VARINT);
                    put_varint(&mut duration, value);
                }
            }
            let (mut info, mut any) = (Vec::new(), Vec::new());
            put_len_field(&mut info, 1, &duration);
            put_len_field(&mut any, 1, RETRY_INFO.as_bytes());
            put_len_field(&mut any, 2, &info);
            put_len_field(&mut out, 3, &any);
        }
        out.into()
    }

    /// Reads a `google.rpc.Status` message as far as it is one.
    pub fn decode(bytes: &[u8]) -> Self {
        let mut status = Self::new(Code::Ok, "");
        for field in RawFields::new(bytes) {
            match (field.number, field.wire) {
                (1, wire_type::VARINT) => status.code = Code::from_number(field.varint() as i32),
                (2, wire_type::LEN) => status.message = String::from_utf8_lossy(field.value).into_owned(),
                (3, wire_type::LEN) => status.retry_after = retry_info(field.value).or(status.retry_after),
                _ => {}
            }
        }
        status
    }

    /// As the JSON of a `google.rpc.Status`.
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::json!({ "code": self.code.number(), "message": self.message });
        if let Some(delay) = self.retry_after {
            let (seconds, nanos) = (delay.as_secs(), delay.subsec_nanos());
            let delay = if nanos == 0 { format!("{seconds}s") } else { format!("{seconds}.{nanos:09}s") };
            json["details"] = serde_json::json!([{ "@type": RETRY_INFO, "retryDelay": delay }]);
        }
        json.to_string().into_bytes()
    }
}

/// What the pipeline says, for a client: its own code, or INTERNAL for what is permanent, else UNAVAILABLE.
impl From<&ConsumeError> for Status {
    fn from(error: &ConsumeError) -> Self {
        let otherwise = if error.is_permanent() { Code::Internal } else { Code::Unavailable };
        let code = error.code().filter(|code| *code != Code::Ok).unwrap_or(otherwise);
        Self { code, message: error.to_string(), retry_after: error.retry_after() }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rpc error: code = {} desc = {}", self.code.as_str(), self.message)
    }
}

impl std::error::Error for Status {}

/// The delay of an `Any` that holds a `RetryInfo`.
fn retry_info(any: &[u8]) -> Option<Duration> {
    let find = |bytes, number| {
        RawFields::new(bytes)
            .filter(move |field| field.number == number && field.wire == wire_type::LEN)
            .last()
    };
    let name = find(any, 1)?.value;
    if !name.ends_with(b"/google.rpc.RetryInfo") {
        return None;
    }
    let duration = find(find(any, 2)?.value, 1)?.value;
    let mut delay = Duration::ZERO;
    for field in RawFields::new(duration).filter(|field| field.wire == wire_type::VARINT) {
        match field.number {
            1 => delay += Duration::from_secs(u64::try_from(field.varint() as i64).unwrap_or(0).min(1 << 32)),
            2 => delay += Duration::from_nanos(u64::from(field.varint() as u32).min(999_999_999)),
            _ => {}
        }
    }
    Some(delay)
}

fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => out.push(char::from(byte)),
            _ => {
                let hex = |half: u8| char::from(b"0123456789ABCDEF"[usize::from(half)]);
                out.extend(['%', hex(byte >> 4), hex(byte & 15)]);
            }
        }
    }
    out
}

pub(super) fn percent_decode(text: &[u8]) -> String {
    let hex = |at: usize| text.get(at).and_then(|digit| char::from(*digit).to_digit(16));
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        if let (b'%', Some(high), Some(low)) = (byte, hex(at + 1), hex(at + 2)) {
            out.push((high << 4 | low) as u8);
            at += 3;
        } else {
            out.push(*byte);
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn encode_base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD_NO_PAD.encode(bytes)
}

/// Binary headers come with and without padding.
fn decode_base64(text: &[u8]) -> Option<Vec<u8>> {
    use base64::Engine as _;
    let end = text.iter().rposition(|byte| *byte != b'=').map_or(0, |at| at + 1);
    base64::engine::general_purpose::STANDARD_NO_PAD.decode(&text[..end]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_survives_its_headers() {
        let status = Status::new(Code::ResourceExhausted, "later, 100 % später\n")
            .with_retry_after(Duration::from_millis(1500));
        assert_eq!(Status::from_grpc_headers(&status.to_grpc_headers()), Some(status.clone()));
        assert_eq!(Status::decode(&status.encode()), status);
    }

    #[test]
    fn garbage_is_an_unknown_status_without_a_delay() {
        let mut headers = HeaderMap::new();
        assert_eq!(Status::from_grpc_headers(&headers), None);
        headers.insert(GRPC_STATUS, HeaderValue::from_static("x"));
        headers.insert(GRPC_DETAILS, HeaderValue::from_static("/////w"));
        assert_eq!(Status::from_grpc_headers(&headers), Some(Status::new(Code::Unknown, "")));
    }

    #[test]
    fn the_json_is_that_of_the_status_message() {
        let status = Status::new(Code::Unavailable, "no \"room\"");
        assert_eq!(status.to_json(), br#"{"code":14,"message":"no \"room\""}"#);
        let json = String::from_utf8(status.with_retry_after(Duration::from_secs(1)).to_json()).unwrap();
        assert!(json.contains(r#""retryDelay":"1s""#), "{json}");
    }

    #[test]
    fn the_pipelines_errors_map_to_codes() {
        for (error, code, http) in [
            (ConsumeError::permanent("x"), Code::Internal, 500),
            (ConsumeError::retryable("x"), Code::Unavailable, 503),
            (ConsumeError::permanent("x").with_code(Code::InvalidArgument), Code::InvalidArgument, 400),
            (ConsumeError::retryable("x").with_code(Code::ResourceExhausted), Code::ResourceExhausted, 429),
            (ConsumeError::permanent("x").with_code(Code::Unauthenticated), Code::Unauthenticated, 401),
            (ConsumeError::permanent("x").with_code(Code::PermissionDenied), Code::PermissionDenied, 403),
            (ConsumeError::permanent("x").with_code(Code::Unimplemented), Code::Unimplemented, 404),
            (ConsumeError::retryable("x").with_code(Code::DataLoss), Code::DataLoss, 503),
            (ConsumeError::permanent("x").with_code(Code::Ok), Code::Internal, 500),
        ] {
            let status = Status::from(&error);
            assert_eq!((status.code, status.http_status().as_u16()), (code, http));
        }
    }
}
