use std::time::Duration;

use super::{Secrets, Value};
use crate::config::{Diagnostics, Node, ScalarValue, Source, parse};

fn sample() -> Value {
    Value::map([
        ("empty", Value::Map([].into())),
        ("none", Value::List(Vec::new())),
        ("null", Value::Null),
        ("timeout", Value::Duration(Duration::from_millis(90_500))),
        ("token", Value::Secret(Box::new("abc".into()))),
        ("unset", Value::Secret(Box::new(Value::Null))),
        ("url", "http://me:pw@host/path".into()),
        ("list", Value::List(vec!["a".into(), Value::map([("x", Value::Int(1)), ("y", Value::Float(0.5))])])),
        ("lists", Value::List(vec![Value::List(vec![Value::Bool(true)])])),
        ("text", "one\n\ntwo".into()),
        ("plain", Value::List(["127.0.0.1:4317", "12:61"].map(Value::from).into())),
        ("quoted", Value::List(["1:30", "-1:0:5.5"].map(Value::from).into())),
    ])
}

#[test]
fn yaml_has_the_shape_that_the_go_collector_prints() {
    let expected = "\
empty: {}
none: []
\"null\": null
timeout: 1m30.5s
token: '[REDACTED]'
unset: null
url: http://[REDACTED]@host/path
list:
    - a
    - x: 1
      \"y\": 0.5
lists:
    -
      - true
text: |-
    one

    two
plain:
    - 127.0.0.1:4317
    - 12:61
quoted:
    - \"1:30\"
    - \"-1:0:5.5\"
";
    assert_eq!(sample().to_yaml(Secrets::Redacted), expected);
    let shown = sample().to_yaml(Secrets::Shown);
    assert!(shown.contains("token: abc\n") && shown.contains("http://me:pw@host/path"), "{shown}");
}

#[test]
fn json_has_durations_in_nanoseconds() {
    let json = sample().to_json(Secrets::Redacted);
    assert_eq!(json["timeout"], 90_500_000_000_u64);
    assert_eq!(json["token"], "[REDACTED]");
    assert_eq!(json["list"][1]["y"], 0.5);
    assert_eq!(json["unset"], serde_json::Value::Null);
}

#[test]
fn texts_are_quoted_so_that_they_are_read_as_the_same_texts() {
    let texts = [
        "",
        "a",
        "true",
        "yes",
        "12",
        "0x1f",
        "1e3",
        "null",
        "~",
        "-",
        "- a",
        "a: b",
        "a:",
        ":a",
        "#a",
        "a #b",
        "'",
        "\"",
        "[REDACTED]",
        "{a}",
        "a,b",
        "*",
        "&x",
        "!x",
        "%x",
        "@x",
        "`x`",
        " a",
        "a ",
        "a\nb",
        "a\n",
        "a\n\n",
        "\na",
        " a\nb",
        "\t",
        "a\u{7}b",
        "\u{feff}",
        "é",
        "1:30",
        "2026-01-01",
        "---",
        "...",
        "?",
        "? a",
        "localhost:4317",
        "a\\b",
        "<<",
        ".inf",
        "$$x",
        "key: 'v'",
        "|",
        ">",
        "a\r\nb",
        "=",
    ];
    for text in texts {
        let yaml = Value::map([("k", Value::from(text)), (text, Value::Null)]).to_yaml(Secrets::Redacted);
        let mut diagnostics = Diagnostics::new();
        let node: Node = parse(&Source::new("test", yaml.clone()), &mut diagnostics).expect("YAML");
        assert!(!diagnostics.has_errors(), "{text:?}: {yaml}: {diagnostics}");
        assert_eq!(node.entry("k").and_then(Node::scalar), Some(ScalarValue::String(text)), "{yaml}");
        assert!(text.contains("::") || node.entry(text).is_some(), "{text:?}: {yaml}");
    }
}
