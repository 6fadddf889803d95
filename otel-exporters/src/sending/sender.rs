use std::time::Duration;

use otel_core::component::{Code, ConsumeError, Context, ExporterReport, Host, TraceContext};
use otel_core::pdata::Signal;
use otel_core::telemetry::KeyValue;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::metrics::QueueMetrics;
use super::{Attempt, RetryConfig, SendingConfig};

/// The reason of what is not tried again for a shutdown.
const INTERRUPTED: &str = "shutdown";

/// Sends one request with retries, and says what came of it.
#[derive(Debug)]
pub(super) struct Sender<E> {
    pub(super) exporter: E,
    pub(super) host: Host,
    pub(super) report: ExporterReport,
    /// Measured where there is a queue.
    pub(super) queue: Option<QueueMetrics>,
    timeout: Duration,
    retry: RetryConfig,
    /// Cancelled from the shutdown on: there are no more retries.
    stopping: CancellationToken,
}

/// What came of sending.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) result: Result<(), ConsumeError>,
    /// Items that were not sent.
    pub(super) lost: usize,
    /// They would have been tried again, but for the shutdown.
    pub(super) is_interrupted: bool,
}

impl Sent {
    /// All of it went on.
    pub(super) const fn well() -> Self {
        Self { result: Ok(()), lost: 0, is_interrupted: false }
    }
}

impl<E> Sender<E> {
    pub(super) fn new(
        exporter: E,
        host: Host,
        report: ExporterReport,
        queue: Option<QueueMetrics>,
        config: &SendingConfig,
    ) -> Self {
        Self {
            exporter,
            host,
            report,
            queue,
            timeout: config.timeout,
            retry: config.retry_on_failure.clone(),
            stopping: CancellationToken::new(),
        }
    }

    /// Ends retries: what waits for one is tried at once and for the last time, what comes after is tried once.
    pub(super) fn stop_retrying(&self) {
        self.stopping.cancel();
    }

    /// Sends until it worked or is given up, counts either, and leaves what was not sent.
    pub(super) async fn send<'l, S: Signal>(
        &self,
        data: &mut S,
        context: Context,
        links: impl Iterator<Item = &'l TraceContext> + Send,
    ) -> Sent
    where
        E: Attempt<S>,
    {
        let items = data.items();
        let attempts = async |context: Context| {
            links.for_each(|to| context.span().link(to));
            self.attempts(data, context).await
        };
        let result = self.report.export(items, context, attempts).await;
        let Err(error) = &result else { return Sent::well() };
        let is_interrupted = error.reason() == INTERRUPTED && self.stopping.is_cancelled();
        Sent { lost: data.items(), result, is_interrupted }
    }

    /// Sends until it worked or is given up, and leaves what was not sent.
    async fn attempts<S: Signal>(&self, data: &mut S, context: Context) -> Result<(), ConsumeError>
    where
        E: Attempt<S>,
    {
        let begun = Instant::now();
        let mut is_last = self.stopping.is_cancelled();
        let mut backoff = Backoff::new(&self.retry);
        let span = context.span().clone();
        let mut attempts: i64 = 0;
        loop {
            if self.retry.enabled {
                span.event("Sending request.", || [KeyValue::new("retry_num", attempts)]);
            }
            attempts += 1;
            let Err(error) = self.attempt(data, context.clone()).await else { return Ok(()) };
            if !self.retry.enabled {
                return Err(error);
            }
            if error.is_permanent() {
                return Err(told("not retryable error: Permanent error: ", "", &error));
            }
            let pause = backoff.pause(rand::random()).max(error.retry_after().unwrap_or_default());
            let now = Instant::now();
            let again = now + pause;
            let bound = self.retry.max_elapsed_time;
            if !bound.is_zero() && again > begun + bound {
                return Err(told("no more retries left: ", "", &error));
            }
            if context.deadline().is_some_and(|deadline| deadline < again) {
                return Err(told("request will be cancelled before next retry: ", "", &error));
            }
            if is_last {
                return Err(told("interrupted due to shutdown: ", INTERRUPTED, &error));
            }
            self.host
                .logger()
                .info("Exporting failed. Will retry the request after interval.")
                .error(&error)
                .field("interval", format!("{pause:?}"))
                .emit();
            span.event("Exporting failed. Will retry the request after interval.", || {
                [KeyValue::new("interval", format!("{pause:?}")), KeyValue::new("error", error.to_string())]
            });
            tokio::select! {
                biased;
                () = sleep_until(again) => {}
                () = self.stopping.cancelled() => is_last = true,
            }
        }
    }

    async fn attempt<S: Signal>(&self, data: &mut S, context: Context) -> Result<(), ConsumeError>
    where
        E: Attempt<S>,
    {
        if self.timeout.is_zero() {
            return self.exporter.attempt(data, context).await;
        }
        let deadline = Instant::now() + self.timeout;
        let deadline = context.deadline().map_or(deadline, |sooner| sooner.min(deadline));
        let left = deadline.saturating_duration_since(Instant::now());
        let attempt = self.exporter.attempt(data, context.with_deadline(deadline));
        timeout(left, attempt).await.unwrap_or_else(|_| {
            Err(ConsumeError::retryable("context deadline exceeded")
                .with_code(Code::DeadlineExceeded)
                .with_reason("timeout"))
        })
    }

    /// Logs what is given up.
    pub(super) fn log_loss(&self, sent: &Sent) {
        let Sent { result: Err(error), lost: items, .. } = sent else { return };
        let hint = match (self.retry.enabled, self.queue.is_some()) {
            (false, _) => " Try enabling retry_on_failure config option to retry on retryable errors.",
            (true, false) => " Try enabling sending_queue to survive temporary failures.",
            (true, true) => "",
        };
        let logger = self.host.logger();
        if self.queue.is_some() {
            let message = format!("Exporting failed. Dropping data.{hint}");
            logger.error(&message).error(error).field("dropped_items", *items).emit();
        } else {
            let message = format!("Exporting failed. Rejecting data.{hint}");
            logger.error(&message).error(error).field("rejected_items", *items).emit();
        }
    }
}

/// The same error with what became of it in front.
fn told(what: &str, reason: &'static str, error: &ConsumeError) -> ConsumeError {
    let message = format!("{what}{error}");
    let mut told = if error.is_permanent() {
        ConsumeError::permanent(message)
    } else {
        ConsumeError::retryable(message)
    };
    told = told.with_reason(if reason.is_empty() { error.reason() } else { reason });
    if let Some(code) = error.code() {
        told = told.with_code(code);
    }
    match error.retry_after() {
        Some(delay) => told.with_retry_after(delay),
        None => told,
    }
}
