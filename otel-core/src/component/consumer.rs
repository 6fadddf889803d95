//! The one way in which telemetry moves.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::{ConsumeError, Context};
use crate::pdata::Signal;

/// Takes telemetry of one signal.
///
/// # Guarantees
/// - `Ok` says that responsibility was taken: see [`Strength`] for how firmly.
/// - On `Err` nothing was taken, except where the error says that the outcome is unknown.
/// - Dropping the future is legal at any await. The callee has then taken all or nothing, and the caller
///   treats the outcome as unknown: duplicates are possible, loss is not.
///
/// # Assumptions
/// - `consume` may be called concurrently.
/// - A callee that takes responsibility drops the context's deadline for what it does afterwards.
/// - `consume` waits for room until the context's deadline ([`Context::DEFAULT_WAIT`] without one), then
///   fails with a retryable error.
#[async_trait]
pub trait Consumer<S: Signal>: Send + Sync + 'static {
    /// Hands the data over.
    async fn consume(&self, data: S, context: Context) -> Result<(), ConsumeError>;

    /// A cheap look, without a promise, at whether `consume` would refuse right now. A fan-out asks every
    /// required branch before any of them gets the data.
    fn admit(&self, data: &S) -> Result<(), ConsumeError> {
        let _ = data;
        Ok(())
    }

    /// How firmly a success of this consumer holds. Where several branches follow, that is the firmest of those that
    /// have to take the data: who waits for one of them waits for all.
    fn strength(&self) -> Strength;
}

/// How firmly responsibility is taken, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strength {
    /// The data is in memory: a crash loses it, a shutdown does not.
    Held,
    /// The data is on disk: a crash does not lose it.
    Durable,
    /// The destination has answered for it.
    Delivered,
}

/// What follows a component in its pipeline. Cloning is a reference count.
pub struct Next<S: Signal>(Arc<dyn Consumer<S>>);

impl<S: Signal> Next<S> {
    /// Wraps a consumer.
    pub fn new(consumer: impl Consumer<S>) -> Self {
        Self(Arc::new(consumer))
    }

    /// Whether both are the same consumer.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Hands the data over: see [`Consumer::consume`].
    pub async fn consume(&self, data: S, context: Context) -> Result<(), ConsumeError> {
        self.0.consume(data, context).await
    }

    /// See [`Consumer::admit`].
    pub fn admit(&self, data: &S) -> Result<(), ConsumeError> {
        self.0.admit(data)
    }

    /// See [`Consumer::strength`].
    pub fn strength(&self) -> Strength {
        self.0.strength()
    }
}

impl<S: Signal> From<Arc<dyn Consumer<S>>> for Next<S> {
    fn from(consumer: Arc<dyn Consumer<S>>) -> Self {
        Self(consumer)
    }
}

impl<S: Signal> Clone for Next<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Signal> fmt::Debug for Next<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").field("signal", &S::KIND).field("strength", &self.strength()).finish()
    }
}
