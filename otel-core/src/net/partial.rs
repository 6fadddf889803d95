//! What an OTLP server says beside its success.

use serde_json::Value;

use crate::pdata::wire::{RawFields, wire_type};

/// The partial success of an export response.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartialSuccess {
    /// Items that the server did not take.
    pub rejected: u64,
    /// Why, or a warning where nothing was rejected.
    pub message: String,
}

/// An answer that is no export response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("error parsing {0} response")]
pub struct UnreadableResponse(&'static str);

impl PartialSuccess {
    /// The partial success of an encoded export response of any signal, where it says something.
    pub fn of_response(response: &[u8]) -> Option<Self> {
        let mut partial = Self::default();
        for field in
            RawFields::new(response).filter(|field| (field.number, field.wire) == (1, wire_type::LEN))
        {
            for field in RawFields::new(field.value) {
                match (field.number, field.wire) {
                    (1, wire_type::VARINT) => {
                        partial.rejected = u64::try_from(field.varint() as i64).unwrap_or(0);
                    }
                    (2, wire_type::LEN) => {
                        partial.message = String::from_utf8_lossy(field.value).into_owned();
                    }
                    _ => {}
                }
            }
        }
        partial.telling()
    }

    /// The same of an answer over HTTP, where a body that cannot be read tells that no collector answered.
    pub fn of_protobuf(response: &[u8]) -> Result<Option<Self>, UnreadableResponse> {
        let whole = |bytes: &[u8]| RawFields::new(bytes).last().map_or(0, |field| field.end) == bytes.len();
        let mut partials = RawFields::new(response).filter(|field| field.number == 1);
        if whole(response) && partials.all(|field| field.wire == wire_type::LEN && whole(field.value)) {
            Ok(Self::of_response(response))
        } else {
            Err(UnreadableResponse("protobuf"))
        }
    }

    /// The partial success of a response in JSON.
    pub fn of_json(response: &[u8]) -> Result<Option<Self>, UnreadableResponse> {
        let unreadable = UnreadableResponse("json");
        let value: Value = serde_json::from_slice(response).map_err(|_| unreadable.clone())?;
        let response = value.as_object().ok_or(unreadable)?;
        let field = |camel: &str, snake: &str| {
            let partial = response.get("partialSuccess").or_else(|| response.get("partial_success"))?;
            partial.get(camel).or_else(|| partial.get(snake))
        };
        let rejected = [
            ("rejectedSpans", "rejected_spans"),
            ("rejectedDataPoints", "rejected_data_points"),
            ("rejectedLogRecords", "rejected_log_records"),
        ];
        let rejected = rejected.into_iter().find_map(|(camel, snake)| field(camel, snake));
        let rejected = rejected.and_then(|count| count.as_u64().or_else(|| count.as_str()?.parse().ok()));
        let message = field("errorMessage", "error_message").and_then(Value::as_str);
        let partial =
            Self { rejected: rejected.unwrap_or_default(), message: message.unwrap_or_default().to_owned() };
        Ok(partial.telling())
    }

    fn telling(self) -> Option<Self> {
        (self != Self::default()).then_some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_says_something_is_a_partial_success() {
        for nothing in [&b""[..], &[0x0a, 0], &[0x0a, 2, 8, 0], b"\xff\xff garbage"] {
            assert_eq!(PartialSuccess::of_response(nothing), None);
        }
        let told = PartialSuccess { rejected: 3, message: "no".to_owned() };
        assert_eq!(PartialSuccess::of_response(b"\x0a\x06\x08\x03\x12\x02no"), Some(told.clone()));
        assert_eq!(PartialSuccess::of_protobuf(b"\x0a\x06\x08\x03\x12\x02no"), Ok(Some(told.clone())));
        for json in [
            r#"{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"no"}}"#,
            r#"{"partial_success":{"rejected_spans":3,"error_message":"no"}}"#,
        ] {
            assert_eq!(PartialSuccess::of_json(json.as_bytes()), Ok(Some(told.clone())));
        }
    }

    #[test]
    fn what_is_no_response_is_told_where_it_matters() {
        for nothing in [&b""[..], &[0x0a, 0], &[0x0a, 2, 8, 0]] {
            assert_eq!(PartialSuccess::of_protobuf(nothing), Ok(None));
        }
        for garbage in [&b"garbage"[..], b"\x0a\x06\x08", b"\x08\x01", b"<html>"] {
            assert!(PartialSuccess::of_protobuf(garbage).is_err(), "{garbage:?}");
            assert!(PartialSuccess::of_json(garbage).is_err(), "{garbage:?}");
        }
        assert_eq!(PartialSuccess::of_json(b"{}"), Ok(None));
        assert_eq!(PartialSuccess::of_json(br#"{"partialSuccess":{}}"#), Ok(None));
    }
}
