use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use otel_core::component::{
    Component, ConsumeError, Context, Host, Metadata, MetadataKeys, Next, Processor, StartError, Strength,
};
use otel_core::pdata::Signal;
use tokio::time::Instant;

use super::metrics::BatchMetrics;
use super::shard::{Limits, Shard};
use super::{Acknowledgement, BatchConfig};

/// Collects telemetry of one pipeline into batches.
#[derive(Debug)]
pub struct BatchProcessor<S: Signal> {
    host: Host,
    metrics: Arc<BatchMetrics>,
    limits: Limits,
    acknowledgement: Acknowledgement,
    /// What goes on with a batch.
    metadata_keys: MetadataKeys,
    most_shards: usize,
    shards: Mutex<HashMap<Metadata, Arc<Shard<S>>>>,
}

impl<S: Signal> BatchProcessor<S> {
    /// A processor of this configuration.
    pub fn new(config: &BatchConfig, host: &Host) -> Self {
        Self {
            host: host.clone(),
            metrics: Arc::new(BatchMetrics::new(host)),
            limits: Limits {
                timeout: config.timeout,
                size: config.send_batch_size as usize,
                max: NonZeroUsize::new(config.send_batch_max_size as usize),
            },
            acknowledgement: config.acknowledgement,
            metadata_keys: MetadataKeys::new(&config.metadata_keys),
            most_shards: config.metadata_cardinality_limit as usize,
            shards: Mutex::default(),
        }
    }

    fn waits(&self, next: Strength) -> bool {
        match self.acknowledgement {
            Acknowledgement::Auto => next > Strength::Held,
            Acknowledgement::Immediate => false,
            Acknowledgement::Wait => true,
        }
    }

    fn shard(&self, metadata: Metadata, next: &Next<S>) -> Result<Arc<Shard<S>>, ConsumeError> {
        let mut shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shard) = shards.get(&metadata) {
            return Ok(Arc::clone(shard));
        }
        if self.most_shards > 0 && shards.len() >= self.most_shards {
            return Err(ConsumeError::permanent("too many batcher metadata-value combinations")
                .with_reason("metadata_cardinality"));
        }
        let shard = Shard::start(
            self.host.clone(),
            Arc::clone(&self.metrics),
            self.limits,
            Context::new().with_metadata(metadata.clone()),
            next.clone(),
        );
        shards.insert(metadata, Arc::clone(&shard));
        self.metrics.shards.add(1);
        Ok(shard)
    }

    /// Nothing is collected: what comes goes on at once, cut to size.
    async fn pass(&self, data: S, context: Context, next: &Next<S>) -> Result<(), ConsumeError> {
        let context = match context.deadline() {
            Some(deadline) => Context::new().with_deadline(deadline),
            None => Context::new(),
        }
        .with_metadata(self.metadata_keys.of(&context));
        let Some(max) = self.limits.max else {
            self.metrics.sent(&data);
            return next.consume(data, context).await;
        };
        let mut refused = None;
        for part in data.chunks(max) {
            self.metrics.sent(&part);
            match next.consume(part, context.clone()).await {
                Ok(()) => {}
                // The other parts may be fine.
                Err(error) if error.is_permanent() => refused = Some(error),
                Err(error) => return Err(error),
            }
        }
        refused.map_or(Ok(()), Err)
    }
}

#[async_trait]
impl<S: Signal> Component for BatchProcessor<S> {
    async fn start(&self) -> Result<(), StartError> {
        Ok(())
    }

    async fn shutdown(&self, deadline: Instant) {
        let mut shards: Vec<_> = {
            let shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner);
            shards.iter().map(|(metadata, shard)| (metadata.clone(), Arc::clone(shard))).collect()
        };
        // In the same order each time.
        shards.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        for (_, shard) in &shards {
            shard.stop(deadline);
        }
        for (_, shard) in &shards {
            shard.stopped().await;
        }
    }
}

#[async_trait]
impl<S: Signal> Processor<S> for BatchProcessor<S> {
    async fn process(&self, data: S, context: Context, next: &Next<S>) -> Result<(), ConsumeError> {
        if self.limits.timeout.is_zero() || self.limits.size == 0 {
            return self.pass(data, context, next).await;
        }
        let shard = self.shard(self.metadata_keys.of(&context), next)?;
        shard.add(data, &context, self.waits(next.strength())).await
    }

    fn admit(&self, data: &S, next: &Next<S>) -> Result<(), ConsumeError> {
        let shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner);
        match shards.values().find_map(|shard| shard.blocked()) {
            Some(error) => Err(error),
            None if self.waits(next.strength()) => next.admit(data),
            None => Ok(()),
        }
    }

    fn strength(&self, next: Strength) -> Strength {
        if self.waits(next) { next } else { Strength::Held }
    }
}
