//! What validation says of bytes that it refuses or mends.

use std::error::Error;
use std::fmt;

use super::fault::{Fault, Reason};
use super::path;
use crate::pdata::schema::Message;

/// Bytes that are not a valid request: what is wrong, where in the message, and at which byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidData {
    reason: String,
    path: String,
    offset: usize,
    utf8: bool,
}

impl InvalidData {
    /// Looks up the path of a fault that the walk found in `request`.
    #[cold]
    pub(super) fn new(schema: &'static Message, request: &[u8], fault: Fault) -> Self {
        Self {
            reason: fault.reason.to_string(),
            path: path::of(schema, request, fault),
            offset: fault.offset,
            utf8: fault.reason == Reason::Utf8,
        }
    }

    /// What is wrong, without the place.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The field concerned, such as `resource_spans[0].scope_spans[2].spans[17].attributes[3].value`. Empty for
    /// the request itself. A field that the schema does not know has its number: `field_99`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Offset in bytes from the start of the request.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Whether nothing is wrong but strings that are not UTF-8, so that the repairing constructor takes the
    /// request. Whatever else is wrong is reported first.
    pub fn is_invalid_utf8(&self) -> bool {
        self.utf8
    }
}

impl fmt::Display for InvalidData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        if !self.path.is_empty() {
            write!(f, " at {}", self.path)?;
        }
        write!(f, " (byte {})", self.offset)
    }
}

impl Error for InvalidData {}

/// What the repairing constructor changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repaired {
    /// Strings in which something was replaced.
    pub strings: usize,
}
