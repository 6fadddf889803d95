use opentelemetry::trace::{SpanKind as Kind, Status};
use opentelemetry_sdk::trace::SpanData;

use super::super::config::Resource;
use super::values::{nanos, start_group, with_value};
use crate::pdata::Traces;
use crate::pdata::build::{SpanBuilder, TracesBuilder};
use crate::pdata::view::{SpanKind, StatusCode};

/// The flags of a span: that it is known whether its parent is elsewhere, and that it is.
const HAS_IS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;

/// Spans that have ended as OTLP.
pub(in crate::service::telemetry) fn encode_spans(spans: &[SpanData], resource: &Resource) -> Traces {
    let mut builder = TracesBuilder::new();
    let mut group = start_group(&mut builder, resource);
    for scoped in spans.chunk_by(|a, b| a.instrumentation_scope.name() == b.instrumentation_scope.name()) {
        let mut scope = group.scope(|scope| {
            scope.name(scoped[0].instrumentation_scope.name());
        });
        for span in scoped {
            scope.span(|message| encode(span, message));
        }
    }
    builder.finish()
}

fn encode(span: &SpanData, message: &mut SpanBuilder<'_>) {
    let remote = if span.parent_span_is_remote { IS_REMOTE } else { 0 };
    message
        .trace_id(span.span_context.trace_id().to_bytes())
        .span_id(span.span_context.span_id().to_bytes())
        .parent_span_id(span.parent_span_id.to_bytes())
        .flags(u32::from(span.span_context.trace_flags().to_u8()) | HAS_IS_REMOTE | remote)
        .name(&span.name)
        .kind(kind(&span.span_kind))
        .start_time_unix_nano(nanos(span.start_time))
        .end_time_unix_nano(nanos(span.end_time))
        .dropped_attributes_count(span.dropped_attributes_count)
        .dropped_events_count(span.events.dropped_count);
    for attribute in &span.attributes {
        with_value(&attribute.value, |value| {
            message.attribute(attribute.key.as_str(), value);
        });
    }
    for event in span.events.iter() {
        message.event(|message| {
            message.time_unix_nano(nanos(event.timestamp)).name(&event.name);
            message.dropped_attributes_count(event.dropped_attributes_count);
            for attribute in &event.attributes {
                with_value(&attribute.value, |value| {
                    message.attribute(attribute.key.as_str(), value);
                });
            }
        });
    }
    for link in span.links.iter() {
        message.link(|message| {
            message
                .trace_id(link.span_context.trace_id().to_bytes())
                .span_id(link.span_context.span_id().to_bytes());
        });
    }
    match &span.status {
        Status::Unset => {}
        Status::Ok => {
            message.status(StatusCode::OK, "");
        }
        Status::Error { description } => {
            message.status(StatusCode::ERROR, description);
        }
    }
}

fn kind(kind: &Kind) -> SpanKind {
    match kind {
        Kind::Client => SpanKind::CLIENT,
        Kind::Server => SpanKind::SERVER,
        Kind::Producer => SpanKind::PRODUCER,
        Kind::Consumer => SpanKind::CONSUMER,
        Kind::Internal => SpanKind::INTERNAL,
    }
}
