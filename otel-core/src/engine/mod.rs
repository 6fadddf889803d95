//! The engine: builds a graph of components, starts, supervises and stops it.
//!
//! A [`Graph`] is composed in code from configurations; a pipeline only takes components of its signal, or it does
//! not compile. A description in YAML becomes the same graph, so there is one engine for both.
//!
//! ```
//! # use otel_core::pdata::{Logs, Traces};
//! # use otel_core::testing::{Fault, Sink, Source};
//! use otel_core::engine::{Graph, Options};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! # let (source_config, sink_config) = (Source::<Traces>::new(), Sink::<Traces>::new());
//! let mut graph = Graph::new();
//! let source = graph.receiver("source", source_config.clone());
//! let sink = graph.exporter("sink", sink_config.clone());
//! graph.pipeline::<Traces>("traces").from(&source).through("fault", Fault::none()).to(&sink);
//!
//! let running = graph.start(Options::default()).await?;
//! source_config.send(Traces::default()).await?;
//! let report = running.shutdown().await;
//! assert!(report.is_clean());
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! A receiver that does not emit the pipeline's signal does not compile:
//!
//! ```compile_fail,E0277
//! # use otel_core::pdata::{Logs, Traces};
//! # use otel_core::engine::Graph;
//! # use otel_core::testing::{Sink, Source};
//! let mut graph = Graph::new();
//! let source = graph.receiver("source", Source::<Traces>::new());
//! graph.pipeline::<Logs>("logs").from(&source);
//! ```
//!
//! nor does an exporter of another signal:
//!
//! ```compile_fail,E0277
//! # use otel_core::pdata::{Logs, Traces};
//! # use otel_core::engine::Graph;
//! # use otel_core::testing::{Sink, Source};
//! let mut graph = Graph::new();
//! let sink = graph.exporter("sink", Sink::<Traces>::new());
//! graph.pipeline::<Logs>("logs").to(&sink);
//! ```
//!
//! # What runs
//! - A receiver has one instance for all its pipelines and signals, a processor one for each pipeline, an exporter
//!   one for each signal, a connector one for each pair of signals.
//! - Start: extensions, exporters, connectors and processors against the flow, receivers. Stop: the other way round,
//!   everything, even when something fails, within [`Options::shutdown_timeout`].
//! - Change: [`Running::apply`] makes a running collector one of another graph. What is the same stays as it is; the
//!   rest of the new graph starts, data is led there, and the rest of the old one hands on what it holds and stops.
//! - Tasks are supervised: one that panics or fails is logged and counted, and turns its component's status to a
//!   permanent error that is marked as dead, which health checks show.
//! - A panic while data is consumed is a permanent error for the caller, and counted.
//! - Several engines run side by side in one process, on whatever tokio runtime `start` is called from.

mod assembly;
mod error;
mod fanout;
mod graph;
mod identity;
mod lifecycle;
mod link;
mod nodes;
mod options;
mod overview;
mod pipeline;
mod reload;
mod running;
mod status;
mod tasks;
#[cfg(all(test, feature = "testing"))]
mod tests;
mod topology;

pub use error::{EngineError, GraphError};
pub use graph::{
    ConnectorHandle, Destination, ExporterHandle, Graph, Origin, PipelineBuilder, ReceiverHandle,
};
pub use options::Options;
pub use reload::Applied;
pub use running::{Dropped, Running, ShutdownReport};
pub use status::StatusUpdates;

#[cfg(feature = "service")]
pub(crate) use graph::ExtensionBox;
#[cfg(feature = "service")]
pub(crate) use identity::Identity;
#[cfg(feature = "service")]
pub(crate) use pipeline::{Blueprint, Create, Pipeline, Source, Target, edge};
#[cfg(feature = "testing")]
pub(crate) use tasks::Tasks;
