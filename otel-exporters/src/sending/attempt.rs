use async_trait::async_trait;
use otel_core::component::{Component, ConsumeError, Context, Exporter};
use otel_core::pdata::Signal;

/// Sends a request once. What [`Sending`](super::Sending) goes around.
///
/// Every [`Exporter`] is one. Implement this instead for an exporter whose destination can take a part of a request: what
/// has been taken goes out of `data`, and only the rest is tried again.
///
/// ```
/// use async_trait::async_trait;
/// use otel_core::component::{Component, ConsumeError, Context};
/// use otel_core::pdata::{Logs, Signal};
/// use otel_exporters::sending::Attempt;
///
/// /// Sends as much as its destination takes at a time.
/// struct InPieces;
/// # async fn post(part: &Logs) -> Result<(), ConsumeError> { Ok(()) }
///
/// impl Component for InPieces {}
///
/// #[async_trait]
/// impl Attempt<Logs> for InPieces {
///     async fn attempt(&self, data: &mut Logs, _context: Context) -> Result<(), ConsumeError> {
///         while !data.is_empty() {
///             let (part, rest) = data.clone().split_items(500);
///             post(&part).await?;
///             *data = rest;
///         }
///         Ok(())
///     }
/// }
/// ```
#[async_trait]
pub trait Attempt<S: Signal>: Component {
    /// Sends the data.
    ///
    /// # Errors
    /// Why what is left in `data` has not been sent. Where that may pass, `data` is tried again as it is then.
    ///
    /// # Cancellation
    /// The future is dropped when the time of an attempt is up. What is then in `data` is tried again.
    async fn attempt(&self, data: &mut S, context: Context) -> Result<(), ConsumeError>;
}

#[async_trait]
impl<S: Signal, E: Exporter<S>> Attempt<S> for E {
    async fn attempt(&self, data: &mut S, context: Context) -> Result<(), ConsumeError> {
        self.export(data.clone(), context).await
    }
}
