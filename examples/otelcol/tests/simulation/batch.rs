//! `batch` processors in configurations that a seed makes, with what they take and hand on taken down.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use otel_core::component::{
    BuildError, Component, ComponentConfig, ConsumeError, Consumer, Context, Host, Next, Processor,
    ProcessorFactory, StartError, Strength,
};
use otel_core::pdata::Traces;
use otel_processors::batch::{Acknowledgement, BatchConfig};
use tokio::time::Instant;

use super::exporter::{Queues, Style};
use super::spans::numbers;

/// A `batch` processor.
#[derive(Clone)]
pub(crate) struct Batch {
    pub(crate) id: &'static str,
    pub(crate) style: Style,
    pub(crate) version: u64,
    pub(crate) flow: Arc<Mutex<Flow>>,
}

/// What went through the processors of one id.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    /// Spans that were taken with success.
    pub(crate) taken: BTreeSet<u64>,
    /// Spans that were handed on with success, or nobody knows.
    pub(crate) handed_on: BTreeSet<u64>,
}

impl Batch {
    fn config(&self) -> BatchConfig {
        let chance = self.style.chance(self.id, self.version);
        let mut config = BatchConfig::default();
        config.timeout = Duration::from_millis(*chance.pick(&[0, 20, 200, 1000]));
        config.send_batch_size = *chance.pick(&[1, 5, 20, 200]);
        if chance.percent(40) {
            // One after the other takes its time where each waits for its answer.
            let least = if self.style.queues == Queues::Patient { 100 } else { 0 };
            config.send_batch_max_size = least.max(config.send_batch_size) + *chance.pick(&[0, 3]);
        }
        let all = [Acknowledgement::Auto, Acknowledgement::Wait, Acknowledgement::Immediate];
        // What is answered at once is lost in a crash.
        config.acknowledgement =
            *chance.pick(if self.style.queues == Queues::Stored { &all[..2] } else { &all });
        if chance.percent(20) {
            config.metadata_keys = vec!["tenant".to_owned()];
            config.metadata_cardinality_limit = if self.style.queues == Queues::Patient { 10 } else { 2 };
        }
        config
    }
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{} {:?}", self.id, self.version, self.config())
    }
}

impl ComponentConfig for Batch {
    const TYPE: &'static str = "batch";

    fn same_as(&self, other: &Self) -> bool {
        self.version == other.version
    }
}

impl ProcessorFactory<Traces> for Batch {
    fn create(&self, host: &Host) -> Result<Box<dyn Processor<Traces>>, BuildError> {
        let batch = self.config().create(host)?;
        Ok(Box::new(Watched { batch, flow: Arc::clone(&self.flow), next: OnceLock::new() }))
    }
}

/// A processor whose calls, and those that it makes, are taken down.
struct Watched {
    batch: Box<dyn Processor<Traces>>,
    flow: Arc<Mutex<Flow>>,
    next: OnceLock<Next<Traces>>,
}

impl Watched {
    /// What follows the processor, which the engine never exchanges.
    fn next(&self, next: &Next<Traces>) -> &Next<Traces> {
        self.next.get_or_init(|| Next::new(Outlet { next: next.clone(), flow: Arc::clone(&self.flow) }))
    }
}

#[async_trait]
impl Component for Watched {
    async fn start(&self) -> Result<(), StartError> {
        self.batch.start().await
    }

    async fn shutdown(&self, deadline: Instant) {
        self.batch.shutdown(deadline).await;
    }
}

#[async_trait]
impl Processor<Traces> for Watched {
    async fn process(&self, data: Traces, context: Context, next: &Next<Traces>) -> Result<(), ConsumeError> {
        let numbers = numbers(&data);
        self.batch.process(data, context, self.next(next)).await?;
        self.flow.lock().unwrap().taken.extend(numbers);
        Ok(())
    }

    fn admit(&self, data: &Traces, next: &Next<Traces>) -> Result<(), ConsumeError> {
        self.batch.admit(data, self.next(next))
    }

    fn strength(&self, next: Strength) -> Strength {
        self.batch.strength(next)
    }
}

/// What a processor hands on to.
struct Outlet {
    next: Next<Traces>,
    flow: Arc<Mutex<Flow>>,
}

#[async_trait]
impl Consumer<Traces> for Outlet {
    async fn consume(&self, data: Traces, context: Context) -> Result<(), ConsumeError> {
        let mut call = Call { flow: &self.flow, numbers: numbers(&data) };
        let outcome = self.next.consume(data, context).await;
        if outcome.is_err() {
            call.numbers.clear();
        }
        outcome
    }

    fn admit(&self, data: &Traces) -> Result<(), ConsumeError> {
        self.next.admit(data)
    }

    fn strength(&self) -> Strength {
        self.next.strength()
    }
}

/// Takes down what was handed on, also where the call is broken off.
struct Call<'f> {
    flow: &'f Mutex<Flow>,
    numbers: Vec<u64>,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.flow.lock().unwrap().handed_on.extend(&self.numbers);
    }
}
