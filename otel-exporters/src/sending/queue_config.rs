use std::time::Duration;

use documented::DocumentedFieldsOpt;
use otel_core::component::MetadataKeys;
use otel_core::config::gates::QUEUE_BATCH;
use otel_core::config::{Decode, Decoder, Fields, FromNode, KeyDocs, Node, Optional, Schema, Value};
use otel_core::pdata::Signal;
use otel_core::{ComponentId, Invalid};

/// The queue before an exporter.
#[derive(Debug, Clone, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct QueueConfig {
    /// How many requests are sent at a time.
    pub num_consumers: usize,
    /// The most that is held, queued and being sent, in what `sizer` counts.
    pub queue_size: usize,
    /// What `queue_size` counts.
    pub sizer: Sizer,
    /// A full queue lets callers wait instead of refusing.
    pub block_on_overflow: bool,
    /// Callers wait for the answer of the destination.
    pub wait_for_result: bool,
    /// The extension that stores what is queued; in memory without one.
    pub storage: Option<ComponentId>,
    /// What is queued is sent in batches; off unless it is named.
    pub batch: Optional<BatchConfig>,
}

/// How what is queued is made into batches.
#[derive(Debug, Clone, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct BatchConfig {
    /// How long data waits for more at most.
    pub flush_timeout: Duration,
    /// The size at which a batch is sent, in what `sizer` counts; zero for at once.
    pub min_size: usize,
    /// The size over which a batch is cut; zero for none.
    pub max_size: usize,
    /// What the sizes count: items or bytes.
    pub sizer: Sizer,
    /// What is kept apart.
    pub partition: PartitionConfig,
}

/// By what batches are kept apart.
#[derive(Debug, Clone, Default, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct PartitionConfig {
    /// Client metadata: requests with different values are in different batches, which keep those values and no others.
    pub metadata_keys: Vec<String>,
}

/// What a size counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sizer {
    /// Requests.
    #[default]
    Requests,
    /// Spans, data points, log records.
    Items,
    /// Bytes, as they are encoded.
    Bytes,
}

// === impl QueueConfig ===

impl QueueConfig {
    /// The rules that the settings break.
    pub fn validate(&self) -> Vec<Invalid> {
        let positive = [("num_consumers", self.num_consumers), ("queue_size", self.queue_size)];
        let broken = positive.into_iter().filter(|(_, value)| *value == 0);
        let mut broken: Vec<_> = broken.map(|(key, _)| Invalid::new(key, not_positive(key))).collect();
        if self.storage.is_some() && self.wait_for_result {
            let message =
                "`wait_for_result` is not supported with a persistent queue configured with `storage`";
            broken.push(Invalid::new("wait_for_result", message));
        }
        if let Some(batch) = self.batch.get() {
            let mut of_batch = batch.validate();
            if batch.sizer == self.sizer && batch.min_size > self.queue_size {
                let message = "`min_size` must be less than or equal to `queue_size`";
                of_batch.push(Invalid::new("min_size", message));
            }
            broken.extend(of_batch.into_iter().map(|rule| rule.within("batch")));
        }
        broken
    }
}

impl Default for QueueConfig {
    fn default() -> Self {
        Self {
            num_consumers: 10,
            queue_size: 1000,
            sizer: Sizer::Requests,
            block_on_overflow: false,
            wait_for_result: false,
            storage: None,
            batch: Optional::dormant(BatchConfig::default()),
        }
    }
}

impl Decode for QueueConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { num_consumers, queue_size, sizer, block_on_overflow, wait_for_result, storage, batch } =
            self;
        fields.take_non_negative("num_consumers", num_consumers, |_| not_positive("num_consumers"));
        fields.take_non_negative("queue_size", queue_size, |_| not_positive("queue_size"));
        fields.take("sizer", sizer);
        fields.renamed("blocking", "block_on_overflow", block_on_overflow);
        fields.take("block_on_overflow", block_on_overflow);
        fields.take("wait_for_result", wait_for_result);
        fields.take("storage", storage);
        if !batch.is_some() && fields.reads() && fields.decoder().gates().is_enabled(&QUEUE_BATCH) {
            *batch = Optional::some(BatchConfig::default());
        }
        fields.take("batch", batch);
        // The batch counts as the queue does where only the queue says what is counted; a batch without keys says nothing.
        let of_batch = fields.map().entry("batch").and_then(Node::mapping);
        let is_silent = of_batch.is_some_and(|keys| !keys.contains_key("sizer"));
        if let Some(batch) = batch.get_mut().filter(|_| is_silent && fields.contains("sizer")) {
            batch.sizer = *sizer;
        }
    }
}

// === impl BatchConfig ===

impl BatchConfig {
    fn validate(&self) -> Vec<Invalid> {
        let mut broken = Vec::new();
        if self.sizer == Sizer::Requests {
            let message = "`batch` supports only `items` or `bytes` sizer, found \"requests\"";
            broken.push(Invalid::new("sizer", message));
        }
        if self.flush_timeout.is_zero() {
            broken.push(Invalid::new("flush_timeout", no_timeout(0)));
        }
        let (min, max) = (self.min_size, self.max_size);
        if max > 0 && max < min {
            let message = format!("`max_size` ({max}) must be greater or equal to `min_size` ({min})");
            broken.push(Invalid::new("max_size", message));
        }
        let keys = MetadataKeys::validate(&self.partition.metadata_keys);
        broken.extend(keys.into_iter().map(|rule| rule.within("partition")));
        broken
    }
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self {
            flush_timeout: Duration::from_millis(200),
            min_size: 8192,
            max_size: 0,
            sizer: Sizer::Items,
            partition: PartitionConfig::default(),
        }
    }
}

impl Decode for BatchConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { flush_timeout, min_size, max_size, sizer, partition } = self;
        fields.take_non_negative("flush_timeout", flush_timeout, no_timeout);
        fields.take_non_negative("min_size", min_size, |size| negative("min_size", size));
        fields.take_non_negative("max_size", max_size, |size| negative("max_size", size));
        fields.take("sizer", sizer);
        fields.take("partition", partition);
    }
}

impl Decode for PartitionConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        fields.take("metadata_keys", &mut self.metadata_keys);
    }
}

fn not_positive(key: &str) -> String {
    format!("`{key}` must be positive")
}

fn no_timeout(nanoseconds: i128) -> String {
    format!("`flush_timeout` must be positive, found {nanoseconds}")
}

fn negative(key: &str, size: i128) -> String {
    format!("`{key}` must be non-negative, found {size}")
}

// === impl Sizer ===

impl Sizer {
    pub(super) fn size<S: Signal>(self, data: &S) -> usize {
        match self {
            Sizer::Requests => 1,
            Sizer::Items => data.items(),
            Sizer::Bytes => data.encoded_len(),
        }
    }
}

const SIZERS: [(&str, Sizer); 3] =
    [("requests", Sizer::Requests), ("items", Sizer::Items), ("bytes", Sizer::Bytes)];

impl FromNode for Sizer {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        decoder.one_of(node, &SIZERS)
    }

    fn schema() -> Schema {
        Schema::one_of(&SIZERS)
    }

    fn value(&mut self) -> Value {
        Value::one_of(self, &SIZERS)
    }
}
