use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::{Array, Value};
use serde_json::Value as Json;

use super::super::config::Resource;
use crate::pdata::Signal;
use crate::pdata::build::{ArrayBuilder, Builder, MapBuilder, ResourceGroupBuilder, ValueBuf};
use crate::pdata::view::AnyValue;

/// Nanoseconds since 1970.
pub(super) fn nanos(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// Starts the one group that own telemetry has.
pub(super) fn start_group<'b, S: Signal>(
    builder: &'b mut Builder<S>,
    resource: &Resource,
) -> ResourceGroupBuilder<'b, S> {
    let mut group = builder.resource(|message| {
        for (key, value) in &resource.attributes {
            message.attribute(key, value.as_str());
        }
    });
    group.schema_url(&resource.schema_url);
    group
}

/// Hands a value to `take` as OTLP's.
pub(super) fn with_value(value: &Value, take: impl FnOnce(AnyValue<'_>)) {
    match value {
        Value::Bool(value) => take(AnyValue::Bool(*value)),
        Value::I64(value) => take(AnyValue::Int(*value)),
        Value::F64(value) => take(AnyValue::Double(*value)),
        Value::String(value) => take(AnyValue::Str(value.as_str())),
        Value::Array(array) => take(array_of(array).value()),
        other => take(AnyValue::Str(&other.as_str())),
    }
}

fn array_of(array: &Array) -> ValueBuf {
    ValueBuf::array(|out| match array {
        Array::Bool(values) => values.iter().for_each(|value| {
            out.push(*value);
        }),
        Array::I64(values) => values.iter().for_each(|value| {
            out.push(*value);
        }),
        Array::F64(values) => values.iter().for_each(|value| {
            out.push(*value);
        }),
        Array::String(values) => values.iter().for_each(|value| {
            out.push(value.as_str());
        }),
        _ => {}
    })
}

/// Hands JSON to `take` as OTLP's value.
pub(super) fn with_json(value: &Json, take: impl FnOnce(AnyValue<'_>)) {
    match value {
        Json::Array(items) => take(ValueBuf::array(|out| push_all(items, out)).value()),
        Json::Object(entries) => take(ValueBuf::map(|out| put_all(entries, out)).value()),
        plain => take(plain_value(plain)),
    }
}

fn plain_value(value: &Json) -> AnyValue<'_> {
    match value {
        Json::Bool(value) => AnyValue::Bool(*value),
        Json::Number(number) => number
            .as_i64()
            .map_or_else(|| AnyValue::Double(number.as_f64().unwrap_or(f64::NAN)), AnyValue::Int),
        Json::String(text) => AnyValue::Str(text),
        Json::Null | Json::Array(_) | Json::Object(_) => AnyValue::Empty,
    }
}

fn push_all(items: &[Json], out: &mut ArrayBuilder<'_>) {
    for item in items {
        match item {
            Json::Array(items) => out.push_array(|out| push_all(items, out)),
            Json::Object(entries) => out.push_map(|out| put_all(entries, out)),
            plain => out.push(plain_value(plain)),
        };
    }
}

fn put_all(entries: &serde_json::Map<String, Json>, out: &mut MapBuilder<'_>) {
    for (key, value) in entries {
        match value {
            Json::Array(items) => out.entry_array(key, |out| push_all(items, out)),
            Json::Object(entries) => out.entry_map(key, |out| put_all(entries, out)),
            plain => out.entry(key, plain_value(plain)),
        };
    }
}
