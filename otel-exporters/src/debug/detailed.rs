//! Every field.

use otel_core::pdata::view::{
    Attributes, LogRecord, Resource, Scope, SeverityNumber, Span, SpanKind, StatusCode,
};
use otel_core::pdata::{Logs, Traces};

use super::text::{put, time, typed};

pub(super) fn traces(data: &Traces) -> String {
    let mut out = String::new();
    for (at, group) in data.resource_spans().enumerate() {
        resource(&mut out, "ResourceSpans", at, group.schema_url(), group.resource());
        for (at, scope) in group.scope_spans().enumerate() {
            scope_head(&mut out, "ScopeSpans", at, scope.schema_url(), scope.scope());
            for (at, span) in scope.spans().enumerate() {
                put!(out, "Span #{at}\n");
                print_span(&mut out, span);
            }
        }
    }
    out
}

pub(super) fn logs(data: &Logs) -> String {
    let mut out = String::new();
    for (at, group) in data.resource_logs().enumerate() {
        resource(&mut out, "ResourceLog", at, group.schema_url(), group.resource());
        for (at, scope) in group.scope_logs().enumerate() {
            scope_head(&mut out, "ScopeLogs", at, scope.schema_url(), scope.scope());
            for (at, record) in scope.log_records().enumerate() {
                put!(out, "LogRecord #{at}\n");
                log_record(&mut out, record);
            }
        }
    }
    out
}

pub(super) fn resource(out: &mut String, title: &str, at: usize, schema_url: &str, resource: Resource<'_>) {
    put!(out, "{title} #{at}\nResource SchemaURL: {schema_url}\n");
    attributes(out, "Resource attributes:", "     ", resource.attributes());
    if resource.entity_refs().next().is_some() {
        out.push_str("Resource entity refs:\n");
    }
    for (at, entity) in resource.entity_refs().enumerate() {
        put!(out, "     -> Entity ref #{at}:\n          -> Type: {}\n", entity.r#type());
        if !entity.schema_url().is_empty() {
            put!(out, "          -> Schema URL: {}\n", entity.schema_url());
        }
        for (title, keys) in [("ID keys", entity.id_keys()), ("Description keys", entity.description_keys())]
        {
            if !keys.is_empty() {
                put!(out, "          -> {title}:\n");
            }
            for key in keys {
                put!(out, "               -> {key}\n");
            }
        }
    }
}

pub(super) fn scope_head(out: &mut String, title: &str, at: usize, schema_url: &str, scope: Scope<'_>) {
    put!(out, "{title} #{at}\n{title} SchemaURL: {schema_url}\n");
    put!(out, "InstrumentationScope {} {}\n", scope.name(), scope.version());
    attributes(out, "InstrumentationScope attributes:", "     ", scope.attributes());
}

pub(super) fn attributes(out: &mut String, title: &str, indent: &str, attributes: Attributes<'_>) {
    if attributes.is_empty() {
        return;
    }
    put!(out, "{title}\n");
    for attribute in attributes {
        put!(out, "{indent}-> {}: {}\n", attribute.key(), typed(attribute.value()));
    }
}

fn print_span(out: &mut String, span: Span<'_>) {
    let mut line = |label: &str, value: &dyn std::fmt::Display| put!(out, "    {label:<15}: {value}\n");
    line("Trace ID", &span.trace_id());
    line("Parent ID", &span.parent_span_id());
    line("ID", &span.span_id());
    line("Name", &span.name());
    line("Kind", &named(span.kind(), SpanKind::name(span.kind()).is_some()));
    if !span.trace_state().is_empty() {
        line("TraceState", &span.trace_state());
    }
    line("Start time", &time(span.start_time_unix_nano()));
    line("End time", &time(span.end_time_unix_nano()));
    let status = span.status();
    line("Status code", &named(status.code(), StatusCode::name(status.code()).is_some()));
    line("Status message", &status.message());
    line("DroppedAttributesCount", &span.dropped_attributes_count());
    line("DroppedEventsCount", &span.dropped_events_count());
    line("DroppedLinksCount", &span.dropped_links_count());
    attributes(out, "Attributes:", "     ", span.attributes());
    if !span.events().is_empty() {
        out.push_str("Events:\n");
    }
    for (at, event) in span.events().enumerate() {
        put!(out, "SpanEvent #{at}\n     -> Name: {}\n", event.name());
        put!(out, "     -> Timestamp: {}\n", time(event.time_unix_nano()));
        put!(out, "     -> DroppedAttributesCount: {}\n", event.dropped_attributes_count());
        attributes(out, "     -> Attributes::", "          ", event.attributes());
    }
    if !span.links().is_empty() {
        out.push_str("Links:\n");
    }
    for (at, link) in span.links().enumerate() {
        put!(out, "SpanLink #{at}\n     -> Trace ID: {}\n", link.trace_id());
        put!(out, "     -> ID: {}\n     -> TraceState: {}\n", link.span_id(), link.trace_state());
        put!(out, "     -> DroppedAttributesCount: {}\n", link.dropped_attributes_count());
        attributes(out, "     -> Attributes::", "          ", link.attributes());
    }
}

fn log_record(out: &mut String, record: LogRecord<'_>) {
    put!(out, "ObservedTimestamp: {}\n", time(record.observed_time_unix_nano()));
    put!(out, "Timestamp: {}\n", time(record.time_unix_nano()));
    put!(out, "SeverityText: {}\n", record.severity_text());
    let severity = record.severity_number();
    put!(
        out,
        "SeverityNumber: {}({})\n",
        named(severity, SeverityNumber::name(severity).is_some()),
        severity.0
    );
    if !record.event_name().is_empty() {
        put!(out, "EventName: {}\n", record.event_name());
    }
    put!(out, "Body: {}\n", typed(record.body()));
    attributes(out, "Attributes:", "     ", record.attributes());
    put!(out, "Trace ID: {}\nSpan ID: {}\nFlags: {}\n", record.trace_id(), record.span_id(), record.flags());
}

/// A number without a name prints nothing.
pub(super) fn named(value: impl std::fmt::Display, has_name: bool) -> String {
    if has_name { value.to_string() } else { String::new() }
}
