//! A line for each item.

use otel_core::pdata::view::{Attributes, Scope};
use otel_core::pdata::{Logs, Traces};

use super::text::{pairs, plain, put};

pub(super) fn traces(data: &Traces) -> String {
    let mut out = String::new();
    for (at, group) in data.resource_spans().enumerate() {
        resource_line(&mut out, "ResourceTraces", at, group.schema_url(), group.resource().attributes());
        for (at, scope) in group.scope_spans().enumerate() {
            scope_line(&mut out, "ScopeTraces", at, scope.schema_url(), scope.scope());
            for span in scope.spans() {
                put!(out, "{} {} {}", span.name(), span.trace_id(), span.span_id());
                pairs(span.attributes(), &mut out);
                out.push('\n');
            }
        }
    }
    out
}

pub(super) fn logs(data: &Logs) -> String {
    let mut out = String::new();
    for (at, group) in data.resource_logs().enumerate() {
        resource_line(&mut out, "ResourceLog", at, group.schema_url(), group.resource().attributes());
        for (at, scope) in group.scope_logs().enumerate() {
            scope_line(&mut out, "ScopeLog", at, scope.schema_url(), scope.scope());
            for record in scope.log_records() {
                let texts: Vec<_> = record
                    .attributes()
                    .iter()
                    .map(|attribute| format!("{}={}", attribute.key(), plain(attribute.value())))
                    .collect();
                put!(out, "{} {}\n", plain(record.body()), texts.join(" "));
            }
        }
    }
    out
}

pub(super) fn resource_line(
    out: &mut String,
    title: &str,
    at: usize,
    schema_url: &str,
    attributes: Attributes<'_>,
) {
    put!(out, "{title} #{at}");
    if !schema_url.is_empty() {
        put!(out, " [{schema_url}]");
    }
    pairs(attributes, out);
    out.push('\n');
}

pub(super) fn scope_line(out: &mut String, title: &str, at: usize, schema_url: &str, scope: Scope<'_>) {
    put!(out, "{title} #{at}");
    match (scope.name(), scope.version()) {
        ("", "") => {}
        (name, "") => put!(out, " {name}"),
        (name, version) => put!(out, " {name}@{version}"),
    }
    if !schema_url.is_empty() {
        put!(out, " [{schema_url}]");
    }
    pairs(scope.attributes(), out);
    out.push('\n');
}
