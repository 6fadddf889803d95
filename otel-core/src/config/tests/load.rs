use std::io::Write;

use super::super::{
    Diagnostics, EnvProvider, Loader, Node, NodeKind, Provider, ProviderError, Retrieved, ScalarValue,
};
use super::messages;

/// A scheme whose texts are those of a config file that does not exist.
struct Files;

impl Provider for Files {
    fn scheme(&self) -> &'static str {
        "test"
    }

    fn retrieve(&self, locator: &str) -> Result<Retrieved, ProviderError> {
        match locator {
            "map" => Ok(Retrieved::new("map.yaml", "a: 1\nb: ${env:WORD}\n")),
            "list" => Ok(Retrieved::new("list.yaml", "[1, 2]")),
            "self" => Ok(Retrieved::new("self", "${test:self}")),
            "twins" => Ok(Retrieved::new("twins", "[\"${test:twins}\", \"${test:twins}\"]")),
            "grow" => Ok(Retrieved::new("grow", format!("{}${{test:grow}}", " ".repeat(1 << 20)))),
            _ => Err(ProviderError::new(format!("no such text: {locator}"))),
        }
    }
}

fn load(yaml: &str) -> (Option<Node>, Diagnostics) {
    let variables = [
        ("WORD", "word"),
        ("OCTAL", "0123"),
        ("NUMBER", "1e3"),
        ("QUOTED", "'5'"),
        ("LIST", "[a, b]"),
        ("EMPTY", ""),
        ("BROKEN", "[a"),
        ("NAME", "WORD"),
        ("NESTED", "${env:WORD}-${OCTAL}"),
        ("DOLLARS", "a$$b"),
        ("TRUE", "true"),
        ("MAP", "{a: $$}"),
    ];
    let loader = Loader::default().with(EnvProvider::fixed(variables)).with(Files);
    let mut diagnostics = Diagnostics::new();
    let root = loader.load([format!("yaml:{yaml}")], &mut diagnostics);
    (root, diagnostics)
}

/// What the value of `x` is: the parsed value, and the text that a string field would get.
fn value(yaml: &str) -> (String, Option<String>) {
    let (root, told) = load(&format!("x: {yaml}"));
    assert!(!told.has_errors(), "{yaml}: {told}");
    let root = root.expect("a tree");
    let node = root.entry("x").expect("x");
    let kind = match node.kind() {
        NodeKind::Mapping(_) => "map".to_owned(),
        NodeKind::Sequence(items) => format!("list of {}", items.len()),
        NodeKind::Scalar(_) => match node.scalar().expect("a scalar") {
            ScalarValue::String(text) => format!("{text:?}"),
            other => format!("{other:?}"),
        },
    };
    (kind, node.text().map(str::to_owned))
}

fn told(yaml: &str) -> Vec<String> {
    messages(&load(yaml).1)
}

#[test]
fn references_expand_as_in_the_go_collector() {
    let table = [
        ("${env:WORD}", "\"word\"", Some("word")),
        ("${WORD}", "\"word\"", Some("word")),
        ("'${env:WORD}'", "\"word\"", Some("word")),
        ("${env:OCTAL}", "Int(83)", Some("0123")),
        ("${env:NUMBER}", "Float(1000.0)", Some("1e3")),
        ("${env:TRUE}", "Bool(true)", Some("true")),
        ("${env:QUOTED}", "\"'5'\"", Some("'5'")),
        ("${env:LIST}", "list of 2", Some("[a, b]")),
        ("${env:EMPTY}", "Null", Some("")),
        ("${env:BROKEN}", "\"[a\"", Some("[a")),
        ("${env:UNSET:-0x10}", "Int(16)", Some("0x10")),
        ("${env:UNSET:-}", "\"\"", Some("")),
        ("${env:EMPTY:-default}", "Null", Some("")),
        ("${env:${env:NAME}}", "\"word\"", Some("word")),
        ("${env:NESTED}", "\"word-0123\"", Some("word-0123")),
        ("a${env:OCTAL}", "\"a0123\"", Some("a0123")),
        ("${env:OCTAL}${env:OCTAL}", "\"01230123\"", Some("01230123")),
        ("http://${env:WORD}:${env:OCTAL}/", "\"http://word:0123/\"", Some("http://word:0123/")),
        ("${test:map}", "map", None),
        ("${env:MAP}", "map", Some("{a: $}")),
        ("x${test:list}", "\"x[1, 2]\"", Some("x[1, 2]")),
        ("$${env:WORD}", "\"${env:WORD}\"", Some("${env:WORD}")),
        ("$$${env:WORD}", "\"$word\"", Some("$word")),
        ("$$$${env:WORD}", "\"$${env:WORD}\"", Some("$${env:WORD}")),
        ("$WORD", "\"$WORD\"", Some("$WORD")),
        ("a$$b", "\"a$b\"", Some("a$b")),
        ("${env:DOLLARS}", "\"a$b\"", Some("a$b")),
        ("$${1} ${env:WORD}", "\"${1} word\"", Some("${1} word")),
        ("$${env:WORD} ${env:WORD}", "\"${env:WORD} word\"", Some("${env:WORD} word")),
        ("'${env:WORD'", "\"${env:WORD\"", Some("${env:WORD")),
        ("'env:WORD}'", "\"env:WORD}\"", Some("env:WORD}")),
    ];
    for (yaml, kind, text) in table {
        assert_eq!(value(yaml), (kind.to_owned(), text.map(str::to_owned)), "{yaml}");
    }
}

#[test]
fn what_cannot_be_expanded_is_told_and_the_rest_goes_on() {
    let (root, diagnostics) =
        load("{a: '${env:no-name}', b: '${FOO:-x}', c: '${test:none}', e: 1, f: '${1}'}");
    assert_eq!(
        messages(&diagnostics),
        [
            "a: environment variable \"no-name\" has an invalid name: letters, digits and underscores are allowed, and no digit first",
            "b: scheme \"FOO\" is not supported for uri \"FOO:-x\"",
            "c: no such text: none",
            "f: environment variable \"1\" has an invalid name: letters, digits and underscores are allowed, and no digit first",
        ]
    );
    assert!(diagnostics.to_string().contains("= help: a default needs the scheme: ${env:FOO:-…}"));
    let keys: Vec<_> = root.as_ref().and_then(Node::mapping).expect("a map").keys().cloned().collect();
    assert_eq!(keys, ["e"]);
}

#[test]
fn an_unset_variable_is_null_with_a_warning() {
    let (root, diagnostics) = load("x: ${env:UNSET}");
    assert!(root.as_ref().and_then(|root| root.entry("x")).expect("x").is_null());
    assert_eq!(
        messages(&diagnostics),
        ["x: environment variable \"UNSET\" is not set; its value is taken as null"]
    );
    assert!(!diagnostics.has_errors());
}

#[test]
fn endless_references_end() {
    assert_eq!(told("x: ${test:self}"), ["x: too many recursive expansions"]);
    assert!(
        told("x: ${test:twins}").last().is_some_and(|told| told.ends_with("too many recursive expansions"))
    );
    let grown = told("x: ${test:grow}");
    assert_eq!(grown.len(), 1);
    assert!(grown[0].starts_with("x: the references expand to more than"), "{grown:?}");
}

#[test]
fn without_an_environment_provider_only_schemes_are_references() {
    let mut diagnostics = Diagnostics::new();
    let root = Loader::default().load(["yaml:x: ${WORD}"], &mut diagnostics).expect("a tree");
    assert_eq!(root.entry("x").and_then(Node::text), Some("${WORD}"));
}

#[test]
fn later_configurations_merge_into_earlier_ones() {
    let mut diagnostics = Diagnostics::new();
    let uris = [
        "yaml:{a: {b: 1, c: [1, 2], d: {e: 1}}, f: {g: 1}, h: {i: 1}}",
        "yaml:{a: {c: [3], d: {}}, f: ~}",
        "yaml:h::i: 2",
        "yaml:",
    ];
    let root = Loader::default().load(uris, &mut diagnostics).expect("a tree");
    assert!(diagnostics.is_empty());
    let at = |path: &str| path.split('.').try_fold(&root, |node, key| node.entry(key));
    assert_eq!(at("a.b").and_then(Node::scalar), Some(ScalarValue::Int(1)));
    assert_eq!(at("a.c").and_then(Node::sequence).map(<[Node]>::len), Some(1));
    assert!(at("a.d.e").is_some());
    assert!(at("f").is_some_and(Node::is_null));
    assert_eq!(at("h.i").and_then(Node::scalar), Some(ScalarValue::Int(2)));
}

#[test]
fn files_are_read_with_and_without_their_scheme() {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(b"a: 1\n").expect("a write");
    let path = file.path().to_str().expect("a UTF-8 path").to_owned();
    for uri in [path.clone(), format!("file:{path}")] {
        let mut diagnostics = Diagnostics::new();
        let root = Loader::default().load([uri], &mut diagnostics).expect("a tree");
        assert_eq!(root.entry("a").map(|node| node.location().to_string()), Some(format!("{path}:1:4")));
    }
}

#[test]
fn every_uri_that_cannot_be_loaded_is_told() {
    let mut diagnostics = Diagnostics::new();
    let uris = ["/no/such/file.yaml", "none:x", "1:x", "a_b:x", "yaml:[1]", "yaml:a: 1"];
    assert!(Loader::default().load(uris, &mut diagnostics).is_none());
    assert_eq!(
        messages(&diagnostics),
        [
            "unable to read the file file:/no/such/file.yaml: No such file or directory (os error 2)",
            "scheme \"none\" is not supported for uri \"none:x\"",
            "unable to read the file file:1:x: No such file or directory (os error 2)",
            "invalid uri: \"a_b:x\"",
            "a configuration must be a map, got a list",
        ]
    );
}
