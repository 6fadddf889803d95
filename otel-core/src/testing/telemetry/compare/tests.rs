use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use proptest::prelude::*;

use super::*;
use crate::pdata::{Interop, Logs, Metrics, Traces};
use crate::testing::generate;

fn attributes(pairs: &[(&str, i64)]) -> Vec<KeyValue> {
    let value = |number: i64| Some(AnyValue { value: Some(Any::IntValue(number)) });
    pairs
        .iter()
        .map(|(key, number)| KeyValue { key: (*key).into(), value: value(*number), key_strindex: 0 })
        .collect()
}

fn span(name: &str) -> Span {
    Span { name: name.into(), ..Span::default() }
}

fn scope(name: &str, spans: Vec<Span>) -> ScopeSpans {
    let scope = Some(InstrumentationScope { name: name.into(), ..InstrumentationScope::default() });
    ScopeSpans { scope, spans, ..ScopeSpans::default() }
}

fn group(resource: &[(&str, i64)], scope_spans: Vec<ScopeSpans>) -> ResourceSpans {
    let resource = Some(Resource { attributes: attributes(resource), ..Resource::default() });
    ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }
}

fn traces(resource_spans: Vec<ResourceSpans>) -> Traces {
    Traces::from_request(&ExportTraceServiceRequest { resource_spans }).unwrap()
}

fn lines(compare: &Compare, left: &Traces, right: &Traces) -> Vec<String> {
    compare.diff(left, right).iter().map(ToString::to_string).collect()
}

#[test]
fn differences_name_their_path_and_both_sides() {
    let changed = Span {
        name: "b".into(),
        kind: 2,
        trace_id: vec![0xab; 16],
        attributes: attributes(&[("x", 1)]),
        status: Some(Status { code: 2, ..Status::default() }),
        ..Span::default()
    };
    let left = traces(vec![group(&[("k", 1)], vec![scope("s", vec![span("a")])])]);
    let right = traces(vec![group(&[("k", 2)], vec![scope("s", vec![changed, span("c")])])]);
    let spans = "resource_spans[0].scope_spans[0].spans";
    assert_eq!(
        lines(&Compare::new(), &left, &right),
        [
            "resource_spans[0].resource.attributes[0].value.int_value: 1 != 2".to_owned(),
            format!("{spans}[0].trace_id: absent != abababababababababababababababab"),
            format!("{spans}[0].name: \"a\" != \"b\""),
            format!("{spans}[0].kind: absent != 2"),
            format!("{spans}[0].attributes[0]: absent != {{key: \"x\", value: 1}}"),
            format!("{spans}[0].status.code: absent != 2"),
            format!("{spans}[1]: absent != {{name: \"c\", status: {{}}}}"),
        ]
    );
}

#[test]
fn the_order_of_attributes_counts_unless_told() {
    let left = traces(vec![group(&[("a", 1), ("b", 2)], vec![])]);
    let right = traces(vec![group(&[("b", 2), ("a", 1)], vec![])]);
    assert_eq!(lines(&Compare::new(), &left, &right).len(), 4);
    Compare::new().ignore_attribute_order().assert_equal(&left, &right);
    let other = traces(vec![group(&[("b", 3), ("a", 1)], vec![])]);
    assert_eq!(
        lines(&Compare::new().ignore_attribute_order(), &left, &other),
        ["resource_spans[0].resource.attributes[\"b\"].value.int_value: 2 != 3"]
    );
}

#[test]
fn the_order_of_groups_and_items_counts_unless_told() {
    let left = traces(vec![
        group(&[("a", 1)], vec![scope("s", vec![span("x"), span("y")]), scope("t", vec![])]),
        group(&[("a", 2)], vec![]),
    ]);
    let right = traces(vec![
        group(&[("a", 2)], vec![]),
        group(&[("a", 1)], vec![scope("t", vec![]), scope("s", vec![span("y"), span("x")])]),
    ]);
    let resources = Compare::new().ignore_resource_order();
    let scopes = resources.clone().ignore_scope_order();
    assert!(!lines(&Compare::new(), &left, &right).is_empty());
    assert!(!lines(&resources, &left, &right).is_empty());
    assert!(!lines(&scopes, &left, &right).is_empty());
    scopes.ignore_item_order().assert_equal(&left, &right);
}

#[test]
fn equal_groups_count_as_one_when_told() {
    let one = traces(vec![group(&[("a", 1)], vec![scope("s", vec![span("x"), span("y")])])]);
    let cut = traces(vec![
        group(&[("a", 1)], vec![scope("s", vec![span("x")])]),
        group(&[("empty", 1)], vec![scope("s", vec![])]),
        group(&[("a", 1)], vec![scope("s", vec![span("y")])]),
    ]);
    assert!(!lines(&Compare::new(), &one, &cut).is_empty());
    Compare::new().merge_groups().assert_equal(&one, &cut);
    let lost = traces(vec![group(&[("a", 1)], vec![scope("s", vec![span("x")])])]);
    assert_eq!(lines(&Compare::new().merge_groups(), &one, &lost).len(), 1);
}

#[test]
fn the_order_of_items_does_not_count_across_groups_that_are_one() {
    let groups = |names: [&str; 3]| {
        traces(names.map(|name| group(&[("a", 1)], vec![scope("s", vec![span(name)])])).to_vec())
    };
    let compare = Compare::new().merge_groups();
    assert_eq!(lines(&compare, &groups(["x", "y", "z"]), &groups(["z", "x", "y"])).len(), 3);
    compare.ignore_item_order().assert_equal(&groups(["x", "y", "z"]), &groups(["z", "x", "y"]));
}

#[test]
fn absent_and_empty_are_the_same_where_otlp_says_so() {
    let absent = traces(vec![ResourceSpans::default()]);
    let empty =
        traces(vec![ResourceSpans { resource: Some(Resource::default()), ..ResourceSpans::default() }]);
    assert_equal(&absent, &empty);
    assert_eq!(lines(&Compare::new(), &absent, &Traces::default()).len(), 1);
}

#[test]
#[should_panic(expected = "the traces differ:\n  resource_spans[0]: absent != {resource: {}}")]
fn an_assertion_that_fails_shows_the_differences() {
    assert_equal(&Traces::default(), &traces(vec![ResourceSpans::default()]));
}

fn equals_itself_alone<S: generate::Generate>(
    odd: &generate::Odd<S>,
    other: &S::Request,
) -> Result<(), TestCaseError> {
    let lenient = Compare::new()
        .ignore_attribute_order()
        .ignore_resource_order()
        .ignore_scope_order()
        .ignore_item_order()
        .merge_groups();
    let [plain, other] = [&odd.request, other].map(|request| S::from_request(request).unwrap());
    for compare in [&Compare::new(), &lenient] {
        prop_assert_eq!(compare.diff(&plain, &plain), []);
    }
    // The other request differs exactly if its canonical tree does, but for messages that are absent or empty.
    let same = Compare::new().diff(&plain, &other).is_empty();
    prop_assert!(same || plain.to_bytes() != other.to_bytes());
    prop_assert_eq!(same, Compare::new().diff(&other, &plain).is_empty());
    if plain.items() != other.items() {
        prop_assert!(!lenient.diff(&plain, &other).is_empty());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn traces_equal_themselves(odd in generate::odd::<Traces>(), other in generate::requests::<Traces>()) {
        equals_itself_alone(&odd, &other)?;
    }

    #[test]
    fn metrics_equal_themselves(odd in generate::odd::<Metrics>(), other in generate::requests::<Metrics>()) {
        equals_itself_alone(&odd, &other)?;
    }

    #[test]
    fn logs_equal_themselves(odd in generate::odd::<Logs>(), other in generate::requests::<Logs>()) {
        equals_itself_alone(&odd, &other)?;
    }
}
