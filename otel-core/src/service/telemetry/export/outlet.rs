use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::super::config::{BatchConfig, Resource};
use super::client::Client;
use crate::net::Surroundings;
use crate::pdata::{Signal, SignalKind};
use crate::service::run::ServiceError;
use crate::telemetry::{Counter, Logger, Metrics};

/// Where records or spans wait until a task sends them. Cloning shares it.
#[derive(Debug, Clone)]
pub(in crate::service::telemetry) struct Outlet<T> {
    waiting: mpsc::Sender<T>,
    dropped: Counter,
}

impl<T: Send + 'static> Outlet<T> {
    /// Takes one. Where too many wait already it is dropped, and counted.
    pub(in crate::service::telemetry) fn put(&self, item: T) {
        if self.waiting.try_send(item).is_err() {
            self.dropped.add(1);
        }
    }
}

/// What every outlet of a collector needs.
#[derive(Debug, Clone)]
pub(in crate::service::telemetry) struct Outlets {
    /// Says what could not be sent; it goes to no outlet itself.
    pub(in crate::service::telemetry) logger: Logger,
    pub(in crate::service::telemetry) metrics: Metrics,
    pub(in crate::service::telemetry) resource: Arc<Resource>,
    pub(in crate::service::telemetry) surroundings: Surroundings,
    /// Turns true when outlets close.
    pub(in crate::service::telemetry) stopped: watch::Receiver<bool>,
}

impl Outlets {
    /// Opens an outlet, with a task that sends what is put there as `encode` writes it.
    pub(in crate::service::telemetry) fn open<T: Send + 'static, S: Signal>(
        &self,
        config: &BatchConfig,
        tasks: &mut JoinSet<()>,
        encode: fn(&[T], &Resource) -> S,
    ) -> Result<Outlet<T>, ServiceError> {
        let client = Client::new(&config.destination, S::KIND, &self.surroundings)?;
        let (waiting, receiver) = mpsc::channel(config.max_queue_size);
        let sending = Sending {
            client,
            encode,
            resource: Arc::clone(&self.resource),
            logger: self.logger.clone(),
            failed: self.dropped(S::KIND, "export"),
            delay: config.schedule_delay,
            timeout: config.export_timeout,
            at_once: config.max_export_batch_size,
            stopped: self.stopped.clone(),
        };
        tasks.spawn(sending.run(receiver));
        Ok(Outlet { waiting, dropped: self.dropped(S::KIND, "queue_full") })
    }

    fn dropped(&self, signal: SignalKind, reason: &'static str) -> Counter {
        self.metrics.counter(
            "otelcol_dropped_items",
            "Items given up after they were accepted, by component and reason",
            "{item}",
            &[("component", "service/telemetry"), ("signal", signal.as_str()), ("reason", reason)],
        )
    }
}

struct Sending<T, S> {
    client: Client,
    encode: fn(&[T], &Resource) -> S,
    resource: Arc<Resource>,
    logger: Logger,
    failed: Counter,
    delay: Duration,
    timeout: Duration,
    at_once: usize,
    stopped: watch::Receiver<bool>,
}

impl<T, S: Signal> Sending<T, S> {
    /// Sends until it is stopped and nothing waits.
    async fn run(mut self, mut receiver: mpsc::Receiver<T>) {
        let mut batch = Vec::new();
        while self.collect(&mut receiver, &mut batch).await {
            let data = (self.encode)(&batch, &self.resource);
            if let Err(error) = self.client.send(&data, self.timeout).await {
                self.failed.add(batch.len() as u64);
                let message = "OpenTelemetry internal telemetry error";
                self.logger.error(message).field("error", error).field("dropped_items", batch.len()).emit();
            }
            batch.clear();
        }
    }

    /// Collects a batch; false where there will be none.
    async fn collect(&mut self, receiver: &mut mpsc::Receiver<T>, batch: &mut Vec<T>) -> bool {
        let mut until = None;
        loop {
            let room = self.at_once - batch.len();
            tokio::select! {
                biased;
                _ = self.stopped.wait_for(|stopped| *stopped), if !receiver.is_closed() => receiver.close(),
                received = receiver.recv_many(batch, room) => {
                    if received == 0 || batch.len() == self.at_once {
                        return !batch.is_empty();
                    }
                    until.get_or_insert_with(|| Instant::now() + self.delay);
                }
                () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => return true,
            }
        }
    }
}
