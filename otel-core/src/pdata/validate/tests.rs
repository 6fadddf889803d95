//! Cases by hand.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;

use crate::pdata::wire::{put_len_field, put_tag, put_varint, wire_type};
use crate::pdata::{Metrics, Signal, Traces};

/// A length-delimited field.
fn len(number: u32, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_len_field(&mut out, number, content);
    out
}

/// A request of one span that is `content`.
fn span(content: &[u8]) -> Vec<u8> {
    len(1, &len(2, &len(2, content)))
}

fn refusal(bytes: &[u8]) -> String {
    Traces::from_bytes(Bytes::copy_from_slice(bytes)).expect_err("the request is invalid").to_string()
}

#[track_caller]
fn assert_same_verdict(bytes: &[u8]) {
    let ours = Traces::from_bytes(Bytes::copy_from_slice(bytes));
    let prost = ExportTraceServiceRequest::decode(bytes);
    assert_eq!(ours.is_ok(), prost.is_ok(), "{ours:?} {prost:?}");
}

#[test]
fn an_error_has_the_reason_the_path_and_the_offset() {
    let attribute = [len(1, b"key"), len(2, &len(1, b"a\xffb"))].concat();
    let whole = [span(&[]), span(&[len(9, &[]), len(9, &attribute)].concat())].concat();
    assert_eq!(
        refusal(&whole),
        "the string is not UTF-8 at resource_spans[1].scope_spans[0].spans[0].attributes[1].value.string_value (byte 26)"
    );
    assert_eq!(
        refusal(&span(&len(1, b"short"))),
        "the id has 5 bytes, where 16 or none are allowed at resource_spans[0].scope_spans[0].spans[0].trace_id (byte 7)"
    );
    assert_eq!(
        refusal(&span(&[0x0f])),
        "the wire type is 7, which does not exist at resource_spans[0].scope_spans[0].spans[0] (byte 6)"
    );
    assert_eq!(
        refusal(&span(&[0x32, 0])),
        "the field is encoded as a length and bytes, where the schema has a varint \
         at resource_spans[0].scope_spans[0].spans[0].kind (byte 6)"
    );
    assert_eq!(
        refusal(&span(&[0x2a, 9, b'x'])),
        "the value has 9 bytes, but only 1 are left at resource_spans[0].scope_spans[0].spans[0].name (byte 7)"
    );
    assert_eq!(
        refusal(&span(&[0xda, 0x06, 1])),
        "the value has 1 bytes, but only 0 are left at resource_spans[0].scope_spans[0].spans[0].field_107 (byte 8)"
    );
    assert_eq!(
        refusal(&[span(&[0x39]), span(&[])].concat()),
        "the value has 8 bytes, but only 0 are left at \
         resource_spans[0].scope_spans[0].spans[0].start_time_unix_nano (byte 6)"
    );
    assert_eq!(refusal(&[0]), "the field number is 0 (byte 0)");
    assert_eq!(refusal(&[0x80]), "the tag of a field is cut off (byte 0)");
}

#[test]
fn structural_faults_come_before_broken_strings() {
    let broken = span(&len(5, b"\xff"));
    assert!(Traces::from_bytes(broken.clone().into()).is_err_and(|error| error.is_invalid_utf8()));
    let also_cut = [broken, vec![0x0a, 9]].concat();
    let error = Traces::from_bytes(also_cut.clone().into()).expect_err("two things are wrong");
    assert!(!error.is_invalid_utf8(), "{error}");
    assert_eq!(Traces::from_bytes_repairing(also_cut.into()).expect_err("it cannot be repaired"), error);
}

#[test]
fn varints_end_after_10_bytes_and_64_bits() {
    let kind = |bytes: &[u8]| span(&[&[0x30], bytes].concat());
    for bytes in [
        [vec![0xff; 9], vec![1]].concat(),
        [vec![0xff; 9], vec![2]].concat(),
        [vec![0x80; 9], vec![0]].concat(),
        [vec![0x80; 10], vec![0]].concat(),
        [vec![0x80; 8], vec![0]].concat(),
        vec![0x80],
        vec![0x80; 12],
    ] {
        assert_same_verdict(&kind(&bytes));
    }
    assert!(Traces::from_bytes(kind(&[0x81, 0x80, 0]).into()).is_ok(), "longer than needed");
    assert_eq!(
        refusal(&kind(&[0x80; 12])),
        "a varint has more than 10 bytes or 64 bits at resource_spans[0].scope_spans[0].spans[0].kind (byte 7)"
    );
}

#[test]
fn unknown_groups_have_to_be_balanced() {
    for group in [
        vec![0x9b, 0x06, 0x9c, 0x06],
        vec![0x9b, 0x06, 0xa3, 0x06, 0xa4, 0x06, 0x08, 0x96, 0x01, 0x9c, 0x06],
        vec![0x9b, 0x06, 0xa4, 0x06],
        vec![0x9b, 0x06, 0xa3, 0x06, 0x9c, 0x06, 0xa4, 0x06],
        vec![0x9b, 0x06],
        vec![0x9c, 0x06],
        vec![0x0b, 0x0c],
        vec![0x9b, 0x06, 0x00, 0x9c, 0x06],
    ] {
        assert_same_verdict(&span(&group));
        assert_same_verdict(&group);
    }
}

#[test]
fn what_other_readers_refuse_is_left_out() {
    let group = [0x9b, 0x06, 0x08, 0x96, 0x01, 0x9c, 0x06];
    let name = len(5, b"name");
    let strings = [len(3, b"not a number"), len(1, b"key"), len(2, &len(8, b"not one either"))].concat();
    let tidy = span(&[name.clone(), len(9, &[len(1, b"key"), len(2, &[])].concat())].concat());
    let untidy = span(&[group.to_vec(), name, len(9, &strings)].concat());
    let traces = Traces::from_bytes([group.to_vec(), untidy, group.to_vec()].concat().into()).expect("valid");
    assert_eq!((traces.to_bytes(), traces.items()), (tidy.into(), 1));

    let library = [0xc0, 0x3e, 1];
    let scopes = len(2, &len(2, &[]));
    let broken = len(1000, b"no scope");
    let both = len(1, &[&library[..], &scopes, &broken].concat());
    assert_eq!(Traces::from_bytes(both.into()).expect("valid").to_bytes(), len(1, &scopes));

    let kept = len(1, &[scopes, vec![0xd0, 0x3e, 1], len(9, b"unknown")].concat());
    assert_eq!(Traces::from_bytes(kept.clone().into()).expect("valid").to_bytes(), kept);
}

#[test]
fn tags_and_lengths_of_more_than_five_bytes_are_shortened() {
    let padded = |value: u8, width: usize| {
        let mut out = vec![0x80; width];
        out[0] |= value;
        out[width - 1] = 0;
        out
    };
    let message = |tag: u8, content: &[u8]| {
        [padded(tag, 6), padded(content.len() as u8, 10), content.to_vec()].concat()
    };
    let plain = span(&len(5, b"name"));
    for long in [
        message(0x0a, &plain[2..]),
        len(1, &message(0x12, &plain[4..])),
        len(1, &len(2, &message(0x12, &plain[6..]))),
        span(&message(0x2a, b"name")),
    ] {
        assert_eq!(Traces::from_bytes(long.into()).expect("valid").to_bytes(), plain);
    }
    let unknown = [message(0x7a, b"unknown"), plain.clone(), [&padded(0x78, 6)[..], &[1]].concat()].concat();
    let short = [len(15, b"unknown"), plain.clone(), vec![0x78, 1]].concat();
    assert_eq!(Traces::from_bytes(unknown.into()).expect("valid").to_bytes(), short);

    let five = [padded(0x0a, 5), padded(plain.len() as u8 - 2, 5), plain[2..].to_vec()].concat();
    assert_eq!(Traces::from_bytes(five.clone().into()).expect("valid").to_bytes(), five);
}

/// A span whose attribute's value is an array in an array, `levels` deep.
fn nested(levels: usize, innermost: &[u8]) -> Vec<u8> {
    let value = (0..levels).fold(innermost.to_vec(), |value, _| len(5, &len(1, &value)));
    span(&len(9, &len(2, &value)))
}

#[test]
fn nesting_ends_where_prost_ends() {
    for levels in 44..52 {
        for innermost in [
            &[][..],
            &[0x10, 1],
            &len(5, &[]),
            &[0x98, 0x06, 1],
            &[0x9b, 0x06, 0x9c, 0x06],
            &[0x9b, 0x06, 0xa0, 0x06, 1, 0x9c, 0x06],
        ] {
            assert_same_verdict(&nested(levels, innermost));
        }
    }
    for depth in 90..110 {
        let mut group = Vec::new();
        (0..depth).for_each(|_| put_tag(&mut group, 99, wire_type::START_GROUP));
        (0..depth).for_each(|_| put_tag(&mut group, 99, wire_type::END_GROUP));
        assert_same_verdict(&group);
        assert_same_verdict(&span(&group));
    }
    let deep = nested(if cfg!(miri) { 200 } else { 20_000 }, &[]);
    assert!(refusal(&deep).starts_with("messages are nested more than 100 levels deep at resource_spans[0]"));
}

#[test]
fn libraries_are_read_as_scopes_where_there_are_none() {
    let library =
        len(1000, &[len(1, &[len(1, b"name"), len(2, b"1.0")].concat()), len(2, &[]), len(2, &[])].concat());
    let scopes = [0xc2, 0x3e].as_slice();
    assert_eq!(&library[..2], scopes);

    let old = Traces::from_bytes(len(1, &library).into()).expect("the old shape is valid");
    assert_eq!(old.items(), 2);
    let request = ExportTraceServiceRequest::decode(old.to_bytes()).expect("it was rewritten");
    let group = &request.resource_spans[0].scope_spans[0];
    assert_eq!(group.scope.as_ref().map(|scope| scope.name.as_str()), Some("name"));
    assert_eq!(group.spans.len(), 2);

    let both = len(1, &[library, len(2, &len(2, &[]))].concat());
    let both = (both.clone(), Traces::from_bytes(both.into()).expect("both shapes are valid"));
    assert_eq!(both.1.items(), 1);
    assert_eq!(both.1.to_bytes(), both.0, "an unknown field stays as it is");

    let broken = len(1, &len(1000, &len(2, &len(1, b"short"))));
    assert!(
        refusal(&broken).contains("at resource_spans[0].instrumentation_library_spans[0].spans[0].trace_id")
    );
    let text = len(1, &len(1000, &len(2, &len(5, b"a\xffb"))));
    let (repaired, strings) = Traces::from_bytes_repairing(text.into()).expect("only text is broken");
    assert_eq!((repaired.items(), strings.strings), (1, 1));
}

#[test]
fn groups_that_need_no_rewriting_keep_their_memory() {
    let plain = len(1, &len(2, &len(2, &len(5, &[b'n'; 2_000]))));
    let resource = [len(1, &len(1, &len(1, b"a"))), len(1, &len(1, &len(1, b"b")))].concat();
    let whole = Bytes::from([plain.clone(), len(1, &resource), plain.clone()].concat());
    let traces = Traces::from_bytes(whole.clone()).expect("a resource in two pieces is valid");
    assert_eq!(traces.items(), 2);
    let segments: Vec<_> = traces.segments().collect();
    assert_eq!(segments.len(), 3);
    assert_eq!(segments[0].as_ptr(), whole.as_ptr());
    assert_eq!(*segments[1], len(1, &len(1, &[len(1, &len(1, b"a")), len(1, &len(1, b"b"))].concat())));
    assert_eq!(segments[2].as_ptr(), whole[whole.len() - plain.len()..].as_ptr());
}

#[test]
fn superseded_data_points_are_not_counted() {
    let gauge = len(5, &[len(1, &[]), len(1, &[])].concat());
    let sum = len(7, &len(1, &[]));
    let metrics =
        Metrics::from_bytes(len(1, &len(2, &len(2, &[gauge, sum].concat()))).into()).expect("valid");
    assert_eq!(metrics.items(), 1);
}

#[test]
fn packed_and_single_values_both_pass() {
    let point = |content: &[u8]| len(1, &len(2, &len(2, &len(9, &len(1, content)))));
    let mut single = Vec::new();
    put_tag(&mut single, 6, wire_type::FIXED64);
    single.extend([1; 8]);
    assert!(Metrics::from_bytes(point(&single).into()).is_ok());
    assert!(Metrics::from_bytes(point(&len(6, &[1; 16])).into()).is_ok());
    let error = Metrics::from_bytes(point(&len(6, &[1; 15])).into()).expect_err("15 bytes");
    assert_eq!(error.reason(), "15 bytes of packed values are no multiple of 8");
}

#[test]
fn packed_varints_are_checked_one_by_one() {
    let buckets = |packed: &[u8]| len(1, &len(2, &len(2, &len(10, &len(1, &len(8, &len(2, packed)))))));
    for count in 0..70 {
        for value in [0, 127, 128, u64::MAX / 2, u64::MAX] {
            let mut packed = vec![1; count];
            put_varint(&mut packed, value);
            packed.resize(packed.len() + 60, 0);
            assert!(Metrics::from_bytes(buckets(&packed).into()).is_ok(), "{value} after {count}");
            let mut long = vec![1; count];
            long.extend([0xff; 9]);
            long.push(2);
            assert!(Metrics::from_bytes(buckets(&long).into()).is_err());
            let mut cut = vec![1; count];
            cut.push(0x80);
            assert!(Metrics::from_bytes(buckets(&cut).into()).is_err());
        }
    }
}
