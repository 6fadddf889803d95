use std::time::Duration;

use documented::DocumentedFieldsOpt;
use otel_core::Invalid;
use otel_core::config::{Decode, Fields, KeyDocs, Optional};

use super::{QueueConfig, former};

/// The keys `timeout`, `sending_queue` and `retry_on_failure` of exporters.
#[derive(Debug, Clone, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct SendingConfig {
    /// For one attempt; zero for no bound.
    pub timeout: Duration,
    /// The queue; without it a caller waits for the answer.
    pub sending_queue: Optional<QueueConfig>,
    /// What happens after a retryable failure.
    pub retry_on_failure: RetryConfig,
}

/// Retries, each after a longer pause.
#[derive(Debug, Clone, DocumentedFieldsOpt)]
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
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { timeout, sending_queue, retry_on_failure } = self;
        fields.take_non_negative("timeout", timeout, |_| "'timeout' must be non-negative".to_owned());
        fields.take("sending_queue", sending_queue);
        former::batcher(fields, sending_queue);
        fields.take("retry_on_failure", retry_on_failure);
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
        let is_negative = |value: f64| !matches!(value.partial_cmp(&0.0), Some(order) if order.is_ge());
        rule(is_negative(self.multiplier), "multiplier", &negative("multiplier"));
        rule(
            is_negative(self.randomization_factor),
            "randomization_factor",
            &negative("randomization_factor"),
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
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

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
        fields.take_non_negative("initial_interval", initial_interval, |_| negative("initial_interval"));
        fields.take("randomization_factor", randomization_factor);
        fields.take("multiplier", multiplier);
        fields.take_non_negative("max_interval", max_interval, |_| negative("max_interval"));
        fields.take_non_negative("max_elapsed_time", max_elapsed_time, |_| negative("max_elapsed_time"));
    }
}

fn negative(key: &str) -> String {
    format!("{key} value must be greater than or equal to 0")
}
