use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::super::{
    Decoder, Diagnostics, EnvProvider, FromNode, Loader, Secret, Serde, deserialize_duration,
};
use super::{messages, tree};

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
struct Theirs {
    size: u32,
    ratio: f32,
    #[serde(deserialize_with = "deserialize_duration")]
    wait: Duration,
    names: Vec<String>,
    labels: BTreeMap<String, i8>,
    inner: Option<Inner>,
    mode: Mode,
    token: Secret,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Inner {
    needed: bool,
    #[serde(default)]
    text: String,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Mode {
    #[default]
    Off,
    Every(u32),
    Window {
        from: u32,
    },
}

fn read(yaml: &str) -> (Option<Theirs>, Diagnostics) {
    let mut decoder = Decoder::default();
    let value = Serde::from_node(&tree(yaml), &mut decoder).map(|Serde(value)| value);
    (value, decoder.into_diagnostics())
}

#[test]
fn derived_types_are_read() {
    let (value, told) = read(
        "{size: 0x10, ratio: 1, wait: 5s, names: [a, 'b'], labels: {x: -1}, inner: {needed: true}, mode: {every: 3}, token: t}",
    );
    assert!(told.is_empty(), "{told}");
    let expected = Theirs {
        size: 16,
        ratio: 1.0,
        wait: Duration::from_secs(5),
        names: vec!["a".to_owned(), "b".to_owned()],
        labels: BTreeMap::from([("x".to_owned(), -1)]),
        inner: Some(Inner { needed: true, text: String::new() }),
        mode: Mode::Every(3),
        token: Secret::new("t"),
    };
    assert_eq!(value, Some(expected));
    assert_eq!(read("{mode: {window: {from: 1}}}").0.map(|value| value.mode), Some(Mode::Window { from: 1 }));
}

#[test]
fn null_is_zero_or_absent() {
    for yaml in ["", "{size:, ratio:, wait:, names:, labels:, inner:, mode: off, token:}"] {
        assert_eq!(read(yaml).0, Some(Theirs::default()), "{yaml}");
    }
}

#[test]
fn all_errors_are_found_as_far_as_there_are_defaults() {
    let (value, told) = read(
        "{size: -1, ratio: x, wait: 5 parsecs, names: [a, 1, 2], labels: {x: 300, y: 1}, inner: {needed: 1, txet: a}, sise: 2, mode: on}",
    );
    assert_eq!(value, None);
    assert_eq!(
        messages(&told),
        [
            "size: invalid value: integer `-1`, expected u32",
            "ratio: invalid type: string \"x\", expected f32",
            "wait: invalid value: string \"5 parsecs\", expected a duration such as 200ms or 1h30m",
            "names::1: invalid type: integer `1`, expected a string",
            "names::2: invalid type: integer `2`, expected a string",
            "labels::x: invalid value: integer `300`, expected i8",
            "inner::needed: invalid type: integer `1`, expected a boolean",
            "inner::txet: unknown key `txet`",
        ]
    );
}

#[test]
fn unknown_keys_are_errors_without_being_denied() {
    let (value, told) = read("{sise: 2, inner: {needed: true}}");
    assert_eq!((value, messages(&told)), (None, vec!["sise: unknown key `sise`".to_owned()]));
    assert!(told.to_string().contains("= help: did you mean `size`?"));
    assert_eq!(messages(&read("inner: {}").1), ["inner: key `needed` is required"]);
}

#[test]
fn values_of_references_and_secrets_are_not_quoted() {
    for yaml in [
        "size: ${env:X}",
        "token: [hunter2]",
        "{token: hunter2, size: x}",
        "token: 1234567",
        "mode: ${env:X}",
    ] {
        let mut diagnostics = Diagnostics::new();
        let loader = Loader::default().with(EnvProvider::fixed([("X", "hunter2")]));
        let root = loader.load([format!("yaml:{yaml}")], &mut diagnostics).expect("a tree");
        let mut decoder = Decoder::new(diagnostics);
        assert!(Serde::<Theirs>::from_node(&root, &mut decoder).is_none(), "{yaml}");
        let text = decoder.into_diagnostics().to_string();
        assert!(!text.contains("hunter2") && !text.contains("1234567"), "{yaml}:\n{text}");
    }
}
