use bytes::Bytes;
use serde_json::{Value, json};

use super::InvalidJson;
#[cfg(feature = "testing")]
use crate::pdata::schema::{self, Message};
use crate::pdata::{Logs, Metrics, Signal, SignalKind, Traces};

#[cfg(feature = "testing")]
mod proto;
#[cfg(feature = "testing")]
mod round_trip;

fn read<S: Signal>(json: &Value) -> Result<S, InvalidJson> {
    S::from_json(json.to_string().as_bytes())
}

/// What comes out again, for comparison as a tree.
fn written<S: Signal>(signal: &S) -> Value {
    let mut out = Vec::new();
    signal.to_json(&mut out);
    serde_json::from_slice(&out).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&out)))
}

#[cfg(feature = "testing")]
fn schema_of(kind: SignalKind) -> &'static Message {
    match kind {
        SignalKind::Traces => &schema::TRACES,
        SignalKind::Metrics => &schema::METRICS,
        SignalKind::Logs => &schema::LOGS,
    }
}

fn span(span: &Value) -> Value {
    json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})
}

/// What a span becomes that was read and written, without the status that is always there.
#[track_caller]
fn span_again(given: &Value) -> Value {
    let traces = read::<Traces>(&span(given)).unwrap();
    assert_valid(&traces);
    assert_eq!(traces.items(), 1);
    let mut all = written(&traces);
    let mut span = all.pointer_mut("/resourceSpans/0/scopeSpans/0/spans/0").unwrap().take();
    let empty = span.as_object_mut().unwrap().remove("status");
    if empty != Some(json!({})) {
        span["status"] = empty.unwrap();
    }
    span
}

#[track_caller]
fn span_error(given: &Value) -> InvalidJson {
    read::<Traces>(&span(given)).unwrap_err()
}

/// What a value becomes that was read and written.
#[track_caller]
fn value_again(given: &Value) -> Value {
    span_again(&json!({"attributes": [{"key": "k", "value": given}]}))
        .pointer_mut("/attributes/0/value")
        .unwrap()
        .take()
}

/// What is read has to be what validation makes of it.
#[track_caller]
fn assert_valid<S: Signal>(signal: &S) {
    let bytes = signal.to_bytes();
    let valid = S::from_bytes(bytes.clone()).unwrap();
    assert_eq!(valid.to_bytes(), bytes, "the bytes are normalised");
    assert_eq!(valid.items(), signal.items());
}

#[test]
fn nothing_is_an_empty_object() {
    assert_eq!(written(&Traces::default()), json!({}));
    for json in ["{}", " {\n} ", "null", r#"{"resourceSpans":[]}"#, r#"{"resourceSpans":null,"x":[{"y":1}]}"#]
    {
        assert!(Traces::from_json(json.as_bytes()).unwrap().is_empty(), "{json}");
    }
}

#[test]
fn messages_that_are_always_there_are_written() {
    let traces =
        read::<Traces>(&json!({"resourceSpans": [{"scopeSpans": [{"spans": [{"attributes": [{}]}]}]}]}))
            .unwrap();
    assert_eq!(
        written(&traces),
        json!({"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": [
            {"attributes": [{"value": {}}], "status": {}}
        ]}]}]})
    );
}

#[test]
fn identifiers_are_hexadecimal_in_either_case_and_lower_case_out() {
    let span = span_again(
        &json!({"traceId": "0102030405060708090A0b0C0d0E0f10", "spanId": "ABCDEF0123456789", "parentSpanId": ""}),
    );
    assert_eq!(span, json!({"traceId": "0102030405060708090a0b0c0d0e0f10", "spanId": "abcdef0123456789"}));
}

#[test]
fn identifiers_of_a_wrong_length_or_with_other_characters_are_errors() {
    for id in [
        "01",
        "0102030405060708090a0b0c0d0e0f1",
        "0102030405060708090a0b0c0d0e0fxx",
        "AQIDBAUGBwgJCgsMDQ4PEA==",
    ] {
        let error = span_error(&json!({"name": "n", "traceId": id}));
        assert_eq!(error.reason(), "an identifier needs 32 hexadecimal digits, or none", "{id}");
        assert_eq!(error.path(), "resourceSpans[0].scopeSpans[0].spans[0].traceId");
    }
    assert!(span_error(&json!({"links": [{"spanId": "00"}]})).path().ends_with("spans[0].links[0].spanId"));
}

#[test]
fn names_are_in_camel_case_or_in_snake_case() {
    let given = br#"{"resource_spans":[{"scope_spans":[{"schema_url":"u","spans":[
        {"start_time_unix_nano":"5","dropped_attributes_count":2}]}]}]}"#;
    let traces = Traces::from_json(given).unwrap();
    assert_eq!(
        written(&traces).pointer("/resourceSpans/0/scopeSpans/0/spans/0").unwrap(),
        &json!({"startTimeUnixNano": "5", "droppedAttributesCount": 2, "status": {}})
    );
}

#[test]
fn unknown_names_are_skipped() {
    let unknown = json!({"a": [1, -2.5e-3, {"b": [[], {}, "\u{1f600}\\"]}, true, false, null], "c": {}});
    assert_eq!(
        span_again(&json!({"name": "n", "later": unknown, "flags": 1})),
        json!({"name": "n", "flags": 1})
    );
}

#[test]
fn what_is_skipped_has_to_be_json() {
    for bad in [
        "[1,]", "{\"a\":}", "{\"a\"}", "[1 2]", "[}", "nul", "01", "1.", "1e", "-", "\"\\x\"", "\"\n\"",
        "\"", "[", "{", "+1", ".5",
    ] {
        let json = format!("{{\"unknown\":{bad}}}");
        assert!(Traces::from_json(json.as_bytes()).is_err(), "{json}");
        let json = format!("{{\"unknown\":{bad}");
        assert!(Traces::from_json(json.as_bytes()).is_err(), "{json}");
    }
}

#[test]
fn unknown_values_may_be_nested_deeply() {
    let deep = format!("{{\"unknown\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(Traces::from_json(deep.as_bytes()).unwrap().is_empty());
    let open = format!("{{\"unknown\":{}", "[".repeat(100_000));
    assert!(Traces::from_json(open.as_bytes()).is_err());
}

#[test]
fn enumerations_are_numbers_or_names_in_and_numbers_out() {
    for kind in [json!(2), json!("2"), json!("SPAN_KIND_SERVER")] {
        assert_eq!(span_again(&json!({"kind": kind})), json!({"kind": 2}));
    }
    assert_eq!(span_again(&json!({"kind": 77})), json!({"kind": 77}));
    assert_eq!(span_again(&json!({"status": {"code": "STATUS_CODE_ERROR"}})), json!({"status": {"code": 2}}));
    let error = span_error(&json!({"kind": "SERVER"}));
    assert_eq!(error.reason(), "there is no value of the name \"SERVER\"");
    assert!(span_error(&json!({"kind": true})).reason().starts_with("expected a number or the name"));
    assert!(span_error(&json!({"kind": 5_000_000_000u64})).reason().contains("out of the range"));
    let logs = read::<Logs>(&json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [{"severityNumber": "SEVERITY_NUMBER_WARN"}]}]}]})).unwrap();
    assert_eq!(
        written(&logs).pointer("/resourceLogs/0/scopeLogs/0/logRecords/0/severityNumber"),
        Some(&json!(13))
    );
}

#[test]
fn integers_of_64_bits_are_numbers_or_strings_in_and_strings_out() {
    for time in [json!(1_700_000_000_123_456_789u64), json!("1700000000123456789")] {
        assert_eq!(
            span_again(&json!({"startTimeUnixNano": time})),
            json!({"startTimeUnixNano": "1700000000123456789"})
        );
    }
    assert_eq!(
        span_again(&json!({"endTimeUnixNano": u64::MAX})),
        json!({"endTimeUnixNano": "18446744073709551615"})
    );
    assert_eq!(value_again(&json!({"intValue": i64::MIN})), json!({"intValue": "-9223372036854775808"}));
    assert_eq!(value_again(&json!({"intValue": "-0"})), json!({"intValue": "0"}));
    assert_eq!(value_again(&json!({"intValue": 1e3})), json!({"intValue": "1000"}));
    for bad in [
        json!("18446744073709551616"),
        json!(-1),
        json!(1.5),
        json!(""),
        json!("x"),
        json!(" 1"),
        json!("1_0"),
        json!(true),
        json!([]),
    ] {
        let error = span_error(&json!({"startTimeUnixNano": bad}));
        assert!(error.path().ends_with("spans[0].startTimeUnixNano"), "{bad}: {error}");
    }
}

#[test]
fn integers_of_32_bits_are_numbers_or_strings() {
    for count in [json!(3), json!("3")] {
        assert_eq!(
            span_again(&json!({"droppedAttributesCount": count})),
            json!({"droppedAttributesCount": 3})
        );
    }
    assert!(span_error(&json!({"droppedAttributesCount": 1u64 << 32})).reason().contains("range"));
    assert!(span_error(&json!({"flags": -1})).reason().contains("range"));
}

#[test]
fn doubles_are_numbers_or_strings() {
    for (given, expected) in [
        (json!(1.5), json!(1.5)),
        (json!("1.5"), json!(1.5)),
        (json!(-3), json!(-3.0)),
        (json!("1e-3"), json!(0.001)),
        (json!("NaN"), json!("NaN")),
        (json!("Infinity"), json!("Infinity")),
        (json!("-Infinity"), json!("-Infinity")),
        (json!("nan"), json!("NaN")),
        (json!("inf"), json!("Infinity")),
        (json!("+Inf"), json!("Infinity")),
        (json!("-infinity"), json!("-Infinity")),
        (json!("+1.5"), json!(1.5)),
        (json!(".5"), json!(0.5)),
        (json!("5."), json!(5.0)),
        (json!(0), json!(0.0)),
        (json!(f64::MAX), json!(f64::MAX)),
        (json!(5e-324), json!(5e-324)),
    ] {
        assert_eq!(value_again(&json!({"doubleValue": given})), json!({"doubleValue": expected}));
    }
    for bad in [
        "1e999",
        "\"1e999\"",
        "\"\"",
        "\"one\"",
        "\" 1\"",
        "\"0x1p3\"",
        "\"1_0\"",
        "NaN",
        "nan",
        "Infinity",
        "inf",
        "true",
        "{}",
    ] {
        let json = format!(
            r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"value":{{"doubleValue":{bad}}}}}]}}}}]}}"#
        );
        let error = Traces::from_json(json.as_bytes()).unwrap_err();
        assert_eq!(error.path(), "resourceSpans[0].resource.attributes[0].value.doubleValue", "{error}");
    }
}

#[test]
fn numbers_of_points_may_be_special() {
    for (given, expected) in [("NaN", "NaN"), ("Infinity", "Infinity")] {
        let metrics = read::<Metrics>(&gauge(&json!({"asDouble": given}))).unwrap();
        assert_eq!(point(&metrics), json!({"asDouble": expected}));
    }
    assert_eq!(point(&read(&gauge(&json!({"asInt": 0}))).unwrap()), json!({"asInt": "0"}));
}

fn gauge(point: &Value) -> Value {
    json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"gauge": {"dataPoints": [point]}}]}]}]})
}

fn point(metrics: &Metrics) -> Value {
    written(metrics)
        .pointer("/resourceMetrics/0/scopeMetrics/0/metrics/0/gauge/dataPoints/0")
        .unwrap()
        .clone()
}

#[test]
fn bytes_are_base64_in_either_alphabet() {
    for text in ["+/8=", "+/8", "-_8=", "-_8"] {
        assert_eq!(value_again(&json!({"bytesValue": text})), json!({"bytesValue": "+/8="}));
    }
    assert_eq!(value_again(&json!({"bytesValue": ""})), json!({"bytesValue": ""}));
    for bad in ["!", "A", "AA=A", "é"] {
        let error = span_error(&json!({"attributes": [{"value": {"bytesValue": bad}}]}));
        assert_eq!(error.reason(), "the string is not base64", "{bad}");
    }
}

#[test]
fn null_is_absence() {
    let given = json!({"name": null, "kind": null, "attributes": null, "status": null, "startTimeUnixNano": null, "traceId": null});
    assert_eq!(span_again(&given), json!({}));
    assert_eq!(value_again(&Value::Null), json!({}));
    assert_eq!(value_again(&json!({"stringValue": null})), json!({}));
    assert_eq!(
        value_again(&json!({"arrayValue": {"values": [null, {"boolValue": false}]}})),
        json!({"arrayValue": {"values": [{}, {"boolValue": false}]}})
    );
    let keys = json!({"resourceSpans": [{"resource": {"entityRefs": [{"idKeys": [null, "host.id"]}]}}]});
    let again = written(&Traces::from_json(keys.to_string().as_bytes()).expect("an empty key is a key"));
    assert_eq!(
        again,
        json!({"resourceSpans": [{"resource": {"entityRefs": [{"idKeys": ["", "host.id"]}]}}]})
    );
}

#[test]
fn empty_containers_are_values() {
    assert_eq!(value_again(&json!({"arrayValue": {}})), json!({"arrayValue": {}}));
    assert_eq!(value_again(&json!({"kvlistValue": {"values": []}})), json!({"kvlistValue": {}}));
    assert_eq!(value_again(&json!({"stringValue": ""})), json!({"stringValue": ""}));
    assert_eq!(value_again(&json!({"boolValue": false})), json!({"boolValue": false}));
}

#[test]
fn histograms_keep_their_lists_and_tell_zero_from_absence() {
    let given = json!({"resourceMetrics": [{"resource": {}, "scopeMetrics": [{"scope": {}, "metrics": [
        {"name": "h", "histogram": {"aggregationTemporality": 2, "dataPoints": [
            {"count": "3", "sum": 0.0, "bucketCounts": ["1", "0", "2"], "explicitBounds": [0.5, 10.0]}
        ]}},
        {"name": "e", "exponentialHistogram": {"dataPoints": [
            {"scale": -3, "zeroCount": "1", "min": -1.5, "zeroThreshold": 0.25,
             "positive": {"offset": -7, "bucketCounts": ["300", "0"]}, "negative": {}}
        ]}},
        {"name": "s", "summary": {"dataPoints": [{"quantileValues": [{"quantile": 0.5, "value": 2.0}, {}]}]}},
    ]}]}]});
    let metrics = read::<Metrics>(&given).unwrap();
    assert_valid(&metrics);
    assert_eq!(metrics.items(), 3);
    assert_eq!(written(&metrics), given);
}

#[test]
fn strings_are_unescaped_and_escaped() {
    let json = br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"\u006eame":"\"\\\/\b\f\n\r\t\u0000\u00e9\ud83d\ude00 \ud83d \ude00x\ud83d\ud83d\ude00"}]}]}]}"#;
    let traces = Traces::from_json(json).unwrap();
    let name = "\"\\/\u{8}\u{c}\n\r\t\0é😀 \u{fffd} \u{fffd}x\u{fffd}😀";
    assert_eq!(written(&traces).pointer("/resourceSpans/0/scopeSpans/0/spans/0/name").unwrap(), name);
    for bad in [r"\u12", r"\u12g4", r"\U1234", r"\", r"\u+123", "\n", "\u{1f}"] {
        assert!(Traces::from_json(format!("{{\"unknown\":\"{bad}\"}}").as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn text_that_is_not_utf_8_is_an_error() {
    let error = Traces::from_json(b"{\"a\":\n\"\xff\"}").unwrap_err();
    assert_eq!(
        (error.reason(), error.offset(), error.line(), error.column()),
        ("the text is not UTF-8", 7, 2, 2)
    );
}

#[test]
fn of_names_given_twice_the_later_counts_and_messages_and_lists_grow_together() {
    let json = br#"{"resourceSpans":[{
        "resource":{"attributes":[{"key":"a"}],"droppedAttributesCount":1},
        "scopeSpans":[{"spans":[{"name":"x","name":"yy","kind":3,"kind":0,"status":{"code":1},"status":{"message":"m"}}]}],
        "resource":{"attributes":[{"key":"b"}],"droppedAttributesCount":"7"},
        "scope_spans":[{"spans":[{}]}]}]}"#;
    let traces = Traces::from_json(json).unwrap();
    assert_valid(&traces);
    assert_eq!(traces.items(), 2);
    assert_eq!(
        written(&traces),
        json!({"resourceSpans": [{
            "resource": {"attributes": [{"key": "a", "value": {}}, {"key": "b", "value": {}}], "droppedAttributesCount": 7},
            "scopeSpans": [
                {"scope": {}, "spans": [{"name": "yy", "status": {"code": 1, "message": "m"}}]},
                {"scope": {}, "spans": [{"status": {}}]},
            ],
        }]})
    );
}

#[test]
fn of_several_members_of_a_oneof_the_last_one_stays() {
    assert_eq!(value_again(&json!({"boolValue": true, "intValue": 1})), json!({"intValue": "1"}));
    let json = br#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m",
        "sum":{"dataPoints":[{},{}]},"gauge":{"dataPoints":[{"asInt":1}]},"gauge":{"dataPoints":[{"asInt":2}]}}]}]}]}"#;
    let metrics = Metrics::from_json(json).unwrap();
    assert_valid(&metrics);
    assert_eq!(metrics.items(), 1);
    assert_eq!(point(&metrics), json!({"asInt": "2"}));
}

#[test]
fn a_name_given_many_times_costs_no_more_than_its_length() {
    let times = 20_000;
    let resource =
        vec![r#""resource":{"attributes":[{"key":"k"}],"entityRefs":[{"type":"t"}]}"#; times].join(",");
    let names = vec![r#""name":"n""#; times].join(",");
    let links = vec!["{}"; times].join(",");
    let span = format!(r#"{{"links":[{links}],{names},"name":"last","traceId":""}}"#);
    let json = format!(r#"{{"resourceSpans":[{{{resource},"scopeSpans":[{{"spans":[{span}]}}]}}]}}"#);
    let traces = Traces::from_json(json.as_bytes()).unwrap();
    assert_valid(&traces);
    let group = traces.resource_spans().next().unwrap();
    assert_eq!(group.resource().attributes().into_iter().count(), times);
    let scope = group.scope_spans().next().unwrap();
    assert_eq!(scope.spans().next().unwrap().name(), "last");
}

#[test]
fn a_zero_given_after_something_else_counts() {
    let id = "0102030405060708";
    let given = format!(
        r#"{{"resourceSpans":[{{"resource":{{"droppedAttributesCount":1}},"scopeSpans":[{{"spans":[
            {{"name":"x","name":"","kind":3,"kind":0,"spanId":"{id}","spanId":"","flags":1,"flags":0}}]}}],
            "resource":{{"droppedAttributesCount":0}}}}]}}"#
    );
    let traces = Traces::from_json(given.as_bytes()).unwrap();
    assert_valid(&traces);
    assert_eq!(
        written(&traces),
        json!({"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": [{"status": {}}]}]}]})
    );
}

#[test]
fn scopes_of_early_otlp_are_read_where_there_are_no_others() {
    let old = json!({"instrumentationLibrary": {"name": "lib"}, "spans": [{"name": "old"}]});
    let traces = read::<Traces>(&json!({"resourceSpans": [{"instrumentationLibrarySpans": [old]}]})).unwrap();
    assert_valid(&traces);
    assert_eq!(traces.items(), 1);
    assert_eq!(
        written(&traces).pointer("/resourceSpans/0/scopeSpans").unwrap(),
        &json!([{"scope": {"name": "lib"}, "spans": [{"name": "old", "status": {}}]}])
    );
    let both = json!({"resourceSpans": [{"instrumentation_library_spans": [old], "scopeSpans": [{}]}]});
    let traces = read::<Traces>(&both).unwrap();
    assert_eq!(traces.items(), 0);
    let error = read::<Logs>(&json!({"resourceLogs": [{"instrumentationLibraryLogs": [{"logRecords": 1}]}]}))
        .unwrap_err();
    assert_eq!(error.path(), "resourceLogs[0].scopeLogs[0].logRecords");
}

#[test]
fn errors_name_the_path_and_the_place() {
    let json = "{\n  \"resourceSpans\": [{},\n    {\"scopeSpans\": [{\"spans\": [{\"name\": 5}]}]}\n  ]\n}";
    let error = Traces::from_json(json.as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected a string, found a number at resourceSpans[1].scopeSpans[0].spans[0].name (line 3, column 41)"
    );
    for (json, message) in [
        ("", "expected an object, found the end (line 1, column 1)"),
        ("[]", "expected an object, found a list (line 1, column 1)"),
        ("{} x", "expected the end of the text, found 'x' (line 1, column 4)"),
        ("{\"resourceSpans\":{}}", "expected a list, found an object at resourceSpans (line 1, column 18)"),
        (
            "{\"resourceSpans\":[{},]}",
            "expected an object, found ']' at resourceSpans[1] (line 1, column 22)",
        ),
        (
            "{\"resourceSpans\":[{}",
            "expected \",\" or \"]\", found the end at resourceSpans (line 1, column 21)",
        ),
        ("{,}", "expected a name in quotes, found ',' (line 1, column 2)"),
        ("{\"a\":1,}", "expected a name in quotes, found '}' (line 1, column 8)"),
    ] {
        assert_eq!(Traces::from_json(json.as_bytes()).unwrap_err().to_string(), message, "{json}");
    }
}

/// A value of lists in lists: the innermost is message number `5 + 2 * lists + …` of the request.
fn nested(lists: usize) -> String {
    let (open, close) = (r#"{"arrayValue":{"values":["#.repeat(lists), "]}}".repeat(lists));
    format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{open}{{}}{close}}}]}}]}}]}}"#)
}

#[test]
fn a_hundred_messages_may_be_nested() {
    // Group, scope, record and body are four, and each list is two.
    let logs = Logs::from_json(nested(48).as_bytes()).unwrap();
    assert_valid(&logs);
    let error = Logs::from_json(nested(49).as_bytes()).unwrap_err();
    assert!(error.reason().contains("more than 100 messages"), "{error}");
    assert!(Logs::from_json("{\"resourceLogs\":[".repeat(50_000).as_bytes()).is_err());
}

#[test]
fn truncated_and_altered_text_never_panics() {
    let json = br#"{"resourceMetrics":[{"resource":{"attributes":[{"key":"k\u00e9","value":{"stringValue":"v"}}]},"scopeMetrics":[{"metrics":[{"histogram":{"dataPoints":[{"count":"12","sum":-1.5e3,"bucketCounts":[1,"2"],"exemplars":[{"traceId":"0102030405060708090a0b0c0d0e0f10","asInt":-5,"filteredAttributes":[{"value":{"bytesValue":"AAEC"}}]}]}]}}]}]}]}"#;
    for end in 0..json.len() {
        assert!(Metrics::from_json(&json[..end]).is_err());
        for byte in [0, b'"', b'\\', b'{', b'}', b'[', b']', b',', b':', b'9', b'n', b'-', b'e', 0xff] {
            let mut altered = json.to_vec();
            altered[end] = byte;
            if let Ok(metrics) = Metrics::from_json(&altered) {
                assert_valid(&metrics);
            }
        }
    }
}

#[test]
fn a_rope_is_one_list() {
    let segment = |name: &str| read::<Traces>(&span(&json!({"name": name}))).unwrap().to_bytes();
    let both: Bytes = [segment("a"), segment("b")].concat().into();
    let joined = Traces::from_bytes(both).unwrap();
    assert_eq!(joined.items(), 2);
    assert_eq!(written(&joined)["resourceSpans"].as_array().unwrap().len(), 2);
    assert_eq!(Traces::KIND, SignalKind::Traces);
}

#[test]
fn repeated_fields_that_are_scattered_become_one_list() {
    // A resource with an attribute, a count, and another attribute.
    let resource = [0x0a, 3, 0x0a, 1, b'a', 0x10, 1, 0x0a, 3, 0x0a, 1, b'b'];
    let group = [&[0x0a, resource.len() as u8][..], &resource].concat();
    let request = [&[0x0a, group.len() as u8][..], &group].concat();
    assert_eq!(
        written(&Traces::from_bytes(request.into()).unwrap()),
        json!({"resourceSpans": [{"resource": {
            "attributes": [{"key": "a", "value": {}}, {"key": "b", "value": {}}], "droppedAttributesCount": 1
        }}]})
    );
}
