//! What validation says of bytes that it refuses or mends.

use std::error::Error;
use std::fmt;

/// Bytes that are not a valid request: what is wrong, where in the message, and at which byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidData {
    reason: String,
    path: String,
    offset: usize,
    utf8: bool,
}

impl InvalidData {
    /// What is wrong, without the place.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The field concerned, such as `resource_spans[0].scope_spans[2].spans[17].attributes[3].value`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Offset in bytes from the start of the request.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Whether the only thing wrong at this place is a string that is not UTF-8.
    pub fn is_invalid_utf8(&self) -> bool {
        self.utf8
    }
}

impl fmt::Display for InvalidData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {} (byte {})", self.reason, self.path, self.offset)
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
