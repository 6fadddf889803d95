//! No text, however odd, makes reading, decoding or showing a configuration panic, hang or use a lot of memory.

use proptest::prelude::*;

use super::super::{
    Decode, Decoder, Diagnostics, EnvProvider, Fields, FromNode, Loader, MapList, Optional, Secret, Serde,
    parse_duration,
};

#[derive(Default)]
struct Anything {
    number: u16,
    words: Vec<String>,
    wait: std::time::Duration,
    headers: MapList<Secret>,
    section: Optional<Section>,
    theirs: Serde<Theirs>,
}

#[derive(Default)]
struct Section {
    flag: bool,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Theirs {
    a: Vec<Option<u8>>,
    b: std::collections::HashMap<String, f64>,
}

impl Decode for Section {
    fn decode(&mut self, fields: &mut Fields<'_>) {
        fields.take("flag", &mut self.flag);
    }
}

impl Decode for Anything {
    fn decode(&mut self, fields: &mut Fields<'_>) {
        fields.take("a", &mut self.number);
        fields.take("b", &mut self.words);
        fields.take("c", &mut self.wait);
        fields.take("d", &mut self.headers);
        fields.take("e", &mut self.section);
        fields.take("f", &mut self.theirs);
    }
}

fn read(yaml: &str) {
    let mut diagnostics = Diagnostics::new();
    let variables = [("A", "[1, ${env:B}]"), ("B", "x: ${env:C}"), ("C", "${env:A}"), ("D", "5s")];
    let loader = Loader::default().with(EnvProvider::fixed(variables));
    let root = loader.load([format!("yaml:{yaml}")], &mut diagnostics);
    let mut decoder = Decoder::new(diagnostics);
    if let Some(root) = root {
        let mut value = Anything::default();
        value.update(&root, &mut decoder);
        let _ = (value.theirs.a.len(), value.theirs.b.len(), value.section.get().map(|section| section.flag));
    }
    let diagnostics = decoder.into_diagnostics();
    let shown = diagnostics.to_string();
    assert_eq!(shown.is_empty(), diagnostics.is_empty());
}

/// Texts that have broken one YAML reader or another.
const CORPUS: [&str; 40] = [
    "",
    "\0",
    "\u{feff}",
    "\r",
    "\t",
    "---",
    "...",
    "%YAML 1.2",
    "%",
    "&",
    "*",
    "&a",
    "*a",
    "&a *a",
    "? ",
    "? a",
    ": ",
    "- - - -",
    "[,]",
    "{,}",
    "{a",
    "[a",
    "'",
    "\"",
    "\"\\x",
    "\"\\ud800\"",
    "|",
    ">",
    "|9",
    "|\n\t x",
    "a: |\n x\n  y\n z",
    "<<: *a",
    "&a {<<: *a}",
    "{<<: [1]}",
    "::",
    "a::",
    "::a: 1",
    "! a",
    "!!binary x",
    "a: !<> b",
];

#[test]
fn a_corpus_of_odd_texts_is_survived() {
    for text in CORPUS {
        read(text);
        for key in ["a", "b", "c", "d", "e", "f", "zz"] {
            read(&format!("{key}: {text}"));
            read(&format!("{{{key}: [{text}]}}"));
            read(&format!("{key}:\n  x: {text}\n  {text}: y"));
        }
    }
}

#[test]
fn references_to_themselves_are_survived() {
    for yaml in [
        "a: ${env:A}",
        "b: ['${env:B}', 'x${env:C}']",
        "c: ${env:${env:A}}",
        "d: {x: '${env:A}'}",
        "f: {a: '${A}'}",
    ] {
        read(yaml);
    }
}

/// Texts that look like configurations more often than not.
fn yaml_like() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "a",
        "b",
        "c",
        "d",
        "e",
        "f",
        "enabled",
        "name",
        "value",
        "flag",
        ": ",
        ":",
        "\n",
        "\n  ",
        "\n    ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        "'",
        "\"",
        "&x ",
        "*x",
        "<<",
        "|",
        ">",
        "~",
        "null",
        "true",
        "0123",
        "-1",
        "1e9",
        ".inf",
        "5s",
        "${env:A}",
        "${env:D}",
        "${D}",
        "$${",
        "${",
        "}",
        "$",
        "::",
        "#",
        "!!str ",
        "é",
        "\t",
        "\u{1f980}",
        "---\n",
        "http://u:p@h/",
        "password: x",
    ]);
    prop::collection::vec(token, 0..40).prop_map(|tokens| tokens.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_survived(text in "(?s).{0,60}") {
        read(&text);
    }

    #[test]
    fn any_yaml_like_text_is_survived(text in yaml_like()) {
        read(&text);
    }

    #[test]
    fn any_duration_text_is_survived(text in "[-+]?[0-9.]{0,25}(ns|us|µs|ms|s|m|h|d)?[0-9.]{0,4}[smh]?") {
        let _ = parse_duration(&text);
    }
}
