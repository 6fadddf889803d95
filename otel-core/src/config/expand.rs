//! `${…}` references in values, as the Go collector expands them.

use std::ops::Range;
use std::sync::Arc;

use super::Diagnostics;
use super::ScalarValue;
use super::loader::Loader;
use super::node::{Node, NodeKind, Scalar};
use super::parse::{MAX_DEPTH, parse, size};
use super::provider::{ProviderError, Retrieved};
use super::source::{Location, Source};

/// The most references that one value may go through.
const MAX_STEPS: usize = 1000;
/// The most references of a whole configuration: lists of references to themselves multiply.
const MAX_REFERENCES: usize = 20_000;
/// The most text that all references together may produce, in bytes.
const MAX_TEXT: usize = 32 * 1024 * 1024;

pub(super) struct Expander<'a> {
    loader: &'a Loader,
    diagnostics: &'a mut Diagnostics,
    references: usize,
    text: usize,
    /// The keys that lead to where it is.
    path: Vec<String>,
}

/// A reference can't be expanded; that has been recorded.
struct Unexpandable;

impl<'a> Expander<'a> {
    pub(super) fn new(loader: &'a Loader, diagnostics: &'a mut Diagnostics) -> Self {
        Self { loader, diagnostics, references: 0, text: 0, path: Vec::new() }
    }

    /// The tree with its references replaced. Entries and items whose references can't be expanded are left out.
    pub(super) fn expand(mut self, node: Node) -> Option<Node> {
        self.node(node, 0).ok()
    }

    fn node(&mut self, mut node: Node, depth: usize) -> Result<Node, Unexpandable> {
        match &mut node.kind {
            NodeKind::Scalar(_) => return self.scalar(node, depth),
            NodeKind::Sequence(items) => {
                *items = std::mem::take(items)
                    .into_iter()
                    .enumerate()
                    .filter_map(|(index, item)| self.below(index.to_string(), item, depth).ok())
                    .collect();
            }
            NodeKind::Mapping(entries) => {
                for (key, mut entry) in std::mem::take(entries) {
                    if let Ok(value) = self.below(key.clone(), entry.value, depth) {
                        entry.value = value;
                        entries.insert(key, entry);
                    }
                }
            }
        }
        Ok(node)
    }

    fn below(&mut self, key: String, node: Node, depth: usize) -> Result<Node, Unexpandable> {
        self.path.push(key);
        let expanded = self.node(node, depth + 1);
        self.path.pop();
        expanded
    }

    fn scalar(&mut self, mut node: Node, depth: usize) -> Result<Node, Unexpandable> {
        for _ in 0..MAX_STEPS {
            let NodeKind::Scalar(Scalar { text, .. }) = &node.kind else {
                // A map or list out of a reference may hold references itself.
                if depth + size(&node).depth > MAX_DEPTH {
                    return Err(self.fail(&node.location, "too many recursive expansions"));
                }
                // As text it would need its references expanded to text, which maps don't have.
                node.original = node.original.filter(|text| !text.contains("${")).map(without_escapes);
                return self.node(node, depth);
            };
            let Some(range) = self.find(text) else {
                return Ok(unescaped(node));
            };
            let reference = text[range.clone()].to_owned();
            if range.len() == text.len() {
                let retrieved = self.retrieve(&reference, &node.location)?;
                node = Self::value(&reference, retrieved, &node.location);
            } else {
                let text = self.spliced(text, range, &reference, &node.location)?;
                node.kind = NodeKind::Scalar(Scalar { text, string: true });
                node.original = None;
                node.masked = true;
            }
        }
        Err(self.fail(&node.location, "too many recursive expansions"))
    }

    fn spliced(
        &mut self,
        text: &str,
        range: Range<usize>,
        reference: &str,
        at: &Location,
    ) -> Result<String, Unexpandable> {
        let retrieved = self.retrieve(reference, at)?;
        let text = [&text[..range.start], &*retrieved.text, &text[range.end..]].concat();
        self.charge(text.len(), at)?;
        Ok(text)
    }

    fn retrieve(&mut self, reference: &str, at: &Location) -> Result<Retrieved, Unexpandable> {
        self.references += 1;
        if self.references > MAX_REFERENCES {
            // Said once: every further reference fails, too.
            if self.references == MAX_REFERENCES + 1 {
                self.fail(at, "too many recursive expansions");
            }
            return Err(Unexpandable);
        }
        let inner = &reference[2..reference.len() - 1];
        let uri = if inner.contains(':') { inner.to_owned() } else { format!("env:{inner}") };
        let retrieved = if uri.contains('$') {
            Err(ProviderError::new(format!("the uri {uri:?} contains unsupported characters ('$')")))
        } else {
            self.loader.retrieve(&uri)
        };
        match retrieved {
            Ok(retrieved) => {
                if let Some(warning) = &retrieved.warning {
                    self.diagnostics.warning(at.clone(), warning.clone()).at_path(self.path.join("::"));
                }
                self.charge(retrieved.text.len(), at)?;
                Ok(retrieved)
            }
            Err(error) => {
                let problem = self.diagnostics.error(at.clone(), error.to_string());
                problem.at_path(self.path.join("::"));
                if let Some((name, _)) = inner.split_once(":-").filter(|_| !inner.starts_with("env:")) {
                    problem.help(format!("help: a default needs the scheme: ${{env:{name}:-…}}"));
                } else if !inner.contains("env:") {
                    problem.help("help: write $$ for a dollar sign that does not begin a reference");
                }
                Err(Unexpandable)
            }
        }
    }

    /// A retrieved text as a value, which stands where the reference was written.
    fn value(reference: &str, retrieved: Retrieved, at: &Location) -> Node {
        let mut ignored = Diagnostics::new();
        let source = Source::new(retrieved.name, retrieved.text);
        let parsed = parse(&source, &mut ignored).filter(|node| {
            !retrieved.verbatim
                && !ignored.has_errors()
                && !matches!(node.scalar(), Some(ScalarValue::String(_)))
        });
        // What YAML takes for a string stays exactly as it is, quotes included.
        let mut node = parsed.unwrap_or_else(|| {
            let scalar = Scalar { text: source.text().to_owned(), string: true };
            Node::new(NodeKind::Scalar(scalar), Location::start_of(&source))
        });
        stand_at(&mut node, reference, at);
        node.original = Some(Arc::from(source.text()));
        node
    }

    /// The innermost reference of a text, the first if there are several.
    fn find(&self, text: &str) -> Option<Range<usize>> {
        let mut from = 0;
        loop {
            let close = from + text[from..].find('}')?;
            let open = text[from..close].rfind("${").map(|open| from + open);
            let open = open.filter(|open| self.loader.knows("env") || text[*open..close].contains(':'));
            if let Some(open) = open {
                let dollars = text[from..open].bytes().rev().take_while(|b| *b == b'$').count();
                // An odd number of dollar signs before a reference escapes it.
                if dollars % 2 == 0 {
                    return Some(open..close + 1);
                }
            }
            from = close + 1;
        }
    }

    fn charge(&mut self, bytes: usize, at: &Location) -> Result<(), Unexpandable> {
        self.text += bytes;
        if self.text > MAX_TEXT {
            return Err(self.fail(at, format!("the references expand to more than {MAX_TEXT} bytes")));
        }
        Ok(())
    }

    fn fail(&mut self, at: &Location, message: impl Into<String>) -> Unexpandable {
        self.diagnostics.error(at.clone(), message).at_path(self.path.join("::"));
        Unexpandable
    }
}

fn unescaped(mut node: Node) -> Node {
    if let NodeKind::Scalar(scalar) = &mut node.kind
        && scalar.text.contains("$$")
    {
        scalar.text = scalar.text.replace("$$", "$");
    }
    node.original = node.original.map(without_escapes);
    node
}

fn without_escapes(text: Arc<str>) -> Arc<str> {
    if text.contains("$$") { text.replace("$$", "$").into() } else { text }
}

/// Moves a value to where its reference was written, because its own text must not be shown.
fn stand_at(node: &mut Node, reference: &str, at: &Location) {
    let line = node.location.line;
    let within = (line > 1).then(|| Arc::from(format!("{reference}, line {line}")));
    node.location = Location { within, ..at.clone() };
    node.masked = true;
    match &mut node.kind {
        NodeKind::Scalar(_) => {}
        NodeKind::Sequence(items) => items.iter_mut().for_each(|item| stand_at(item, reference, at)),
        NodeKind::Mapping(entries) => {
            for entry in entries.values_mut() {
                entry.key = at.clone();
                stand_at(&mut entry.value, reference, at);
            }
        }
    }
}
