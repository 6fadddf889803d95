//! From config URIs to one tree: fetch, parse, merge, expand.

use std::path::PathBuf;

use super::Diagnostics;
use super::bare::{self, Bare};
use super::expand::Expander;
use super::gates::{FeatureGates, MERGE_APPEND, UNIFIED_EXPANSION};
use super::node::{Mapping, Node, NodeKind};
use super::parse::{Shift, parse, parse_as};
use super::provider::{FileProvider, Provider, ProviderError, Retrieved, YamlProvider, split_uri};
use super::source::{Location, Source};

/// Loads configurations from URIs.
///
/// ```
/// use otel_core::config::{Diagnostics, EnvProvider, Loader};
///
/// let loader = Loader::default().with(EnvProvider::fixed([("LIMIT", "0x10")]));
/// let mut diagnostics = Diagnostics::new();
/// let root = loader
///     .load(["yaml:memory_limiter: {limit_mib: 1, check_interval: 1s}", "yaml:memory_limiter::limit_mib: ${env:LIMIT}"], &mut diagnostics)
///     .expect("a valid configuration");
/// let limiter = root.entry("memory_limiter").expect("the later text is merged into the earlier one");
/// assert_eq!(limiter.entry("limit_mib").and_then(|node| node.text()), Some("0x10"));
/// assert!(diagnostics.is_empty());
/// ```
pub struct Loader {
    providers: Vec<Box<dyn Provider>>,
    sets: Vec<String>,
    gates: FeatureGates,
}

/// Knows `file:` and `yaml:`. The environment is read only through a provider that is [added](Loader::with).
impl Default for Loader {
    fn default() -> Self {
        Self::empty().with(FileProvider).with(YamlProvider)
    }
}

impl Loader {
    /// A loader that knows no scheme.
    pub fn empty() -> Self {
        Self { providers: Vec::new(), sets: Vec::new(), gates: FeatureGates::default() }
    }

    /// Adds a provider, in the place of an earlier one with the same scheme.
    pub fn with(mut self, provider: impl Provider + 'static) -> Self {
        self.providers.retain(|present| present.scheme() != provider.scheme());
        self.providers.push(Box::new(provider));
        self
    }

    /// Sets a key after everything that is loaded, as the flag `--set` does: `processors.batch.timeout=2s`. Points
    /// separate keys, and the value is YAML. Messages call the place `--set`.
    pub fn set(mut self, assignment: impl Into<String>) -> Self {
        self.sets.push(assignment.into());
        self
    }

    /// Loads with these feature gates.
    pub fn with_gates(self, gates: FeatureGates) -> Self {
        Self { gates, ..self }
    }

    /// The schemes that are known, in alphabetical order.
    pub fn schemes(&self) -> Vec<&'static str> {
        let mut schemes: Vec<_> = self.providers.iter().map(|provider| provider.scheme()).collect();
        schemes.sort_unstable();
        schemes
    }

    /// Loads several configurations and merges each into those before it, then expands `${…}` in values.
    ///
    /// Maps merge; scalars and lists replace; null replaces, too. A URI without a scheme is a file. `None` if a text could
    /// not be read or is not a map. A reference that can't be expanded is recorded and its key left out.
    pub fn load<U: AsRef<str>>(
        &self,
        uris: impl IntoIterator<Item = U>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Node> {
        let documents: Vec<Option<Node>> =
            uris.into_iter().map(|uri| self.document(uri.as_ref(), diagnostics)).collect();
        let sets = self.sets.iter().map(|set| assignment(set, diagnostics)).collect::<Vec<_>>();
        let documents = documents.into_iter().chain(sets).collect::<Option<Vec<_>>>()?;
        let merge = Merge { append: self.gates.is_enabled(&MERGE_APPEND) };
        let mut merged = documents.into_iter().reduce(|mut base, over| {
            merge.merge(&mut base, over, &mut Vec::new());
            base
        })?;
        let unified = self.gates.is_enabled(&UNIFIED_EXPANSION);
        bare::apply(&mut merged, if unified { Bare::Warn } else { Bare::Expand }, diagnostics);
        Expander::new(self, diagnostics).expand(merged)
    }

    /// The file that a URI stands for, if it is one.
    pub fn file(uri: &str) -> Option<PathBuf> {
        let path = if is_path(uri) { uri } else { uri.strip_prefix("file:")? };
        Some(PathBuf::from(path))
    }

    pub(super) fn knows(&self, scheme: &str) -> bool {
        self.providers.iter().any(|provider| provider.scheme() == scheme)
    }

    pub(super) fn retrieve(&self, uri: &str) -> Result<Retrieved, ProviderError> {
        let (scheme, locator) = split_uri(uri)?;
        match self.providers.iter().find(|provider| provider.scheme() == scheme) {
            Some(provider) => provider.retrieve(locator),
            None => Err(ProviderError::new(format!("scheme {scheme:?} is not supported for uri {uri:?}"))),
        }
    }

    fn document(&self, uri: &str, diagnostics: &mut Diagnostics) -> Option<Node> {
        let retrieved = if is_path(uri) { self.retrieve(&format!("file:{uri}")) } else { self.retrieve(uri) };
        let Retrieved { name, text, warning, .. } = match retrieved {
            Ok(retrieved) => retrieved,
            Err(error) => {
                diagnostics.error(None, error.to_string());
                return None;
            }
        };
        if let Some(warning) = warning {
            diagnostics.warning(None, warning);
        }
        let source = Source::new(name, text);
        let node = parse(&source, diagnostics)?;
        if node.is_null() {
            return Some(Node::new(NodeKind::Mapping(Mapping::new()), Location::start_of(&source)));
        }
        if node.mapping().is_none() {
            diagnostics.error(&node, format!("a configuration must be a map, got {}", node.describe()));
            return None;
        }
        Some(node)
    }
}

/// How a later configuration changes an earlier one.
struct Merge {
    /// Whether lists of components grow instead of being replaced.
    append: bool,
}

impl Merge {
    fn merge(&self, base: &mut Node, over: Node, path: &mut Vec<String>) {
        if self.append && is_component_list(path) && over.sequence().is_some() {
            if let (NodeKind::Sequence(items), NodeKind::Sequence(more)) = (&mut base.kind, over.kind) {
                let new = |item: &Node| !items.iter().any(|present| present.text() == item.text());
                let more: Vec<Node> = more.into_iter().filter(new).collect();
                items.extend(more);
            }
            return;
        }
        let (NodeKind::Mapping(entries), true) = (&mut base.kind, over.mapping().is_some()) else {
            *base = over;
            return;
        };
        let NodeKind::Mapping(more) = over.kind else { return };
        for (key, entry) in more {
            match entries.get_mut(&key) {
                Some(present) => {
                    present.key = entry.key;
                    path.push(key);
                    self.merge(&mut present.value, entry.value, path);
                    path.pop();
                }
                None => drop(entries.insert(key, entry)),
            }
        }
    }
}

/// Whether a path is `service::extensions`, or the receivers or exporters of something in `service`.
fn is_component_list(path: &[String]) -> bool {
    let ends = |words: &[&str]| path.last().is_some_and(|last| words.contains(&last.as_str()));
    path.first().is_some_and(|first| first == "service")
        && (path.len() == 2 && ends(&["extensions"]) || path.len() > 2 && ends(&["receivers", "exporters"]))
}

/// The tree of `key.key=value`.
fn assignment(set: &str, diagnostics: &mut Diagnostics) -> Option<Node> {
    let source = Source::new("--set", set);
    let Some((keys, value)) = set.split_once('=') else {
        diagnostics.error(Location::start_of(&source), "missing equal sign");
        return None;
    };
    let path = keys.replace('.', "::");
    let path = path.trim();
    let text = format!("{path}: {}", value.trim());
    let before = keys.len() + 1 + (value.len() - value.trim_start().len());
    // A key of the same length still has a blank more behind it.
    let shift = Shift { key: keys.len(), left: (path.len() + 2).saturating_sub(before) };
    let mut told = Diagnostics::new();
    let node = parse_as(&source, &text, shift, &mut told);
    if told.has_errors() {
        // The value could not be understood, so it may be anything.
        let value =
            Node::null(Location { start: keys.len() + 1, end: set.len(), ..Location::start_of(&source) });
        told.masks.push(value.location);
    }
    diagnostics.append(told);
    let node = node?;
    if node.mapping().is_none() {
        diagnostics
            .error(Location::start_of(&source), "expected KEY=VALUE, such as processors.batch.timeout=2s");
        return None;
    }
    Some(node)
}

/// Whether a URI has no scheme; a drive is none.
fn is_path(uri: &str) -> bool {
    uri.split_once(':').is_none_or(|(scheme, _)| scheme.len() == 1)
}
