//! Validation of wire bytes, the one place where they are not trusted.
//!
//! [`walk`] decides in one pass, with its halves [`quick`] and [`careful`]; [`rewrite`] mends and normalises the few resource groups that need
//! it, [`tidy`] without what other readers refuse. What it accepts is what prost decodes, but for the lengths of ids, which prost does not check, and for
//! string-table references and `instrumentation_library_*`, which this schema has as unknown fields.

mod careful;
mod error;
mod fault;
mod masks;
mod merge;
mod path;
mod plan;
#[cfg(all(test, feature = "testing"))]
mod properties;
mod quick;
mod repair;
mod rewrite;
#[cfg(test)]
mod tests;
mod tidy;
mod walk;

pub use error::{InvalidData, Repaired};
pub(crate) use plan::Plan;
pub(crate) use rewrite::{validate, validate_repairing};
pub(crate) use walk::nests_within;
