//! Tests of configuration as a whole.

mod decode;
mod describe;
mod load;
mod render;
mod robust;
mod serde;
mod yaml;

use super::{Decode, Decoder, Diagnostics, Node, Source, parse};

/// A tree, which must be free of errors.
fn tree(yaml: &str) -> Node {
    let mut diagnostics = Diagnostics::new();
    let node = parse(&Source::new("test.yaml", yaml), &mut diagnostics);
    assert!(diagnostics.is_empty(), "{diagnostics}");
    node.expect("a tree where there are no errors")
}

/// What a text decodes to, and what was said about it.
fn decode<T: Decode>(yaml: &str) -> (T, Diagnostics) {
    let mut decoder = Decoder::default();
    let mut value = T::default();
    super::FromNode::update(&mut value, &tree(yaml), &mut decoder);
    (value, decoder.into_diagnostics())
}

/// Path and message of everything that was said, in the order in which it was found.
fn messages(diagnostics: &Diagnostics) -> Vec<String> {
    let line = |problem: &super::Diagnostic| match problem.path() {
        "" => problem.message().to_owned(),
        path => format!("{path}: {}", problem.message()),
    };
    diagnostics.iter().map(line).collect()
}
