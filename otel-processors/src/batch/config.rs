use std::time::Duration;

use documented::DocumentedFieldsOpt;
use otel_core::Invalid;
use otel_core::component::{BuildError, ComponentConfig, Host, MetadataKeys, Processor, ProcessorFactory};
use otel_core::config::{Decode, Decoder, Fields, FromNode, KeyDocs, Node, Schema, Value};
use otel_core::pdata::Signal;

use super::BatchProcessor;

/// The configuration of the `batch` processor.
#[derive(Debug, Clone, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct BatchConfig {
    /// How long an item waits at most; zero hands every request on at once.
    pub timeout: Duration,
    /// Items after which a batch goes out; zero hands every request on at once.
    pub send_batch_size: u32,
    /// Items that a batch holds at most; zero for no limit.
    pub send_batch_max_size: u32,
    /// Client metadata by which data is batched apart.
    pub metadata_keys: Vec<String>,
    /// How many combinations of metadata values there may be; zero for no limit.
    pub metadata_cardinality_limit: u32,
    /// When callers are answered.
    pub acknowledgement: Acknowledgement,
}

/// When the callers of a batch are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Acknowledgement {
    /// As `Wait` where what follows is durable or delivers, otherwise as `Immediate`.
    #[default]
    Auto,
    /// When the data is held.
    Immediate,
    /// When the next stage has taken the batch.
    Wait,
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self {
            timeout: Duration::from_millis(200),
            send_batch_size: 8192,
            send_batch_max_size: 0,
            metadata_keys: Vec::new(),
            metadata_cardinality_limit: 1000,
            acknowledgement: Acknowledgement::Auto,
        }
    }
}

impl Decode for BatchConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        fields.take("timeout", &mut self.timeout);
        fields.take("send_batch_size", &mut self.send_batch_size);
        fields.take("send_batch_max_size", &mut self.send_batch_max_size);
        fields.take("metadata_keys", &mut self.metadata_keys);
        fields.take("metadata_cardinality_limit", &mut self.metadata_cardinality_limit);
        fields.take("acknowledgement", &mut self.acknowledgement);
    }
}

const ACKNOWLEDGEMENTS: [(&str, Acknowledgement); 3] = [
    ("auto", Acknowledgement::Auto),
    ("immediate", Acknowledgement::Immediate),
    ("wait", Acknowledgement::Wait),
];

impl FromNode for Acknowledgement {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        decoder.one_of(node, &ACKNOWLEDGEMENTS)
    }

    fn schema() -> Schema {
        Schema::one_of(&ACKNOWLEDGEMENTS)
    }

    fn value(&mut self) -> Value {
        Value::one_of(self, &ACKNOWLEDGEMENTS)
    }
}

impl ComponentConfig for BatchConfig {
    const TYPE: &'static str = "batch";

    fn validate(&self) -> Vec<Invalid> {
        let mut broken = Vec::new();
        if self.send_batch_max_size > 0 && self.send_batch_max_size < self.send_batch_size {
            let message = "send_batch_max_size must be greater or equal to send_batch_size";
            broken.push(Invalid::new("send_batch_max_size", message));
        }
        broken.extend(MetadataKeys::validate(&self.metadata_keys));
        broken
    }
}

impl<S: Signal> ProcessorFactory<S> for BatchConfig {
    fn create(&self, host: &Host) -> Result<Box<dyn Processor<S>>, BuildError> {
        Ok(Box::new(BatchProcessor::new(self, host)))
    }
}
