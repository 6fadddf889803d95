//! The block `batcher` that exporters had beside their queue before it made batches itself.

use documented::DocumentedFieldsOpt;
use otel_core::config::{Decode, Fields, FromNode as _, KeyDocs, Optional};

use super::{BatchConfig, QueueConfig, Sizer};

/// What the block says, with the defaults that it had.
#[derive(Debug, Default, DocumentedFieldsOpt)]
struct Batcher {
    /// What is sent goes out in batches.
    enabled: bool,
    batch: BatchConfig,
}

/// Reads a former block into the queue. What the queue says itself wins.
pub(super) fn batcher(fields: &mut Fields<'_>, queue: &mut Optional<QueueConfig>) {
    const KEY: &str = "batcher";
    fields.describe_former(KEY, Batcher::schema(), "batches are made by `sending_queue::batch`");
    if !fields.contains(KEY) {
        return;
    }
    let is_told = fields.map().entry("sending_queue").is_some_and(|queue| queue.entry("batch").is_some());
    let mut former = Batcher::default();
    let Some(node) = fields.node(KEY) else { return };
    fields.decoder().at(KEY, |decoder| {
        former.update(node, decoder);
        let BatchConfig { flush_timeout, min_size, max_size, sizer, .. } = &former.batch;
        let sizer = if *sizer == Sizer::Bytes { "bytes" } else { "items" };
        let today = format!(
            "{{ flush_timeout: {}, min_size: {min_size}, max_size: {max_size}, sizer: {sizer} }}",
            otel_core::config::format_duration(*flush_timeout)
        );
        let (message, help) = match (former.enabled, queue.is_some()) {
            (false, _) => ("`batcher` is gone, and this one is off", "help: leave it out".to_owned()),
            (true, true) => (
                "`batcher` is now `batch` in `sending_queue`",
                format!("help: write `sending_queue: {{ batch: {today} }}`"),
            ),
            (true, false) => (
                "`batcher` is now `batch` in `sending_queue`, which is turned on for it",
                format!(
                    "help: write `sending_queue: {{ wait_for_result: true, block_on_overflow: true, batch: {today} }}`"
                ),
            ),
        };
        let problem = decoder.warning(node, message).help(help);
        if is_told {
            problem.help("note: `sending_queue::batch` is also there and wins");
        }
    });
    if !former.enabled || is_told {
        return;
    }
    let batch = Optional::some(former.batch);
    if let Some(queue) = queue.get_mut() {
        queue.batch = batch;
    } else {
        // Without a queue callers waited until their batch was sent.
        let (block_on_overflow, wait_for_result) = (true, true);
        let made = QueueConfig { block_on_overflow, wait_for_result, batch, ..QueueConfig::default() };
        *queue = Optional::some(made);
    }
}

impl Decode for Batcher {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { enabled, batch } = self;
        fields.take("enabled", enabled);
        fields.renamed("min_size_items", "min_size", &mut batch.min_size);
        fields.renamed("max_size_items", "max_size", &mut batch.max_size);
        fields.block(batch);
    }
}
