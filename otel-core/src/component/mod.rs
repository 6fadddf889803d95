//! The contracts: what a component implements and what it is handed.
//!
//! Telemetry flows by [`Consumer::consume`], and its answer means something: a success says that the next
//! stage has *taken responsibility*. It delivered the data, stored it durably, or holds it where the
//! configuration says that holding is enough ([`Strength`]). So backpressure needs no machinery, and an
//! acknowledgement can be end to end.
//!
//! A component is two types: its configuration, which is also its factory ([`ProcessorFactory`] and its
//! siblings), and what the factory creates ([`Processor`] and its siblings). Code that builds a pipeline and
//! YAML that describes one both go through the factory, so both get the same checks.
//!
//! | kind | implement | for the factory |
//! |---|---|---|
//! | receiver | [`Receiver`] | [`ReceiverFactory`], and [`Emits`] for each signal |
//! | processor | [`Processor`] | [`ProcessorFactory`] |
//! | exporter | [`Exporter`] | [`ExporterFactory`] |
//! | connector | [`Connector`] | [`ConnectorFactory`] |
//! | extension | [`Extension`] | [`ExtensionFactory`] |
//!
//! What a component keeps through restarts it keeps in [`Storage`], which an extension provides.

mod consumer;
mod context;
mod contract;
mod error;
mod factory;
mod host;
mod lasting;
mod overview;
mod proxies;
mod report;
mod stability;
mod status;
mod storage;

pub use crate::Invalid;
pub use crate::telemetry::TraceContext;
pub use consumer::{Consumer, Next, Strength};
pub use context::{Authentication, ClientInfo, Context, Metadata, MetadataKeys};
pub use contract::{Component, Connector, Exporter, Extension, Outputs, Processor, Receiver, Router};
pub use error::{Code, ConsumeError, StartError};
pub use factory::{
    BuildError, ComponentConfig, ConnectorFactory, Emits, ExporterFactory, ExtensionFactory,
    ProcessorFactory, ReceiverFactory,
};
pub use host::{
    BrokenOff, BuildInfo, Capabilities, ComponentKind, Host, HostParts, Shared, Spawn, Task, TaskFuture,
};
pub use lasting::Lasting;
pub use overview::{FeatureGateOverview, Overview, PipelineOverview};
pub use proxies::ProxySettings;
pub use report::{Destination, ExporterReport, ProcessorReport, ReceiverReport};
pub use stability::Stability;
pub use status::{Status, StatusEvent, StatusSink};
pub use storage::{FileSettings, Files, KeyedState, Operation, Owner, Storage, StorageError, StoredFile};
