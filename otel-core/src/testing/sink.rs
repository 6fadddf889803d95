//! The end of a pipeline under test.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::component::{
    BuildError, Component, ComponentConfig, ConsumeError, Consumer, Context, Exporter, ExporterFactory, Host,
    Next, Strength,
};
use crate::pdata::Signal;

/// Records what it takes, and refuses, stalls or dawdles when told to. Cloning shares it.
///
/// It is a [`Consumer`], and the configuration of an exporter, so that a graph can end in it.
pub struct Sink<S: Signal>(Arc<Inner<S>>);

struct Inner<S> {
    state: Mutex<State<S>>,
    received: watch::Sender<usize>,
    stalled: watch::Sender<bool>,
}

struct State<S> {
    data: Vec<(S, Context)>,
    calls: usize,
    failures: Vec<ConsumeError>,
    failing: Option<ConsumeError>,
    full: Option<ConsumeError>,
    pause: Duration,
    strength: Strength,
}

impl<S: Signal> Sink<S> {
    /// A sink that takes everything at once.
    pub fn new() -> Self {
        let state = State {
            data: Vec::new(),
            calls: 0,
            failures: Vec::new(),
            failing: None,
            full: None,
            pause: Duration::ZERO,
            strength: Strength::Held,
        };
        Self(Arc::new(Inner {
            state: Mutex::new(state),
            received: watch::channel(0).0,
            stalled: watch::channel(false).0,
        }))
    }

    /// The same with another strength of what it takes.
    pub fn with_strength(self, strength: Strength) -> Self {
        self.state().strength = strength;
        self
    }

    /// This as what follows a component.
    pub fn next(&self) -> Next<S> {
        Next::new(self.clone())
    }

    /// Refuses from now on; `None` takes again.
    pub fn fail(&self, error: Option<ConsumeError>) {
        self.state().failing = error;
    }

    /// Refuses the next call, after those that are to be refused already.
    pub fn fail_once(&self, error: ConsumeError) {
        self.state().failures.push(error);
    }

    /// Answers a look before the call ([`Consumer::admit`]) with an error from now on; `None` with none.
    pub fn full(&self, error: Option<ConsumeError>) {
        self.state().full = error;
    }

    /// Does not answer any more until [`release`](Self::release).
    pub fn stall(&self) {
        self.0.stalled.send_replace(true);
    }

    /// Answers again.
    pub fn release(&self) {
        self.0.stalled.send_replace(false);
    }

    /// Takes this long for each call.
    pub fn dawdle(&self, pause: Duration) {
        self.state().pause = pause;
    }

    /// What was taken.
    pub fn received(&self) -> Vec<S> {
        self.state().data.iter().map(|(data, _)| data.clone()).collect()
    }

    /// The contexts of what was taken.
    pub fn contexts(&self) -> Vec<Context> {
        self.state().data.iter().map(|(_, context)| context.clone()).collect()
    }

    /// The number of items taken.
    pub fn items(&self) -> usize {
        self.state().data.iter().map(|(data, _)| data.items()).sum()
    }

    /// The number of calls, refused ones included.
    pub fn calls(&self) -> usize {
        self.state().calls
    }

    /// Waits until that many requests were taken. Put a timeout around it.
    pub async fn wait_for(&self, requests: usize) {
        // The sender lives as long as the sink.
        let _ = self.0.received.subscribe().wait_for(|received| *received >= requests).await;
    }

    fn state(&self) -> MutexGuard<'_, State<S>> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn take(&self, data: S, context: Context) -> Result<(), ConsumeError> {
        let pause = {
            let mut state = self.state();
            state.calls += 1;
            state.pause
        };
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        // The sender lives as long as the sink.
        let _ = self.0.stalled.subscribe().wait_for(|stalled| !stalled).await;
        let mut state = self.state();
        if !state.failures.is_empty() {
            return Err(state.failures.remove(0));
        }
        if let Some(error) = &state.failing {
            return Err(error.clone());
        }
        state.data.push((data, context));
        self.0.received.send_replace(state.data.len());
        Ok(())
    }
}

impl<S: Signal> Default for Sink<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Signal> Clone for Sink<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Signal> fmt::Debug for Sink<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink").field("signal", &S::KIND).field("items", &self.items()).finish()
    }
}

#[async_trait]
impl<S: Signal> Consumer<S> for Sink<S> {
    async fn consume(&self, data: S, context: Context) -> Result<(), ConsumeError> {
        self.take(data, context).await
    }

    fn admit(&self, _data: &S) -> Result<(), ConsumeError> {
        self.state().full.clone().map_or(Ok(()), Err)
    }

    fn strength(&self) -> Strength {
        self.state().strength
    }
}

impl<S: Signal> Component for Sink<S> {}

#[async_trait]
impl<S: Signal> Exporter<S> for Sink<S> {
    async fn export(&self, data: S, context: Context) -> Result<(), ConsumeError> {
        self.take(data, context).await
    }

    fn admit(&self, data: &S) -> Result<(), ConsumeError> {
        Consumer::admit(self, data)
    }

    fn strength(&self) -> Strength {
        Consumer::strength(self)
    }
}

impl<S: Signal> ComponentConfig for Sink<S> {
    const TYPE: &'static str = "sink";

    fn same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<S: Signal> ExporterFactory<S> for Sink<S> {
    fn create(&self, _host: &Host) -> Result<Box<dyn Exporter<S>>, BuildError> {
        Ok(Box::new(self.clone()))
    }
}
