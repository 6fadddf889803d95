use std::fmt::Write as _;

use super::super::{Diagnostics, Node, NodeKind, ScalarValue, Source, parse};
use super::{messages, tree};

fn errors(yaml: &str) -> Vec<String> {
    let mut diagnostics = Diagnostics::new();
    parse(&Source::new("test.yaml", yaml), &mut diagnostics);
    diagnostics
        .iter()
        .map(|problem| format!("{} {}", problem.location().expect("a place"), problem.message()))
        .collect()
}

/// The tree in one line, to compare whole trees.
fn shown(node: &Node) -> String {
    match node.kind() {
        NodeKind::Scalar(scalar) => match scalar.value() {
            ScalarValue::Null => "null".to_owned(),
            ScalarValue::Bool(value) => value.to_string(),
            ScalarValue::Int(value) => value.to_string(),
            ScalarValue::Float(value) => format!("{value:?}"),
            ScalarValue::String(text) => format!("{text:?}"),
        },
        NodeKind::Sequence(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        NodeKind::Mapping(entries) => {
            let entries: Vec<_> =
                entries.iter().map(|(key, entry)| format!("{key}: {}", shown(&entry.value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

#[test]
fn knows_where_every_value_was_written() {
    let root = tree("a:\n  é: [x, 'y']\n  empty:\nb: |\n  text\n");
    let a = root.entry("a").expect("a");
    assert_eq!(a.location().to_string(), "test.yaml:2:3");
    let y = &a.entry("é").and_then(Node::sequence).expect("a list")[1];
    assert_eq!((y.location().to_string().as_str(), y.location().bytes()), ("test.yaml:2:10", 13..16));
    assert_eq!(a.entry("empty").expect("empty").location().to_string(), "test.yaml:3:3");
    assert_eq!(root.entry("b").expect("b").text(), Some("text\n"));
}

#[test]
fn quotes_and_tags_decide_over_the_look_of_a_scalar() {
    assert_eq!(
        shown(&tree("[12, '12', \"12\", !!str 12, !!int 0x10, ! 12, !!null '', yes]")),
        r#"[12, "12", "12", "12", 16, "12", null, "yes"]"#
    );
    assert_eq!(errors("!!int abc"), ["test.yaml:1:7 the text does not fit its tag !!int"]);
    assert_eq!(errors("a: !secret abc"), ["test.yaml:1:12 tag !secret is not supported"]);
}

#[test]
fn resolves_anchors_and_merge_keys() {
    let yaml = "base: &base {a: 1, b: 2}\nfirst: &first {b: 9}\none:\n  <<: *base\n  b: 3\ntwo:\n  <<: [*first, *base]\nthree: *base\n";
    assert_eq!(
        shown(&tree(yaml)),
        "{base: {a: 1, b: 2}, first: {b: 9}, one: {b: 3, a: 1}, two: {b: 9, a: 1}, three: {a: 1, b: 2}}"
    );
    assert_eq!(errors("<<: 1"), ["test.yaml:1:5 `<<` takes a map or a list of maps"]);
    assert_eq!(shown(&tree("'<<': 1")), "{<<: 1}");
}

#[test]
fn keys_with_double_colons_are_paths() {
    assert_eq!(
        shown(&tree("a::b::c: 1\na: {d: 2, e::f: 3}\nl: [{x::y: 1}]")),
        "{a: {b: {c: 1}, d: 2, e: {f: 3}}, l: [{x::y: 1}]}"
    );
    assert_eq!(errors("a::b: 1\na: {b: 2}"), ["test.yaml:2:5 key `b` occurs twice in this map"]);
}

#[test]
fn every_duplicate_key_is_an_error_and_the_rest_is_read() {
    assert_eq!(
        errors("a: 1\nb: {c: 1, c: 2}\na: 3\n"),
        ["test.yaml:2:11 key `c` occurs twice in this map", "test.yaml:3:1 key `a` occurs twice in this map"]
    );
    assert_eq!(errors("[a]: 1\n"), ["test.yaml:1:1 a key must be a string, not a list or a map"]);
}

#[test]
fn what_is_not_yaml_is_told_with_its_place() {
    assert_eq!(errors("a: [1"), ["test.yaml:1:4 not valid YAML: unclosed bracket '['"]);
    assert_eq!(
        errors("a: b: c"),
        ["test.yaml:1:5 not valid YAML: mapping values are not allowed in this context"]
    );
    assert_eq!(
        errors("a: *missing"),
        ["test.yaml:1:4 not valid YAML: while parsing node, found unknown anchor"]
    );
}

#[test]
fn only_the_first_document_counts() {
    assert_eq!(shown(&tree("---\na: 1\n---\n")), "{a: 1}");
    assert_eq!(shown(&tree("")), "null");
    assert_eq!(shown(&tree("# nothing\n")), "null");
    assert_eq!(shown(&tree("\u{feff}a: 1")), "{a: 1}");
    assert_eq!(
        errors("a: 1\n---\nb: 2\n"),
        ["test.yaml:3:1 only the first YAML document is read; this one and what follows is not"]
    );
}

#[test]
fn nesting_and_copies_are_bounded() {
    let deep = "[".repeat(200);
    assert_eq!(errors(&deep), ["test.yaml:1:129 not valid YAML: recursion limit exceeded"]);
    let path = vec!["a"; 200].join("::");
    assert_eq!(
        errors(&format!("{path}: 1")),
        ["test.yaml:1:1 nested too deeply: at most 128 levels are allowed"]
    );

    let mut laughs = "l0: &l0 [x]\n".to_owned();
    for level in 1..12 {
        let below = format!("*l{}", level - 1);
        let _ = writeln!(laughs, "l{level}: &l{level} [{}]", vec![below; 10].join(", "));
    }
    let told = errors(&laughs);
    assert_eq!(told.len(), 1);
    assert!(told[0].ends_with("the aliases of this document copy more than 100000 values"), "{told:?}");

    let mut nested = "l0: &l0 x\n".to_owned();
    for level in 1..200 {
        let _ = writeln!(nested, "l{level}: &l{level} [*l{}]", level - 1);
    }
    let told = errors(&nested);
    assert!(told[0].ends_with("nested too deeply: at most 128 levels are allowed"), "{told:?}");

    assert_eq!(errors("a: &a [*a]"), ["test.yaml:1:8 an alias can't stand within the value it refers to"]);
}

#[test]
fn debugging_a_tree_shows_no_values() {
    assert!(!format!("{:?}", tree("password: hunter2")).contains("hunter2"));
    assert!(messages(&Diagnostics::new()).is_empty());
}
