use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use otel_core::component::{
    Component, ConsumeError, Context, Exporter, ExporterReport, Host, StartError, Strength, Task,
};
use otel_core::pdata::Signal;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::SendingConfig;
use super::metrics::QueueMetrics;
use super::queue::{Entry, Queue};
use super::sender::Sender;

/// How long a task that was broken off may take to end.
const GRACE: Duration = Duration::from_millis(100);

/// An exporter with a queue, retries and a timeout around it.
pub struct Sending<S: Signal, E> {
    sender: Arc<Sender<E>>,
    queue: Option<Arc<Queue<S>>>,
    consumers: usize,
    wait_for_result: bool,
    tasks: Mutex<Vec<Task>>,
}

impl<S: Signal, E: Exporter<S>> Sending<S, E> {
    /// Wraps an exporter, whose name in metrics is that of the host. `destination` is what the series of sent items are
    /// marked with beside it, such as `server.address`.
    pub fn new(
        exporter: E,
        config: &SendingConfig,
        host: &Host,
        destination: &[(&'static str, String)],
    ) -> Self {
        let report = ExporterReport::new(host, S::KIND, destination);
        let settings = config.sending_queue.get();
        let queue = settings.map(|settings| Arc::new(Queue::new(settings, host.clone())));
        let metrics = settings
            .zip(queue.as_ref())
            .map(|(settings, queue)| QueueMetrics::new(host, S::KIND, settings.queue_size, queue.size()));
        let sender = Arc::new(Sender::new(exporter, host.clone(), report, metrics, config));
        Self {
            sender,
            queue,
            consumers: settings.map_or(0, |settings| settings.num_consumers),
            wait_for_result: settings.is_some_and(|settings| settings.wait_for_result),
            tasks: Mutex::default(),
        }
    }

    async fn enqueue(&self, queue: &Queue<S>, data: S, context: Context) -> Result<(), ConsumeError> {
        let items = data.items();
        if items == 0 {
            return Ok(());
        }
        let deadline = context.wait_until();
        let (result, waiting) = if self.wait_for_result {
            let (sender, receiver) = oneshot::channel();
            (Some(sender), Some(receiver))
        } else {
            (None, None)
        };
        let span = self.sender.report.enqueue(&context);
        let context = if self.wait_for_result { context } else { context.without_deadline() };
        let context = context.with_span(&span);
        if let Some(metrics) = &self.sender.queue {
            metrics.put(&data);
        }
        let put = queue.put(Entry { data, context, result }, deadline).await;
        if put.is_ok() {
            span.event("Enqueued item.", || []);
        }
        drop(span);
        if let Err(error) = put {
            self.sender.report.enqueue_failed(items);
            let logger = self.sender.host.logger();
            logger
                .error("Exporting failed. Rejecting data.")
                .error(&error)
                .field("rejected_items", items)
                .emit();
            return Err(error);
        }
        match waiting {
            None => Ok(()),
            Some(waiting) => waiting.await.unwrap_or_else(|_| {
                Err(ConsumeError::retryable("the outcome is unknown: the sending was broken off")
                    .with_reason("shutdown"))
            }),
        }
    }

    fn tasks(&self) -> std::sync::MutexGuard<'_, Vec<Task>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl<S: Signal, E: Exporter<S>> Component for Sending<S, E> {
    async fn start(&self) -> Result<(), StartError> {
        self.sender.exporter.start().await?;
        if let Some(queue) = &self.queue {
            for _ in 0..self.consumers {
                let (queue, sender) = (Arc::clone(queue), Arc::clone(&self.sender));
                let task = self.sender.host.spawn_restarting("sending queue consumer", move || {
                    let (queue, sender) = (Arc::clone(&queue), Arc::clone(&sender));
                    async move {
                        consume(&queue, &sender).await;
                        Ok(())
                    }
                });
                self.tasks().push(task);
            }
        }
        Ok(())
    }

    async fn shutdown(&self, deadline: Instant) {
        self.sender.stop_retrying();
        if let Some(queue) = &self.queue {
            queue.close();
            let tasks = std::mem::take(&mut *self.tasks());
            for task in tasks {
                if timeout_at(deadline, task.ended()).await.is_err() {
                    task.abort();
                    let _ = timeout_at(Instant::now() + GRACE, task.ended()).await;
                }
            }
            let left: usize = queue.drain().iter().map(|entry| entry.data.items()).sum();
            if left > 0 {
                self.sender.host.dropped(S::KIND, "shutdown", left);
                let logger = self.sender.host.logger();
                logger
                    .error("Exporting failed. Dropping data.")
                    .field("error", "the shutdown's deadline has passed")
                    .field("dropped_items", left)
                    .emit();
            }
        }
        self.sender.exporter.shutdown(deadline).await;
    }
}

#[async_trait]
impl<S: Signal, E: Exporter<S>> Exporter<S> for Sending<S, E> {
    async fn export(&self, data: S, context: Context) -> Result<(), ConsumeError> {
        match &self.queue {
            Some(queue) => self.enqueue(queue, data, context).await,
            None => self.sender.send(data, context).await,
        }
    }

    fn admit(&self, data: &S) -> Result<(), ConsumeError> {
        self.queue.as_ref().map_or(Ok(()), |queue| queue.admit(data))
    }

    fn strength(&self) -> Strength {
        if self.wait_for_result { Strength::Delivered } else { Strength::Held }
    }
}

impl<S: Signal, E> fmt::Debug for Sending<S, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending")
            .field("signal", &S::KIND)
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}

/// Sends what is queued until the queue is closed and empty.
async fn consume<S: Signal, E: Exporter<S>>(queue: &Arc<Queue<S>>, sender: &Sender<E>) {
    while let Some((Entry { data, context, result }, _held)) = queue.take().await {
        if let Some(metrics) = &sender.queue {
            metrics.taken(&data);
        }
        let mut unfinished = Unfinished { host: &sender.host, signal: S::KIND, items: data.items() };
        let sent = sender.send(data, context).await;
        let items = std::mem::take(&mut unfinished.items);
        // A caller that waits keeps the data, so a failure told to it is no loss.
        let untold = match result {
            Some(result) => result.send(sent).err().unwrap_or(Ok(())),
            None => sent,
        };
        if let Err(error) = untold {
            sender.host.dropped(S::KIND, error.reason(), items);
        }
    }
}

/// Counts what was being sent when the task was broken off, or when the exporter panicked.
struct Unfinished<'h> {
    host: &'h Host,
    signal: otel_core::pdata::SignalKind,
    items: usize,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if self.items > 0 {
            let reason = if std::thread::panicking() { "panic" } else { "shutdown" };
            self.host.dropped(self.signal, reason, self.items);
        }
    }
}
