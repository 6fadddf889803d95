//! From config URIs to one tree: fetch, parse, merge, expand.

use super::Diagnostics;
use super::expand::Expander;
use super::node::{Mapping, Node, NodeKind};
use super::parse::parse;
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
        Self { providers: Vec::new() }
    }

    /// Adds a provider, in the place of an earlier one with the same scheme.
    pub fn with(mut self, provider: impl Provider + 'static) -> Self {
        self.providers.retain(|present| present.scheme() != provider.scheme());
        self.providers.push(Box::new(provider));
        self
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
        let mut merged: Option<Node> = None;
        let mut complete = true;
        for uri in uris {
            match (self.document(uri.as_ref(), diagnostics), &mut merged) {
                (None, _) => complete = false,
                (Some(document), None) => merged = Some(document),
                (Some(document), Some(merged)) => merge(merged, document),
            }
        }
        let merged = merged.filter(|_| complete)?;
        Expander::new(self, diagnostics).expand(merged)
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
        let is_path = uri.split_once(':').is_none_or(|(scheme, _)| scheme.len() == 1);
        let retrieved = if is_path { self.retrieve(&format!("file:{uri}")) } else { self.retrieve(uri) };
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

fn merge(base: &mut Node, over: Node) {
    let (NodeKind::Mapping(entries), true) = (&mut base.kind, over.mapping().is_some()) else {
        *base = over;
        return;
    };
    let NodeKind::Mapping(more) = over.kind else { return };
    for (key, entry) in more {
        match entries.get_mut(&key) {
            Some(present) => {
                present.key = entry.key;
                merge(&mut present.value, entry.value);
            }
            None => drop(entries.insert(key, entry)),
        }
    }
}
