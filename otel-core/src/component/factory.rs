//! Configurations as factories.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::{Connector, Exporter, Extension, Host, Processor, Receiver, Stability};
use crate::Invalid;
use crate::pdata::Signal;

/// The configuration of a component, which is what code composes pipelines from and what YAML decodes to.
pub trait ComponentConfig: fmt::Debug + Send + Sync + 'static {
    /// The component type, such as `batch`: the first part of its id.
    const TYPE: &'static str;

    /// Older spellings of the type that still load.
    const ALIASES: &'static [&'static str] = &[];

    /// How much the component may still change.
    const STABILITY: Stability = Stability::Alpha;

    /// Checks the rules that one field alone cannot express. Code and YAML both go through here.
    fn validate(&self) -> Vec<Invalid> {
        Vec::new()
    }

    /// Whether a component of this configuration can stay as it is when a graph with the other one is
    /// [applied](crate::engine::Running::apply). Without an answer of its own, only the same `Arc` of a configuration
    /// is the same. Configurations in YAML are compared by what they say.
    fn same_as(&self, other: &Self) -> bool
    where
        Self: Sized,
    {
        let _ = other;
        false
    }
}

/// Creates a receiver.
pub trait ReceiverFactory: ComponentConfig {
    /// Creates the instance that serves every pipeline.
    fn create(&self, host: &Host) -> Result<Box<dyn Receiver>, BuildError>;
}

/// Says that a receiver can emit a signal, so that a pipeline of that signal can take it.
#[diagnostic::on_unimplemented(
    message = "the receiver `{Self}` does not emit {S}",
    label = "a pipeline of {S} cannot take it"
)]
pub trait Emits<S: Signal>: ReceiverFactory {}

/// Creates a processor of a signal.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not configure a processor of {S}",
    label = "a pipeline of {S} cannot take it"
)]
pub trait ProcessorFactory<S: Signal>: ComponentConfig {
    /// Creates an instance for one pipeline. What instances share goes through [`Host::shared`].
    fn create(&self, host: &Host) -> Result<Box<dyn Processor<S>>, BuildError>;
}

/// Creates an exporter of a signal.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not configure an exporter of {S}",
    label = "a pipeline of {S} cannot take it"
)]
pub trait ExporterFactory<S: Signal>: ComponentConfig {
    /// Creates the instance that serves every pipeline of the signal.
    fn create(&self, host: &Host) -> Result<Box<dyn Exporter<S>>, BuildError>;
}

/// Creates a connector from one signal to another.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not configure a connector from {In} to {Out}",
    label = "these pipelines cannot be connected by it"
)]
pub trait ConnectorFactory<In: Signal, Out: Signal>: ComponentConfig {
    /// Creates the instance that connects all pipelines of these two signals.
    fn create(&self, host: &Host) -> Result<Box<dyn Connector<In, Out>>, BuildError>;
}

/// Creates an extension.
pub trait ExtensionFactory: ComponentConfig {
    /// Creates the instance.
    fn create(&self, host: &Host) -> Result<Arc<dyn Extension>, BuildError>;
}

/// A configuration that is shared: as the one that it holds. The same `Arc` is the same component.
impl<C: ComponentConfig> ComponentConfig for Arc<C> {
    const TYPE: &'static str = C::TYPE;
    const ALIASES: &'static [&'static str] = C::ALIASES;

    fn validate(&self) -> Vec<Invalid> {
        (**self).validate()
    }

    fn same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(self, other) || (**self).same_as(other)
    }
}

impl<C: ReceiverFactory> ReceiverFactory for Arc<C> {
    fn create(&self, host: &Host) -> Result<Box<dyn Receiver>, BuildError> {
        (**self).create(host)
    }
}

impl<S: Signal, C: Emits<S>> Emits<S> for Arc<C> {}

impl<S: Signal, C: ProcessorFactory<S>> ProcessorFactory<S> for Arc<C> {
    fn create(&self, host: &Host) -> Result<Box<dyn Processor<S>>, BuildError> {
        (**self).create(host)
    }
}

impl<S: Signal, C: ExporterFactory<S>> ExporterFactory<S> for Arc<C> {
    fn create(&self, host: &Host) -> Result<Box<dyn Exporter<S>>, BuildError> {
        (**self).create(host)
    }
}

impl<In: Signal, Out: Signal, C: ConnectorFactory<In, Out>> ConnectorFactory<In, Out> for Arc<C> {
    fn create(&self, host: &Host) -> Result<Box<dyn Connector<In, Out>>, BuildError> {
        (**self).create(host)
    }
}

impl<C: ExtensionFactory> ExtensionFactory for Arc<C> {
    fn create(&self, host: &Host) -> Result<Arc<dyn Extension>, BuildError> {
        (**self).create(host)
    }
}

/// A component that could not be created.
#[derive(Debug)]
pub struct BuildError {
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl BuildError {
    /// An error with its text.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }

    /// The same with a cause.
    pub fn with_source(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for BuildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}
