//! Own telemetry on its way out: encoded as OTLP, sent or printed.

mod client;
mod logs;
mod metrics;
mod outlet;
mod spans;
mod values;

pub(super) use client::Client;
pub(super) use logs::{OwnedRecord, encode_logs};
pub(super) use metrics::encode_metrics;
pub(super) use outlet::{Outlet, Outlets};
pub(super) use spans::encode_spans;
