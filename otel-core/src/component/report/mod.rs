//! What receivers and exporters say of what passes through them: the counters and spans of the Go collector.

mod exporter;
mod receiver;

pub use exporter::{Destination, ExporterReport};
pub use receiver::ReceiverReport;
