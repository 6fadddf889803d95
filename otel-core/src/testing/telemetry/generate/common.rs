//! What the signals share.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, EntityRef, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// Text: empty, plain, beyond ASCII, with characters that JSON escapes, longer than one length byte counts.
pub(super) fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => Just(String::new()),
        6 => "[a-z./_]{1,12}",
        2 => vec(any::<char>(), 1..8).prop_map(String::from_iter),
        1 => "[\u{0}-\u{20}\"\\\\/é☃𝄞\u{7f}\u{2028}]{1,8}",
        1 => "[a-z]{120,140}",
    ]
}

/// An identifier of `len` bytes, or none.
pub(super) fn id(len: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![1 => Just(Vec::new()), 1 => Just(vec![0; len]), 4 => vec(any::<u8>(), len)]
}

/// Any time, and those near today's.
pub(super) fn time() -> impl Strategy<Value = u64> {
    prop_oneof![
        1 => Just(0),
        2 => 1_700_000_000_000_000_000..1_800_000_000_000_000_000u64,
        1 => any::<u64>(),
    ]
}

/// A count: mostly small.
pub(super) fn count() -> impl Strategy<Value = u32> {
    prop_oneof![3 => Just(0), 2 => 1..300u32, 1 => any::<u32>()]
}

/// An enum's number: those that have a name up to `last`, and any other.
pub(super) fn enumeration(last: i32) -> impl Strategy<Value = i32> {
    prop_oneof![6 => 0..=last, 1 => any::<i32>()]
}

/// Any double but NaN.
pub(super) fn double() -> impl Strategy<Value = f64> {
    prop_oneof![
        1 => Just(0.0),
        1 => Just(-0.0),
        1 => Just(f64::INFINITY),
        1 => Just(f64::NEG_INFINITY),
        4 => -1000.0..1000.0f64,
        2 => any::<f64>().prop_filter("no NaN", |value| !value.is_nan()),
    ]
}

fn any_value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        6 => text().prop_map(Value::StringValue),
        2 => any::<bool>().prop_map(Value::BoolValue),
        2 => any::<i64>().prop_map(Value::IntValue),
        2 => double().prop_map(Value::DoubleValue),
        1 => vec(any::<u8>(), 0..9).prop_map(Value::BytesValue),
        1 => Just(Value::ArrayValue(ArrayValue::default())),
        1 => Just(Value::KvlistValue(KeyValueList::default())),
    ];
    let leaf = option::weighted(0.9, leaf).prop_map(|value| AnyValue { value });
    leaf.prop_recursive(4, 12, 3, |inner| {
        let pair = (key(), option::weighted(0.9, inner.clone())).prop_map(|(key, value)| KeyValue {
            key,
            value,
            key_strindex: 0,
        });
        prop_oneof![
            vec(inner, 0..4).prop_map(|values| Value::ArrayValue(ArrayValue { values })),
            vec(pair, 0..4).prop_map(|values| Value::KvlistValue(KeyValueList { values })),
        ]
        .prop_map(|value| AnyValue { value: Some(value) })
    })
}

/// A value, empty or absent at times.
pub(super) fn value() -> impl Strategy<Value = Option<AnyValue>> {
    option::weighted(0.9, any_value())
}

/// Keys that meet one another, so that some occur twice.
fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => prop::sample::select(vec!["a", "b", "http.route", "http.response.status_code", "service.name"])
            .prop_map(str::to_owned),
        1 => text(),
    ]
}

pub(super) fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let pair = (key(), value()).prop_map(|(key, value)| KeyValue { key, value, key_strindex: 0 });
    prop_oneof![2 => Just(Vec::new()), 3 => vec(pair, 1..4)]
}

fn entity_ref() -> impl Strategy<Value = EntityRef> {
    (text(), text(), vec(text(), 0..3), vec(text(), 0..3)).prop_map(
        |(schema_url, r#type, id_keys, description_keys)| EntityRef {
            schema_url,
            r#type,
            id_keys,
            description_keys,
        },
    )
}

pub(super) fn resource() -> impl Strategy<Value = Option<Resource>> {
    let resource = (attributes(), count(), vec(entity_ref(), 0..2)).prop_map(
        |(attributes, dropped_attributes_count, entity_refs)| Resource {
            attributes,
            dropped_attributes_count,
            entity_refs,
        },
    );
    option::weighted(0.8, resource)
}

pub(super) fn scope() -> impl Strategy<Value = Option<InstrumentationScope>> {
    let scope = (text(), text(), attributes(), count()).prop_map(
        |(name, version, attributes, dropped_attributes_count)| InstrumentationScope {
            name,
            version,
            attributes,
            dropped_attributes_count,
        },
    );
    option::weighted(0.8, scope)
}
