//! What travels beside the data.

use std::any::Any;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::Invalid;
use crate::telemetry::{Span, TraceContext};

/// What is known about a request beside its data: immutable, and a reference count to clone.
///
/// Whoever takes responsibility for data and works on it after the answer drops the deadline
/// ([`Context::without_deadline`]).
#[derive(Debug, Clone, Default)]
pub struct Context(Option<Arc<Inner>>);

#[derive(Debug, Clone, Default)]
struct Inner {
    client: Option<ClientInfo>,
    metadata: Metadata,
    authentication: Option<Arc<dyn Authentication>>,
    trace: Option<TraceContext>,
    span: Span,
    deadline: Option<Instant>,
}

impl Context {
    /// How long a consumer waits for room where the context has no deadline.
    pub const DEFAULT_WAIT: Duration = Duration::from_secs(5);

    /// An empty context.
    pub const fn new() -> Self {
        Self(None)
    }

    /// The client that sent the data.
    pub fn client(&self) -> Option<&ClientInfo> {
        self.0.as_ref()?.client.as_ref()
    }

    /// The metadata that the receiver was configured to keep.
    pub fn metadata(&self) -> &Metadata {
        static EMPTY: Metadata = Metadata::new();
        self.0.as_ref().map_or(&EMPTY, |inner| &inner.metadata)
    }

    /// What the authenticator found out about the client.
    pub fn authentication(&self) -> Option<&Arc<dyn Authentication>> {
        self.0.as_ref()?.authentication.as_ref()
    }

    /// The trace that the request belongs to.
    pub fn trace(&self) -> Option<&TraceContext> {
        self.0.as_ref()?.trace.as_ref()
    }

    /// The span of the collector's own that the data is worked on within, or none.
    pub fn span(&self) -> &Span {
        static NONE: Span = Span::none();
        self.0.as_ref().map_or(&NONE, |inner| &inner.span)
    }

    /// When the caller stops waiting.
    pub fn deadline(&self) -> Option<Instant> {
        self.0.as_ref()?.deadline
    }

    /// Until when a consumer waits for room.
    pub fn wait_until(&self) -> Instant {
        self.deadline().unwrap_or_else(|| Instant::now() + Self::DEFAULT_WAIT)
    }

    /// The same with a client.
    pub fn with_client(self, client: ClientInfo) -> Self {
        self.with(|inner| inner.client = Some(client))
    }

    /// The same with other metadata.
    pub fn with_metadata(self, metadata: Metadata) -> Self {
        self.with(|inner| inner.metadata = metadata)
    }

    /// The same with an authentication.
    pub fn with_authentication(self, authentication: Arc<dyn Authentication>) -> Self {
        self.with(|inner| inner.authentication = Some(authentication))
    }

    /// The same as a part of a trace.
    pub fn with_trace(self, trace: TraceContext) -> Self {
        self.with(|inner| inner.trace = Some(trace))
    }

    /// The same within a span, which becomes the trace that it belongs to. No span changes nothing.
    pub fn with_span(self, span: &Span) -> Self {
        match span.context() {
            None => self,
            Some(trace) => self.with(|inner| {
                inner.trace = Some(trace);
                inner.span = span.clone();
            }),
        }
    }

    /// The same with a deadline.
    pub fn with_deadline(self, deadline: Instant) -> Self {
        self.with(|inner| inner.deadline = Some(deadline))
    }

    /// The same without a deadline.
    pub fn without_deadline(self) -> Self {
        if self.deadline().is_none() {
            return self;
        }
        self.with(|inner| inner.deadline = None)
    }

    fn with(self, change: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = self.0.unwrap_or_default();
        change(Arc::make_mut(&mut inner));
        Self(Some(inner))
    }
}

/// The client of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientInfo {
    /// Address and port of the peer.
    pub address: SocketAddr,
}

impl ClientInfo {
    /// A client at an address.
    pub const fn new(address: SocketAddr) -> Self {
        Self { address }
    }
}

/// Request headers as key and values, keys in lower case, in the order in which they were added.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Metadata(Vec<(Box<str>, Vec<Box<str>>)>);

impl Metadata {
    /// No metadata.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a value to a key.
    pub fn append(&mut self, key: &str, value: &str) {
        let key = key.to_ascii_lowercase();
        match self.0.iter_mut().find(|(known, _)| **known == *key) {
            Some((_, values)) => values.push(value.into()),
            None => self.0.push((key.into(), vec![value.into()])),
        }
    }

    /// The values of a key, whatever its case. An absent key and one without values both give none.
    pub fn get(&self, key: &str) -> &[Box<str>] {
        let found = self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(key));
        found.map_or(&[], |(_, values)| values)
    }

    /// The keys, in lower case, with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Box<str>])> {
        self.0.iter().map(|(key, values)| (&**key, values.as_slice()))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The keys of metadata by which data is kept apart, such as those of batches.
#[derive(Debug, Clone, Default)]
pub struct MetadataKeys(Vec<Box<str>>);

impl MetadataKeys {
    /// These keys, whatever their case.
    pub fn new(keys: &[String]) -> Self {
        let mut keys: Vec<_> = keys.iter().map(|key| key.to_ascii_lowercase().into()).collect();
        keys.sort_unstable();
        Self(keys)
    }

    /// Whether there are none, so that nothing is kept apart.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a key is one of them, whatever its case.
    pub fn contains(&self, key: &str) -> bool {
        self.0.iter().any(|known| known.eq_ignore_ascii_case(key))
    }

    /// What a context says of the keys: an absent key is not the same as an empty value.
    pub fn of(&self, context: &Context) -> Metadata {
        let mut kept = Metadata::new();
        for key in &self.0 {
            for value in context.metadata().get(key) {
                kept.append(key, value);
            }
        }
        kept
    }

    /// The rules that a list of keys under the key `metadata_keys` breaks.
    pub fn validate(keys: &[String]) -> Vec<Invalid> {
        let mut broken = Vec::new();
        for (at, key) in keys.iter().enumerate() {
            if keys[..at].iter().any(|before| before.eq_ignore_ascii_case(key)) {
                let key = key.to_ascii_lowercase();
                let message = format!("duplicate entry in metadata_keys: \"{key}\" (case-insensitive)");
                broken.push(Invalid::new("metadata_keys", message));
            }
        }
        broken
    }
}

/// Values may be credentials, so only the keys print.
impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(key, _)| key)).finish()
    }
}

/// What an authenticator found out about a client.
pub trait Authentication: fmt::Debug + Send + Sync + 'static {
    /// An attribute by name, as `headers_setter` and others refer to it.
    fn attribute(&self, name: &str) -> Option<String>;

    /// The concrete type, for an extension that knows it.
    fn as_any(&self) -> &dyn Any;
}
