//! However deep the values that an edit sets, what was edited is valid, and nothing is cut that has room.

use bytes::Bytes;
use otel_core::pdata::build::{LogsBuilder, ValueBuf};
use otel_core::pdata::edit::{ArrayEdit, AttributesEdit, PointEdit, ValueEdit};
use otel_core::pdata::view::{AnyValue, Point};
use otel_core::pdata::{Logs, Metrics, Signal, Traces};

/// Messages that may be nested in the value of an attribute of a resource: it is the fourth below the request.
const BELOW_RESOURCE: usize = 100 - 4;

#[derive(Clone, Copy, Debug)]
enum Kind {
    Array,
    Map,
}

/// A field of bytes.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut len = content.len();
    while len >= 0x80 {
        out.push(len as u8 | 0x80);
        len >>= 7;
    }
    out.push(len as u8);
    out.extend_from_slice(content);
    out
}

/// The content of a value in which at most `levels` messages are nested: arrays or maps in one another.
fn nested(levels: usize, kind: Kind) -> Vec<u8> {
    match kind {
        Kind::Array if levels >= 2 => field(5, &field(1, &nested(levels - 2, kind))),
        Kind::Map if levels >= 3 => field(6, &field(1, &field(2, &nested(levels - 3, kind)))),
        _ => field(1, b"innermost"),
    }
}

/// A request of a resource that has an attribute, and of an item.
fn request<S: Signal>(value: &[u8], item: &[u8]) -> S {
    let resource = field(1, &field(1, &[field(1, b"deep"), field(2, value)].concat()));
    let group = [resource, field(2, &field(2, item))].concat();
    S::from_bytes(Bytes::from(field(1, &group))).expect("the resource has room for the value")
}

fn revalidated<S: Signal>(data: &S) -> S {
    let again = S::from_bytes(data.to_bytes()).expect("what was edited is valid");
    assert_eq!(again.items(), data.items());
    again
}

/// How many arrays or maps are in one another.
fn depth(value: AnyValue<'_>) -> usize {
    match value {
        AnyValue::Array(array) => 1 + array.iter().map(depth).max().unwrap_or(0),
        AnyValue::KvList(map) => 1 + map.iter().map(|entry| depth(entry.value())).max().unwrap_or(0),
        _ => 0,
    }
}

fn wrapped(value: AnyValue<'_>, kind: Kind) -> ValueBuf {
    match kind {
        Kind::Array => ValueBuf::array(|array| {
            array.push(value);
        }),
        Kind::Map => ValueBuf::map(|map| {
            map.entry("k", value);
        }),
    }
}

#[test]
fn a_value_moves_to_where_there_is_as_much_room_as_it_is() {
    let mut data: Logs = request(&nested(BELOW_RESOURCE - 1, Kind::Array), &[]);
    data.edit(|record| {
        let value = ValueBuf::from(record.resource().attributes().get("deep").expect("it is there"));
        // A body is as deep as the value of a resource's attribute, and that of a record's attribute is deeper.
        record.set_body(&value);
        record.attributes().insert("deep", &value);
    });
    let data = revalidated(&data);
    let at = data.iter().next().expect("the record is there");
    let original = at.resource().attributes().get("deep").expect("it is there");
    assert_eq!(depth(original), 47);
    assert_eq!(at.item().body(), original);
    assert_eq!(at.item().attributes().get("deep"), Some(original));
}

#[test]
fn what_has_no_room_becomes_an_empty_value() {
    for kind in [Kind::Array, Kind::Map] {
        let exemplar = field(5, &field(1, &field(5, &[])));
        let mut data: Metrics = request(&nested(BELOW_RESOURCE, kind), &exemplar);
        assert!(data.edit(|point| {
            let value = ValueBuf::from(point.resource().attributes().get("deep").expect("it is there"));
            let PointEdit::Number(mut number) = point.point() else { panic!("the metric is a gauge") };
            number.edit_exemplars(|exemplar| {
                exemplar.filtered_attributes().upsert("deep", &value).upsert("flat", 1);
            });
        }));
        let data = revalidated(&data);
        let at = data.iter().next().expect("the point is there");
        let Point::Number(number) = at.item().point() else { panic!("the metric is a gauge") };
        let attributes = number.exemplars().next().expect("it is there").filtered_attributes();
        // An exemplar's attribute is four messages deeper.
        let expected = match kind {
            Kind::Array => 92 / 2,
            Kind::Map => 92 / 3,
        };
        assert_eq!(depth(attributes.get("deep").expect("it is there")), expected, "{kind:?}");
        assert_eq!(attributes.get("flat"), Some(AnyValue::Int(1)));
        // What was cut is what is set when it is set again.
        let mut same = data.clone();
        assert!(!same.edit(|point| {
            let value = ValueBuf::from(point.resource().attributes().get("deep").expect("it is there"));
            let PointEdit::Number(mut number) = point.point() else { panic!("the metric is a gauge") };
            number.edit_exemplars(|exemplar| {
                exemplar.filtered_attributes().upsert("deep", &value);
            });
        }));
    }
}

#[test]
fn a_value_that_is_wrapped_again_and_again_stays_valid() {
    for kind in [Kind::Array, Kind::Map] {
        let mut data: Traces = request(&nested(0, kind), &[]);
        let mut deepest = 0;
        for _ in 0..60 {
            data.edit(|span| {
                let value = wrapped(span.attributes().get("v").unwrap_or_default(), kind);
                span.attributes().upsert("v", &value);
                let value = wrapped(span.resource().attributes().get("deep").unwrap_or_default(), kind);
                span.resource().attributes().upsert("deep", &value);
            });
            let again = revalidated(&data);
            deepest = depth(again.iter().next().expect("it is there").item().attributes().get("v").unwrap());
        }
        let expected = match kind {
            Kind::Array => 46..=47,
            Kind::Map => 30..=31,
        };
        assert!(expected.contains(&deepest), "{kind:?}: {deepest}");
    }
}

/// Edits every array and map, the innermost first.
fn every(value: &mut ValueEdit<'_>, array: fn(&mut ArrayEdit<'_>), map: fn(&mut AttributesEdit<'_>)) {
    value.edit_array(|elements| {
        elements.edit_values(|element| every(element, array, map));
        array(elements);
    });
    value.edit_map(|entries| {
        let keys: Vec<String> = entries.view().iter().map(|entry| entry.key().to_owned()).collect();
        for key in keys {
            entries.edit(&key, |value| every(value, array, map));
        }
        map(entries);
    });
}

#[test]
fn values_are_set_within_values_as_long_as_there_is_room() {
    for kind in [Kind::Array, Kind::Map] {
        for levels in BELOW_RESOURCE - 6..=BELOW_RESOURCE {
            let mut data: Logs = request(&nested(levels, kind), &[]);
            data.edit_resources(|resource| {
                resource.attributes().edit("deep", |value| {
                    every(
                        value,
                        |array| {
                            array.push(1).push(&ValueBuf::array(|array| {
                                array.push("in an array").push(&ValueBuf::map(|_| {}));
                            }));
                        },
                        |map| {
                            map.upsert("number", 1).upsert(
                                "map",
                                &ValueBuf::map(|map| {
                                    map.entry("in a map", 1).entry_array("array", |_| {});
                                }),
                            );
                        },
                    );
                });
            });
            revalidated(&data);
        }
    }
}

#[test]
fn nothing_is_set_where_not_even_an_empty_value_has_room() {
    // An array is two messages and a map three, and the empty one within them is the hundredth.
    for empty in [field(5, &[]), field(6, &[])] {
        let array = field(5, &field(1, &empty));
        let value = (0..31).fold(array, |value, _| field(6, &field(1, &field(2, &value))));
        let mut data: Logs = request(&value, &[]);
        assert!(!data.edit_resources(|resource| {
            resource.attributes().edit("deep", |value| {
                every(
                    value,
                    |array| {
                        if array.view().is_empty() {
                            array.push(1).push(AnyValue::Empty);
                        }
                    },
                    |map| {
                        if map.view().is_empty() {
                            map.upsert("k", 1).insert("l", AnyValue::Empty);
                        }
                    },
                );
            });
        }));
    }
}

#[test]
fn built_values_are_valid_however_deep() {
    let mut value = ValueBuf::from(AnyValue::Int(1));
    for _ in 0..100 {
        value = wrapped(value.value(), Kind::Array);
    }
    let mut builder = LogsBuilder::new();
    builder.resource(|_| {}).scope(|_| {}).log_record(|record| {
        record.body(&value).attribute("v", &value).attribute_array("a", |array| {
            array.push(&value).push_map(|map| {
                map.entry("m", &value);
            });
        });
    });
    revalidated(&builder.finish());
}
