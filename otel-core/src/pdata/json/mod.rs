//! OTLP/JSON, straight between text and wire bytes: [`Signal::from_json`](super::Signal::from_json) and
//! [`Signal::to_json`](super::Signal::to_json).
//!
//! # Reading
//! - Identifiers are hexadecimal, in either case, of the right length or empty.
//! - Names are in camel case or in snake case. Unknown ones are skipped, but have to hold valid JSON.
//! - Enumerations are numbers or names; an unknown name is an error, an unknown number is kept.
//! - Integers are numbers or strings and have to fit their type exactly; doubles are numbers or strings, `NaN`,
//!   `Infinity` and `-Infinity` included. Bytes are base64 in either alphabet, padded or not.
//! - `null` is the same as absence; in a list of messages it is an empty message.
//! - A name that is given twice: the later value counts, lists are appended to each other, messages are merged;
//!   of several members of a oneof only the last one is kept.
//! - `instrumentationLibrarySpans` and its like of early OTLP are read as scopes where a group has no others.
//! - Half of a surrogate pair becomes U+FFFD. Anything else that is not JSON in UTF-8 is an error, and so are
//!   messages nested in more than 100 others.
//!
//! Where the Go collector is stricter: it refuses URL-safe base64, integers such as `1.0` and enumerations as numbers
//! in strings. Where it is laxer: it lets through whatever follows the request, and takes `null` in a oneof for its
//! empty value. It does not read the scopes of early OTLP from JSON, and takes identifiers of zeros for absent.
//!
//! # Writing
//! Identifiers are in lower case, 64-bit integers are strings, enumerations are numbers. Zeros and empty lists
//! are left out where absence means the same, but messages that OTLP thinks of as always there are written, as
//! the Go collector does: `"resource":{}`, `"scope":{}`, `"status":{}`, `"value":{}`, `"body":{}`. Unknown fields
//! have no name and are left out.

mod error;
mod number;
mod pair;
mod plain;
mod read;
mod scan;
mod sink;
mod text;
mod write;

#[cfg(test)]
mod tests;

pub use error::InvalidJson;
pub(super) use read::read;
pub(super) use write::write;
