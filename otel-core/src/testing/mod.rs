//! The test kit, for the components of this workspace and for those of others.
//!
//! - [`TestHost`] is a host for one component, outside a collector.
//! - [`Source`], [`Sink`] and [`Fault`] are configurations for graphs under test; a `Sink` is also what follows a
//!   component that is tested alone.
//! - [`MemoryStorage`] is storage in memory, which fails as disks and machines do.
//! - [`generate`] has proptest strategies for telemetry, [`raw`] a plain reading of its bytes,
//!   [`compare`] a comparison by what two requests say.

#[cfg(feature = "testing-tls")]
mod certificates;
mod fault;
mod host;
mod sink;
mod source;
mod storage;
mod telemetry;

#[cfg(feature = "testing-tls")]
pub use certificates::{TestAuthority, TestIdentity};
pub use fault::Fault;
pub use host::{LoggedRecord, ManualClock, TestHost};
pub use sink::Sink;
pub use source::Source;
pub use storage::MemoryStorage;
pub use telemetry::{compare, generate, raw};
