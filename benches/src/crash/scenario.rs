use std::{fmt, path::PathBuf};

/// How the collector is configured: files in `benches/crash`, of which later ones add to earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Scenario {
    /// otlp → persistent queue.
    Queue,
    /// otlp → `batch` → persistent queue.
    Batch,
    /// otlp → persistent queue that makes batches itself.
    QueueBatch,
    /// otlp → `memory_limiter` → `batch` → persistent queue.
    Limited,
    /// otlp → `batch` → queue in memory with `wait_for_result`.
    Wait,
}

impl Scenario {
    /// The YAML files.
    pub fn configs(self) -> Vec<PathBuf> {
        let names: &[&str] = match self {
            Self::Queue => &["base", "storage"],
            Self::Batch => &["base", "storage", "batch"],
            Self::QueueBatch => &["base", "storage", "queue-batch"],
            Self::Limited => &["base", "storage", "limited"],
            Self::Wait => &["base", "wait", "batch"],
        };
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/crash");
        names.iter().map(|name| format!("{directory}/{name}.yaml").into()).collect()
    }

    /// Whether what was answered with success is on the disk.
    pub const fn is_durable(self) -> bool {
        !matches!(self, Self::Wait)
    }

    /// The most items in what the collector keeps and sends as one.
    pub(super) const fn largest_record(self) -> u64 {
        match self {
            Self::Queue => 4_000,
            // A batch that is nearly full takes one more request.
            Self::Batch | Self::QueueBatch | Self::Limited | Self::Wait => 8_192 + 4_000,
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Queue => "queue",
            Self::Batch => "batch",
            Self::QueueBatch => "queue-batch",
            Self::Limited => "limited",
            Self::Wait => "wait",
        })
    }
}
