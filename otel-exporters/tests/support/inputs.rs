//! Requests of each signal, encoded by others.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;

pub(crate) fn traces(count: usize) -> Bytes {
    let span = |at: usize| Span { name: format!("span {at}"), ..Span::default() };
    let spans = ScopeSpans { spans: (0..count).map(span).collect(), ..ScopeSpans::default() };
    let groups = vec![ResourceSpans { scope_spans: vec![spans], ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans: groups }.encode_to_vec().into()
}

pub(crate) fn metrics(count: usize) -> Bytes {
    let metric = |at: usize| Metric { name: format!("metric {at}"), ..Metric::default() };
    let metrics = ScopeMetrics { metrics: (0..count).map(metric).collect(), ..ScopeMetrics::default() };
    let groups = vec![ResourceMetrics { scope_metrics: vec![metrics], ..ResourceMetrics::default() }];
    ExportMetricsServiceRequest { resource_metrics: groups }.encode_to_vec().into()
}

pub(crate) fn logs(count: usize) -> Bytes {
    let record = |at: usize| LogRecord { severity_text: format!("record {at}"), ..LogRecord::default() };
    let logs = ScopeLogs { log_records: (0..count).map(record).collect(), ..ScopeLogs::default() };
    let groups = vec![ResourceLogs { scope_logs: vec![logs], ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs: groups }.encode_to_vec().into()
}
