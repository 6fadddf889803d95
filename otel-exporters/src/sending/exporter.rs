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

use super::batch::Batch;
use super::batcher::Batches;
use super::metrics::QueueMetrics;
use super::queue::Queue;
use super::sender::Sender;
use super::{Attempt, SendingConfig};

/// How long a task that was broken off may take to end.
const GRACE: Duration = Duration::from_millis(100);

/// An exporter with a queue, retries and a timeout around it.
pub struct Sending<S: Signal, E> {
    sender: Arc<Sender<E>>,
    queued: Option<Queued<S>>,
    tasks: Mutex<Vec<Task>>,
}

/// A queue with what empties it.
struct Queued<S> {
    queue: Arc<Queue<S>>,
    batches: Arc<Batches<S>>,
    consumers: usize,
    wait_for_result: bool,
    is_stored: bool,
}

impl<S: Signal, E: Attempt<S>> Sending<S, E> {
    /// Wraps an exporter, whose name in metrics is that of the host. `destination` is what the series of sent items are
    /// marked with beside it, such as `server.address`.
    pub fn new(
        exporter: E,
        config: &SendingConfig,
        host: &Host,
        destination: &[(&'static str, String)],
    ) -> Self {
        let report = ExporterReport::new(host, S::KIND, destination);
        let queued = config.sending_queue.get().map(|config| {
            let queue = Arc::new(Queue::new(config, host.clone()));
            let batches = Arc::new(Batches::new(Arc::clone(&queue), config.batch.get()));
            let (consumers, wait_for_result) = (config.num_consumers, config.wait_for_result);
            let metrics = QueueMetrics::new(host, S::KIND, config.queue_size, queue.room().taken());
            (
                Queued { queue, batches, consumers, wait_for_result, is_stored: config.storage.is_some() },
                metrics,
            )
        });
        let (queued, metrics) = queued.unzip();
        let sender = Arc::new(Sender::new(exporter, host.clone(), report, metrics, config));
        Self { sender, queued, tasks: Mutex::default() }
    }

    async fn enqueue(&self, queued: &Queued<S>, data: S, context: Context) -> Result<(), ConsumeError> {
        let items = data.items();
        if items == 0 {
            return Ok(());
        }
        let deadline = context.wait_until();
        let (answer, waiting) = if queued.wait_for_result {
            let (sender, receiver) = oneshot::channel();
            (Some(sender), Some(receiver))
        } else {
            (None, None)
        };
        let span = self.sender.report.enqueue(&context);
        let context = if queued.wait_for_result { context } else { context.without_deadline() };
        let context = context.with_span(&span);
        if let Some(metrics) = &self.sender.queue {
            metrics.put(&data);
        }
        let put = queued.queue.put(data, context, answer, deadline).await;
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
impl<S: Signal, E: Attempt<S>> Component for Sending<S, E> {
    async fn start(&self) -> Result<(), StartError> {
        self.sender.exporter.start().await?;
        if let Some(queued) = &self.queued {
            if queued.is_stored {
                return Err(StartError::new("the queue is in memory"));
            }
            for _ in 0..queued.consumers {
                let (batches, sender) = (Arc::clone(&queued.batches), Arc::clone(&self.sender));
                let task = self.sender.host.spawn_restarting("sending queue consumer", move || {
                    let (batches, sender) = (Arc::clone(&batches), Arc::clone(&sender));
                    async move {
                        consume(&batches, &sender).await;
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
        if let Some(Queued { queue, batches, .. }) = &self.queued {
            queue.close();
            let tasks = std::mem::take(&mut *self.tasks());
            for task in tasks {
                if timeout_at(deadline, task.ended()).await.is_err() {
                    task.abort();
                    let _ = timeout_at(Instant::now() + GRACE, task.ended()).await;
                }
            }
            let left = batches.abandon();
            if left > 0 {
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
impl<S: Signal, E: Attempt<S>> Exporter<S> for Sending<S, E> {
    async fn export(&self, data: S, context: Context) -> Result<(), ConsumeError> {
        match &self.queued {
            Some(queued) => self.enqueue(queued, data, context).await,
            None => self.sender.send(data, context, std::iter::empty()).await.result,
        }
    }

    fn admit(&self, data: &S) -> Result<(), ConsumeError> {
        self.queued.as_ref().map_or(Ok(()), |queued| queued.queue.admit(data))
    }

    fn strength(&self) -> Strength {
        if self.queued.as_ref().is_some_and(|queued| queued.wait_for_result) {
            Strength::Delivered
        } else {
            Strength::Held
        }
    }
}

impl<S: Signal, E> fmt::Debug for Sending<S, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending")
            .field("signal", &S::KIND)
            .field("queue", &self.queued.as_ref().map(|queued| &queued.queue))
            .finish_non_exhaustive()
    }
}

/// Sends what is queued until the queue is closed and empty.
async fn consume<S: Signal, E: Attempt<S>>(batches: &Batches<S>, sender: &Sender<E>) {
    while let Some(Batch { data, context, shares }) = batches.next().await {
        if let Some(metrics) = &sender.queue {
            metrics.taken(&data);
        }
        let sent = sender.send(data, context, shares.links()).await;
        shares.done(&sent);
    }
}
