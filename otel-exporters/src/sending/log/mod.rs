#![doc = include_str!("README.md")]

mod commit;
mod error;
mod format;
mod options;
mod recovery;
mod scan;
mod segment;
mod store;
#[cfg(test)]
mod tests;

pub use error::{LogError, ReadError};
pub use options::LogOptions;
pub use recovery::{Damage, DamageKind, Pending, Recovery};
pub use segment::RecordId;
pub use store::Log;
