use super::super::{
    Decode, Decoder, Diagnostics, EnvProvider, Fields, Loader, Location, Secret, Source, parse,
};
use crate::config::REDACTED;

#[derive(Default)]
struct Client {
    endpoint: u16,
    password: Secret,
    keys: Vec<u8>,
}

impl Decode for Client {
    fn decode(&mut self, fields: &mut Fields<'_>) {
        fields.take("endpoint", &mut self.endpoint);
        fields.take("pass", &mut self.password);
        fields.take("keys", &mut self.keys);
    }
}

fn rendered(yaml: &str) -> String {
    let mut diagnostics = Diagnostics::new();
    let loader =
        Loader::default().with(EnvProvider::fixed([("SECRET", "hunter2"), ("URL", "http://u:hunter2@h")]));
    let root = loader.load([format!("yaml:{yaml}")], &mut diagnostics);
    let mut decoder = Decoder::new(diagnostics);
    if let Some(root) = root {
        let mut client = Client::default();
        decoder.fields(&root, |fields| client.decode(fields));
    }
    decoder.into_diagnostics().to_string()
}

#[test]
fn errors_come_in_the_order_of_the_file_before_warnings() {
    let source = Source::new("a.yaml", "one: 1\ntwo: 2\n");
    let mut diagnostics = Diagnostics::new();
    let root = parse(&source, &mut diagnostics).expect("a tree");
    diagnostics.warning(&root, "first");
    diagnostics.error(root.entry("two").expect("two"), "second").help("help: a");
    diagnostics.error(root.entry("one").expect("one"), "third").at_path("b::one");
    diagnostics.error(None, "fourth");
    let expected = "error: fourth

error: b::one: third
 --> a.yaml:1:6
  |
1 | one: 1
  |      ^

error: second
 --> a.yaml:2:6
  |
2 | two: 2
  |      ^
  = help: a

warning: first
 --> a.yaml:1:1
  |
1 | one: 1
  | ^^^";
    assert_eq!(diagnostics.to_string(), expected);
}

#[test]
fn secrets_on_the_line_are_not_shown() {
    let expected = "error: endpoint: expected an integer, got string \"x\"
 --> yaml:1:29
  |
1 | {pass: [REDACTED], endpoint: x}
  |                              ^";
    assert_eq!(rendered("{pass: 'hunter2', endpoint: x}"), expected);
    for yaml in [
        "pass: [hunter2]",
        "{pass: hunter2, endpiont: 1}",
        "{endpiont: hunter2}",
        "{endpiont: {a: [hunter2, {b: hunter2}]}}",
        "endpoint: ${env:SECRET}",
        "endpoint: a-${env:SECRET}",
        "endpoint: ${env:URL}",
        "keys: ['${env:SECRET}']",
        "keys: ${env:SECRET}",
        "endpoint: http://user:hunter2@host/",
        "password: hunter2\nendpoint: [",
        "{password: 'hunter2",
        "api_key: hunter2: x",
        "x-token: \"hunter2",
    ] {
        let text = rendered(yaml);
        assert!(text.starts_with("error"), "{yaml}");
        assert!(!text.contains("hunter2"), "{yaml}:\n{text}");
    }
}

#[test]
fn a_wrong_secret_is_not_quoted() {
    let text = rendered("pass: 123456");
    assert!(text.contains("expected a string, got an integer") && !text.contains("123456"), "{text}");
    assert!(text.contains(&format!("1 | pass: {REDACTED}\n  |       ^^^^^^^^^^")), "{text}");
}

#[test]
fn a_reference_is_shown_but_not_its_value() {
    let expected = "error: endpoint: expected an integer, got a string from a reference
 --> yaml:1:11
  |
1 | endpoint: ${env:SECRET}
  |           ^^^^^^^^^^^^^";
    assert_eq!(rendered("endpoint: ${env:SECRET}"), expected);
}

#[test]
fn the_excerpt_of_a_long_line_is_the_part_around_the_caret() {
    let padding = "x".repeat(500);
    let text = rendered(&format!("{{pass: '', a{padding}: {{}}, endpoint: wrong, b: '{padding}'}}"));
    let endpoint = text.split("\n\n").find(|part| part.contains("endpoint:")).expect("the endpoint's part");
    let lines: Vec<_> = endpoint.lines().collect();
    let column = lines[4].chars().position(|c| c == '^').expect("a caret");
    assert!(lines[3].chars().count() < 160, "{endpoint}");
    assert_eq!(lines[3].chars().skip(column).take(5).collect::<String>(), "wrong", "{endpoint}");
}

#[test]
fn wide_and_odd_characters_do_not_shift_the_caret() {
    let source = Source::new("a.yaml", "é\t東: [x, ключ]\r\n");
    let mut diagnostics = Diagnostics::new();
    let root = parse(&source, &mut diagnostics).expect("a tree");
    let list = root.mapping().and_then(|entries| entries.values().next()).expect("an entry");
    diagnostics.error(&list.value.sequence().expect("a list")[1], "here");
    assert_eq!(
        diagnostics.to_string(),
        "error: here\n --> a.yaml:1:10\n  |\n1 | é 東: [x, ключ]\n  |          ^^^^"
    );
}

#[test]
fn an_empty_source_has_an_excerpt_too() {
    let mut diagnostics = Diagnostics::new();
    diagnostics.error(Location::start_of(&Source::new("a.yaml", "")), "empty configuration file");
    assert_eq!(diagnostics.to_string(), "error: empty configuration file\n --> a.yaml:1:1\n  |\n1 | \n  | ^");
}
