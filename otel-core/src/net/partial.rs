//! What an OTLP server says beside its success.

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
        (partial != Self::default()).then_some(partial)
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
        assert_eq!(PartialSuccess::of_response(b"\x0a\x06\x08\x03\x12\x02no"), Some(told));
    }
}
