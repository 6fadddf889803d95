//! What receivers, processors and exporters say of what passes through them: the counters and spans of the Go collector.

mod exporter;
mod processor;
mod receiver;

pub use exporter::{Destination, ExporterReport};
pub use processor::ProcessorReport;
pub use receiver::ReceiverReport;
