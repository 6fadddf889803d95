//! Components as consumers: what the engine adds around each of them.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::FutureExt;

use super::link::{Branches, Link};
use super::tasks::panic_text;
use crate::component::{
    Code, Connector, ConsumeError, Consumer, Context, Exporter, Host, Next, Processor, Router, Strength,
};
use crate::pdata::Signal;
use crate::telemetry::Counter;

/// A processor with what follows it.
pub(super) struct ProcessorNode<S: Signal> {
    processor: Arc<dyn Processor<S>>,
    next: Next<S>,
    incoming: Counter,
    guard: Guard,
}

impl<S: Signal> ProcessorNode<S> {
    /// The node, and the link to what follows it.
    pub(super) fn new(
        processor: Arc<dyn Processor<S>>,
        branches: Branches<S>,
        host: &Host,
    ) -> (Self, Arc<Link<S>>) {
        let counter = |name, description| {
            let id = host.id().to_string();
            let attributes = [("processor", id.as_str()), ("otel.signal", S::KIND.as_str())];
            host.telemetry().metrics().counter(name, description, "{item}", &attributes)
        };
        let incoming =
            counter("otelcol_processor_incoming_items", "Number of items passed to the processor. [Alpha]");
        let outgoing = counter(
            "otelcol_processor_outgoing_items",
            "Number of items emitted from the processor. [Alpha]",
        );
        let link = Link::new(branches, Some(outgoing));
        (Self { processor, next: link.next(), incoming, guard: Guard::new(host) }, link)
    }
}

#[async_trait]
impl<S: Signal> Consumer<S> for ProcessorNode<S> {
    async fn consume(&self, data: S, context: Context) -> Result<(), ConsumeError> {
        self.incoming.add(data.items() as u64);
        self.guard.run(self.processor.process(data, context, &self.next)).await
    }

    fn admit(&self, data: &S) -> Result<(), ConsumeError> {
        self.processor.admit(data, &self.next)
    }

    fn strength(&self) -> Strength {
        self.processor.strength(self.next.strength())
    }
}

/// An exporter at the end of pipelines.
pub(super) struct ExporterNode<S: Signal> {
    exporter: Arc<dyn Exporter<S>>,
    guard: Guard,
}

impl<S: Signal> ExporterNode<S> {
    pub(super) fn new(exporter: Arc<dyn Exporter<S>>, host: &Host) -> Self {
        Self { exporter, guard: Guard::new(host) }
    }
}

#[async_trait]
impl<S: Signal> Consumer<S> for ExporterNode<S> {
    async fn consume(&self, data: S, context: Context) -> Result<(), ConsumeError> {
        self.guard.run(self.exporter.export(data, context)).await
    }

    fn admit(&self, data: &S) -> Result<(), ConsumeError> {
        self.exporter.admit(data)
    }

    fn strength(&self) -> Strength {
        self.exporter.strength()
    }
}

/// A connector between pipelines.
pub(super) struct ConnectorNode<In: Signal, Out: Signal> {
    connector: Arc<dyn Connector<In, Out>>,
    outputs: Router<Out>,
    guard: Guard,
}

impl<In: Signal, Out: Signal> ConnectorNode<In, Out> {
    pub(super) fn new(connector: Arc<dyn Connector<In, Out>>, outputs: Router<Out>, host: &Host) -> Self {
        Self { connector, outputs, guard: Guard::new(host) }
    }
}

#[async_trait]
impl<In: Signal, Out: Signal> Consumer<In> for ConnectorNode<In, Out> {
    async fn consume(&self, data: In, context: Context) -> Result<(), ConsumeError> {
        self.guard.run(self.connector.connect(data, context, &self.outputs)).await
    }

    fn strength(&self) -> Strength {
        self.connector.strength(self.outputs.all().strength())
    }
}

/// Turns a panic into a permanent error.
struct Guard {
    host: Host,
    panics: Counter,
}

impl Guard {
    fn new(host: &Host) -> Self {
        let id = host.id().to_string();
        let panics = host.telemetry().metrics().counter(
            "otelcol_component_panics",
            "Panics of components while they consumed data",
            "{panics}",
            &[("component", &id), ("kind", host.kind().as_str())],
        );
        Self { host: host.clone(), panics }
    }

    async fn run(
        &self,
        consume: impl Future<Output = Result<(), ConsumeError>> + Send,
    ) -> Result<(), ConsumeError> {
        match AssertUnwindSafe(consume).catch_unwind().await {
            Ok(result) => result,
            Err(panic) => {
                self.panics.add(1);
                self.host.logger().error("Component panicked").field("panic", panic_text(&*panic)).emit();
                Err(ConsumeError::permanent(format!("{} {} panicked", self.host.kind(), self.host.id()))
                    .with_reason("panic")
                    .with_code(Code::Internal))
            }
        }
    }
}
