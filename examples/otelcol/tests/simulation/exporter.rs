//! Exporters to simulated backends: queue and retries of the workspace, in configurations that a seed makes, with their calls
//! counted.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use otel_core::component::{
    BuildError, Component, ComponentConfig, ConsumeError, Context, Exporter, ExporterFactory, Host,
    StartError, Strength,
};
use otel_core::config::Optional;
use otel_core::pdata::{Signal as _, Traces};
use otel_exporters::sending::{BatchConfig as QueueBatchConfig, Sending, SendingConfig};
use tokio::time::Instant;

use super::backend::Backend;
use super::chance::Chance;
use super::disk::STORAGE;

/// How a seed makes configurations.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    pub(crate) seed: u64,
    pub(crate) queues: Queues,
}

/// What the queues of a world are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Queues {
    /// As a seed has it, or there is none.
    Any,
    /// They have room for all, and retries never end.
    Patient,
    /// They are on a disk, and batches wait for it.
    Stored,
}

impl Style {
    /// The chance of a version of a component: the same version is the same configuration.
    pub(crate) fn chance(self, id: &str, version: u64) -> Chance {
        Chance::of(self.seed, &format!("{id} {version}"))
    }
}

/// An exporter with queue and retries to a backend.
#[derive(Clone)]
pub(crate) struct ToBackend {
    pub(crate) backend: Backend,
    pub(crate) style: Style,
    pub(crate) version: u64,
    pub(crate) calls: Arc<Mutex<Calls>>,
}

/// What became of spans that an exporter was handed.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    /// Taken with success.
    pub(crate) taken: usize,
    /// Nobody knows: the call was broken off, or answered with an error while callers wait for the result.
    pub(crate) unknown: usize,
}

impl ToBackend {
    /// The configuration of this version.
    pub(crate) fn config(&self) -> SendingConfig {
        let chance = self.style.chance(self.backend.name(), self.version);
        let mut config = SendingConfig::default();
        config.timeout = Duration::from_millis(*chance.pick(&[300, 1000, 5000]));
        let retry = &mut config.retry_on_failure;
        retry.randomization_factor = 0.0;
        retry.initial_interval = Duration::from_millis(*chance.pick(&[50, 100, 1000]));
        retry.max_interval = Duration::from_secs(2);
        retry.max_elapsed_time = Duration::from_secs(*chance.pick(&[0, 0, 5]));
        retry.enabled = chance.percent(90);
        let has_queue = chance.percent(85);
        if let Some(queue) = config.sending_queue.get_mut() {
            queue.queue_size = *chance.pick(&[5, 20, 100]);
            queue.num_consumers = *chance.pick(&[1, 3, 10]);
            queue.block_on_overflow = chance.percent(30);
            queue.wait_for_result = chance.percent(25);
        }
        if let Some(queue) = config.sending_queue.get_mut().filter(|_| chance.percent(30)) {
            let mut batch = QueueBatchConfig::default();
            batch.flush_timeout = Duration::from_millis(*chance.pick(&[20, 200, 1000]));
            batch.min_size = *chance.pick(&[1, 10, 50]);
            batch.max_size = *chance.pick(&[0, 50, 60]);
            queue.batch = Optional::some(batch);
        }
        if self.style.queues == Queues::Stored {
            config.retry_on_failure.max_elapsed_time = Duration::ZERO;
            config.retry_on_failure.enabled = true;
            if let Some(queue) = config.sending_queue.get_mut() {
                queue.storage = Some(STORAGE.parse().expect("it is an id"));
                queue.wait_for_result = false;
            }
        } else if self.style.queues == Queues::Patient {
            config.retry_on_failure.max_elapsed_time = Duration::ZERO;
            config.retry_on_failure.enabled = true;
            config.timeout = config.timeout.max(Duration::from_secs(1));
            if let Some(queue) = config.sending_queue.get_mut() {
                queue.queue_size = 1000;
                queue.num_consumers = 10;
            }
        } else if !has_queue {
            config.sending_queue = Optional::none();
        }
        config
    }

    fn waits(&self) -> bool {
        self.config().sending_queue.get().is_none_or(|queue| queue.wait_for_result)
    }
}

impl std::fmt::Debug for ToBackend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{} {:?}", self.backend.name(), self.version, self.config())
    }
}

impl ComponentConfig for ToBackend {
    const TYPE: &'static str = "backend";

    fn same_as(&self, other: &Self) -> bool {
        self.version == other.version
    }
}

impl ExporterFactory<Traces> for ToBackend {
    fn create(&self, host: &Host) -> Result<Box<dyn Exporter<Traces>>, BuildError> {
        Ok(Box::new(Counted {
            sending: Sending::new(self.backend.clone(), &self.config(), host, &[]),
            waits: self.waits(),
            calls: Arc::clone(&self.calls),
        }))
    }
}

/// An exporter whose calls are counted.
struct Counted {
    sending: Sending<Traces, Backend>,
    waits: bool,
    calls: Arc<Mutex<Calls>>,
}

#[async_trait]
impl Component for Counted {
    async fn start(&self) -> Result<(), StartError> {
        self.sending.start().await
    }

    async fn shutdown(&self, deadline: Instant) {
        self.sending.shutdown(deadline).await;
    }
}

#[async_trait]
impl Exporter<Traces> for Counted {
    async fn export(&self, data: Traces, context: Context) -> Result<(), ConsumeError> {
        let mut call = Call { calls: &self.calls, items: data.items() };
        let outcome = self.sending.export(data, context).await;
        let items = std::mem::take(&mut call.items);
        let mut calls = self.calls.lock().unwrap();
        match &outcome {
            Ok(()) => calls.taken += items,
            Err(_) if self.waits => calls.unknown += items,
            Err(_) => {}
        }
        outcome
    }

    fn admit(&self, data: &Traces) -> Result<(), ConsumeError> {
        self.sending.admit(data)
    }

    fn strength(&self) -> Strength {
        self.sending.strength()
    }
}

/// Counts a call that is broken off.
struct Call<'c> {
    calls: &'c Mutex<Calls>,
    items: usize,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.calls.lock().unwrap().unknown += self.items;
    }
}
