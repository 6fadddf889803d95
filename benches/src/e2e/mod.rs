//! The end-to-end bench: what a whole collector costs a telemetry item.
//!
//! A load generator replays pre-encoded OTLP requests to a collector, which runs pinned to one core, and a sink counts
//! what the collector sends on. Generator and sink encode and decode nothing while measuring, so that they keep up
//! on the cores left to them. Any collector takes part that is started by a command line and a YAML file.
//!
//! - [`Signal`], [`Requests`]: what is sent
//! - [`Load`]: the generator, in a closed loop or at a fixed rate
//! - [`Sink`]: the server at the other end
//! - [`Collector`]: a collector's process with its CPU time and memory
//! - [`Measurement`]: one run of one candidate
//! - [`Report`]: the table over runs that alternate between candidates

mod client;
mod collector;
mod compression;
mod count;
mod load;
mod measurement;
mod report;
mod requests;
mod signal;
mod sink;

#[cfg(feature = "crash")]
pub(crate) use client::Client;
pub use client::{Protocol, SendError, Target};
pub use collector::{Candidate, Collector, CollectorError, Endpoints, Place, Usage};
pub use compression::Compression;
pub use count::{Malformed, count_items};
pub use load::{Due, Load, LoadOptions, LoadOutcome, Pace};
pub use measurement::{Case, MeasureError, Measurement};
pub use report::Report;
pub use requests::Requests;
#[cfg(feature = "crash")]
pub(crate) use requests::frame;
pub use signal::Signal;
#[cfg(feature = "crash")]
pub(crate) use sink::unframe;
pub use sink::{Arrival, Received, Sink};
