use std::time::Duration;

use otel_core::Invalid;
use otel_core::config::{Decode, Decoder, Fields, FromNode, Node, Optional, Schema, Value};
use otel_core::pdata::Signal;

/// The keys `timeout`, `sending_queue` and `retry_on_failure` of exporters.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SendingConfig {
    /// For one attempt; zero for no bound.
    pub timeout: Duration,
    /// The queue; without it a caller waits for the answer.
    pub sending_queue: Optional<QueueConfig>,
    /// What happens after a retryable failure.
    pub retry_on_failure: RetryConfig,
}

/// The in-memory queue.
#[derive(Debug, Clone)]
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
}

/// What a queue's size counts.
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

/// Retries, each after a longer pause.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RetryConfig {
    /// Whether to retry at all.
    pub enabled: bool,
    /// The first pause.
    pub initial_interval: Duration,
    /// The part of a pause by which it is shortened or prolonged at random, from 0 to 1.
    pub randomization_factor: f64,
    /// By what each pause is longer than the one before.
    pub multiplier: f64,
    /// The longest pause.
    pub max_interval: Duration,
    /// When to give up, from the first attempt; zero for never.
    pub max_elapsed_time: Duration,
}

// === impl SendingConfig ===

impl SendingConfig {
    /// The rules that the settings break.
    pub fn validate(&self) -> Vec<Invalid> {
        let queue = self.sending_queue.get().map(QueueConfig::validate).unwrap_or_default();
        let retry = self.retry_on_failure.validate();
        let queue = queue.into_iter().map(|rule| rule.within("sending_queue"));
        queue.chain(retry.into_iter().map(|rule| rule.within("retry_on_failure"))).collect()
    }
}

impl Default for SendingConfig {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            sending_queue: Optional::some(QueueConfig::default()),
            retry_on_failure: RetryConfig::default(),
        }
    }
}

impl Decode for SendingConfig {
    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { timeout, sending_queue, retry_on_failure } = self;
        fields.take("timeout", timeout);
        fields.take("sending_queue", sending_queue);
        fields.take("retry_on_failure", retry_on_failure);
    }
}

// === impl QueueConfig ===

impl QueueConfig {
    fn validate(&self) -> Vec<Invalid> {
        let positive = [("num_consumers", self.num_consumers), ("queue_size", self.queue_size)];
        let broken = positive.into_iter().filter(|(_, value)| *value == 0);
        broken.map(|(key, _)| Invalid::new(key, format!("`{key}` must be positive"))).collect()
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
        }
    }
}

impl Decode for QueueConfig {
    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { num_consumers, queue_size, sizer, block_on_overflow, wait_for_result } = self;
        fields.take("num_consumers", num_consumers);
        fields.take("queue_size", queue_size);
        fields.take("sizer", sizer);
        fields.renamed("blocking", "block_on_overflow", block_on_overflow);
        fields.take("block_on_overflow", block_on_overflow);
        fields.take("wait_for_result", wait_for_result);
        fields.unsupported("storage", "the queue is in memory");
        fields.unsupported("batch", "the batch processor makes batches");
    }
}

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

// === impl RetryConfig ===

impl RetryConfig {
    fn validate(&self) -> Vec<Invalid> {
        let mut broken = Vec::new();
        let mut rule = |broke: bool, key: &'static str, message: &str| {
            if broke {
                broken.push(Invalid::new(key, message));
            }
        };
        // NaN breaks both rules.
        let negative = |value: f64| !matches!(value.partial_cmp(&0.0), Some(order) if order.is_ge());
        rule(negative(self.multiplier), "multiplier", "multiplier value must be greater than or equal to 0");
        rule(
            negative(self.randomization_factor),
            "randomization_factor",
            "randomization_factor value must be greater than or equal to 0",
        );
        rule(
            self.randomization_factor > 1.0,
            "randomization_factor",
            "randomization_factor value must be less than or equal to 1",
        );
        let bound = self.max_elapsed_time;
        rule(
            !bound.is_zero() && bound < self.initial_interval,
            "max_elapsed_time",
            "'max_elapsed_time' must not be less than 'initial_interval'",
        );
        rule(
            !bound.is_zero() && bound < self.max_interval,
            "max_elapsed_time",
            "'max_elapsed_time' must not be less than 'max_interval'",
        );
        broken
    }
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            initial_interval: Duration::from_secs(5),
            randomization_factor: 0.5,
            multiplier: 1.5,
            max_interval: Duration::from_secs(30),
            max_elapsed_time: Duration::from_secs(5 * 60),
        }
    }
}

impl Decode for RetryConfig {
    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self {
            enabled,
            initial_interval,
            randomization_factor,
            multiplier,
            max_interval,
            max_elapsed_time,
        } = self;
        fields.take("enabled", enabled);
        fields.take("initial_interval", initial_interval);
        fields.take("randomization_factor", randomization_factor);
        fields.take("multiplier", multiplier);
        fields.take("max_interval", max_interval);
        fields.take("max_elapsed_time", max_elapsed_time);
    }
}
