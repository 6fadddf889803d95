//! OTLP/JSON, straight between text and wire bytes: [`Signal::from_json`](super::Signal::from_json) and
//! [`Signal::to_json`](super::Signal::to_json).
//!
//! ```
//! use otel_core::pdata::{Signal, Traces};
//!
//! let text = br#"{"resourceSpans": [{"scopeSpans": [{"spans": [
//!     {"name": "checkout", "kind": "SPAN_KIND_SERVER", "startTimeUnixNano": 1790000000000000000}
//! ]}]}]}"#;
//! let traces = Traces::from_json(text)?;
//! assert_eq!(traces.items(), 1);
//!
//! let mut out = Vec::new();
//! traces.to_json(&mut out);
//! let expected = concat!(
//!     r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"checkout","kind":2,"#,
//!     r#""startTimeUnixNano":"1790000000000000000","status":{}}],"scope":{}}],"resource":{}}]}"#,
//! );
//! assert_eq!(String::from_utf8(out).unwrap(), expected);
//!
//! let error = Traces::from_json(br#"{"resourceSpans": [{"scopeSpans": 1}]}"#).unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "expected a list, found a number at resourceSpans[0].scopeSpans (line 1, column 35)"
//! );
//! # Ok::<(), otel_core::pdata::json::InvalidJson>(())
//! ```
//!
//! # Reading
//! - Identifiers are hexadecimal, in either case, of the right length or empty.
//! - Names are in camel case or in snake case. Unknown ones are skipped, but have to hold valid JSON.
//! - Enumerations are numbers or names; an unknown name is an error, an unknown number is kept.
//! - Integers are numbers or strings and have to fit their type exactly. Bytes are base64 in either alphabet, padded
//!   or not.
//! - Doubles are numbers or strings. What is not a number is a word in a string: `"NaN"`, `"Infinity"`, `"-Infinity"`,
//!   and, as the Go collector takes them, the short `"inf"`, a sign, and any case. The bare words are not JSON and
//!   refused, and so is a number beyond the range, such as `1e999`, which is not infinite.
//! - `null` is the same as absence; in a list of messages or strings it is an empty one.
//! - A name that is given twice: the later value counts, lists are appended to each other, messages are merged;
//!   of several members of a oneof only the last one is kept.
//! - `instrumentationLibrarySpans` and its like of early OTLP are read as scopes where a group has no others.
//! - Half of a surrogate pair becomes U+FFFD. Anything else that is not JSON in UTF-8 is an error, and so are
//!   messages nested in more than 100 others.
//!
//! Where the Go collector is stricter: it refuses URL-safe base64, integers such as `1.0` and enumerations as numbers
//! in strings. Where it is laxer: it lets through whatever follows the request, takes `null` in a oneof for its
//! empty value, and reads hexadecimal doubles and `_` between digits in strings. It does not read the scopes of early OTLP from JSON, and takes identifiers of zeros for absent.
//!
//! # Writing
//! Identifiers are in lower case, 64-bit integers are strings, enumerations are numbers, doubles are numbers or
//! `"NaN"`, `"Infinity"` and `"-Infinity"`. Zeros and empty lists
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
