use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use otel_core::ComponentId;
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
use super::sender::{Sender, Sent};
use super::store::Store;
use super::{Attempt, SendingConfig, heirs};

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
    storage: Option<ComponentId>,
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
            if queue.may_adopt() {
                heirs::announce(host, &queue);
            }
            let batches = Arc::new(Batches::new(Arc::clone(&queue), config.batch.get()));
            let (consumers, wait_for_result) = (config.num_consumers, config.wait_for_result);
            let metrics = QueueMetrics::new(host, S::KIND, config.queue_size, queue.room().taken());
            (Queued { queue, batches, consumers, wait_for_result, storage: config.storage.clone() }, metrics)
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
        let outcome = match (put, waiting) {
            (Ok(()), Some(waiting)) => waiting.await.unwrap_or_else(|_| {
                Err(ConsumeError::retryable("the outcome is unknown: the sending was broken off")
                    .with_reason("shutdown"))
            }),
            (put, _) => put,
        };
        outcome.inspect_err(|error| self.refused(items, error))
    }

    /// Counts and logs what its caller keeps.
    fn refused(&self, items: usize, error: &ConsumeError) {
        self.sender.report.enqueue_failed(items);
        let logger = self.sender.host.logger();
        logger.error("Exporting failed. Rejecting data.").error(error).field("rejected_items", items).emit();
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
            if let Some(storage) = &queued.storage {
                let keys = queued.batches.keys().clone();
                let (store, recovered) = Store::open(&self.sender.host, S::KIND, storage, keys).await?;
                queued.queue.begin(store, recovered);
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
            if let Some(heir) = queue.heir() {
                let requests = queue.hand_over(&heir);
                let message = "What is queued goes to the exporter that takes the place of this one.";
                self.sender.host.logger().info(message).field("requests", requests).emit();
            }
            let tasks = std::mem::take(&mut *self.tasks());
            for task in tasks {
                if timeout_at(deadline, task.ended()).await.is_err() {
                    task.abort();
                    let _ = timeout_at(Instant::now() + GRACE, task.ended()).await;
                }
            }
            let (left, stored) = batches.end();
            let logger = self.sender.host.logger();
            if left > 0 {
                logger
                    .error("Exporting failed. Dropping data.")
                    .field("error", "the shutdown's deadline has passed")
                    .field("dropped_items", left)
                    .emit();
            }
            if stored > 0 {
                logger.info("Requests stay in the persistent queue.").field("requests", stored).emit();
            }
        }
        self.sender.exporter.shutdown(deadline).await;
    }
}

#[async_trait]
impl<S: Signal, E: Attempt<S>> Exporter<S> for Sending<S, E> {
    async fn export(&self, data: S, context: Context) -> Result<(), ConsumeError> {
        if let Some(queued) = &self.queued {
            return self.enqueue(queued, data, context).await;
        }
        let mut data = data;
        let sent = self.sender.send(&mut data, context, std::iter::empty()).await;
        self.sender.log_loss(&sent);
        sent.result
    }

    fn admit(&self, data: &S) -> Result<(), ConsumeError> {
        let Some(queued) = &self.queued else { return Ok(()) };
        let items = data.items();
        if items == 0 {
            // A look before there is data. That it is refused is counted by its items, which nobody knows yet.
            return Ok(());
        }
        queued.queue.admit(data).inspect_err(|error| self.refused(items, error))
    }

    fn strength(&self) -> Strength {
        match &self.queued {
            Some(queued) if queued.wait_for_result => Strength::Delivered,
            Some(queued) if queued.storage.is_some() => Strength::Durable,
            _ => Strength::Held,
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
    while let Some(Batch { mut data, context, shares }) = batches.next().await {
        if let Some(metrics) = &sender.queue {
            metrics.taken(&data);
        }
        let mut sent = sender.send(&mut data, context.clone(), shares.links()).await;
        if !sent.is_interrupted {
            sender.log_loss(&sent);
        } else if batches.queue().is_stored() {
            let message = "Exporting was interrupted. The data stays in the persistent queue.";
            sender.host.logger().info(message).emit();
        } else if batches.queue().heir().is_some_and(|heir| heir.adopt(data, context)) {
            sent = Sent::well();
        } else {
            sender.log_loss(&sent);
        }
        shares.done(&sent);
    }
}
