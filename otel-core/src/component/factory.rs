//! Configurations as factories.

use std::error::Error;
use std::fmt;

use super::{Connector, Exporter, Extension, Host, Processor, Receiver};
use crate::Invalid;
use crate::pdata::Signal;

/// The configuration of a component, which is what code composes pipelines from and what YAML decodes to.
pub trait ComponentConfig: fmt::Debug + Send + Sync + 'static {
    /// The component type, such as `batch`: the first part of its id.
    const TYPE: &'static str;

    /// Older spellings of the type that still load.
    const ALIASES: &'static [&'static str] = &[];

    /// Checks the rules that one field alone cannot express. Code and YAML both go through here.
    fn validate(&self) -> Vec<Invalid> {
        Vec::new()
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
    fn create(&self, host: &Host) -> Result<std::sync::Arc<dyn Extension>, BuildError>;
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
