//! The beginning of a pipeline under test.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use tokio::time::Instant;

use crate::component::{
    BuildError, ComponentConfig, ConsumeError, Context, Emits, Host, Next, Outputs, Receiver,
    ReceiverFactory, StartError,
};
use crate::pdata::{Logs, Metrics, Signal, SignalKind, Traces};

/// The configuration of a receiver that takes what a test [sends](Source::send). Cloning shares it.
pub struct Source<S: Signal>(Arc<Mutex<Option<Next<S>>>>);

impl<S: Signal> Source<S> {
    /// A source that is in no graph yet.
    pub fn new() -> Self {
        Self(Arc::default())
    }

    /// Sends into the running graph.
    ///
    /// # Errors
    /// What the graph answers; a permanent error where none runs.
    pub async fn send(&self, data: S) -> Result<(), ConsumeError> {
        self.send_with(data, Context::new()).await
    }

    /// As [`send`](Self::send), with a context.
    pub async fn send_with(&self, data: S, context: Context) -> Result<(), ConsumeError> {
        let next = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match next {
            Some(next) => next.consume(data, context).await,
            None => Err(ConsumeError::permanent("the source is not started")),
        }
    }

    /// What the pipelines begin with, while the graph runs.
    pub fn output(&self) -> Option<Next<S>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, next: Option<Next<S>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = next;
    }
}

impl<S: Signal> Default for Source<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Signal> Clone for Source<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Signal> fmt::Debug for Source<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("signal", &S::KIND).finish_non_exhaustive()
    }
}

impl<S: Signal> ComponentConfig for Source<S> {
    const TYPE: &'static str = "source";

    fn same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<S: Signal> ReceiverFactory for Source<S> {
    fn create(&self, _host: &Host) -> Result<Box<dyn Receiver>, BuildError> {
        Ok(Box::new(Started { source: self.clone(), output: OnceLock::new() }))
    }
}

impl<S: Signal> Emits<S> for Source<S> {}

struct Started<S: Signal> {
    source: Source<S>,
    output: OnceLock<Next<S>>,
}

#[async_trait]
impl<S: Signal> Receiver for Started<S> {
    async fn start(&self, outputs: Outputs) -> Result<(), StartError> {
        let mut outputs = outputs;
        let next = match S::KIND {
            SignalKind::Traces => take::<Traces, S>(&mut outputs.traces),
            SignalKind::Metrics => take::<Metrics, S>(&mut outputs.metrics),
            SignalKind::Logs => take::<Logs, S>(&mut outputs.logs),
        };
        if let Some(next) = &next {
            // A second start would be the engine's mistake, and changes nothing.
            let _ = self.output.set(next.clone());
        }
        self.source.set(next);
        Ok(())
    }

    async fn shutdown(&self, _deadline: Instant) {
        // A successor may have set its own.
        let mut next = self.source.0.lock().unwrap_or_else(PoisonError::into_inner);
        next.take_if(|next| self.output.get().is_some_and(|output| next.is(output)));
    }
}

/// The output, which is of the signal `S` where `Known` is the same.
fn take<Known: Signal, S: Signal>(output: &mut Option<Next<Known>>) -> Option<Next<S>> {
    let output: &mut dyn std::any::Any = output;
    output.downcast_mut::<Option<Next<S>>>().and_then(Option::take)
}
