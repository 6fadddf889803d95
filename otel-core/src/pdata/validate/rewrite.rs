//! From bytes to a payload.

use bytes::Bytes;

use super::error::{InvalidData, Repaired};
use super::fault::{Fault, Reason};
use super::walk;
use crate::pdata::payload::Payload;
use crate::pdata::schema::Message;

/// Validates a request of the given shape.
pub(crate) fn validate(schema: &'static Message, bytes: Bytes) -> Result<Payload, InvalidData> {
    let findings = walk::request(schema, &bytes).map_err(|fault| InvalidData::new(schema, &bytes, *fault))?;
    if let Some(offset) = findings.broken {
        return Err(InvalidData::new(schema, &bytes, Fault { reason: Reason::Utf8, offset }));
    }
    Ok(Payload::from_segment(bytes, findings.items))
}

/// As [`validate`], with broken UTF-8 replaced.
pub(crate) fn validate_repairing(
    schema: &'static Message,
    bytes: Bytes,
) -> Result<(Payload, Repaired), InvalidData> {
    validate(schema, bytes).map(|payload| (payload, Repaired::default()))
}
