//! What is done to one header.

use http::header::Entry;
use http::{HeaderMap, HeaderName, HeaderValue};
use otel_core::component::{Code, ConsumeError, Context, Host, StartError};
use otel_core::config::Secret;
use otel_core::net::WatchedFile;

use super::{HeaderAction, HeaderConfig};

/// What is done to a header.
#[derive(Debug)]
pub(super) struct Setter {
    name: HeaderName,
    action: HeaderAction,
    source: Source,
}

/// Where a value comes from.
#[derive(Debug)]
enum Source {
    Fixed(HeaderValue),
    File(WatchedFile<HeaderValue>),
    Metadata { key: String, otherwise: HeaderValue },
    Attribute { name: String, otherwise: HeaderValue },
}

// === impl Setter ===

impl Setter {
    pub(super) fn new(config: &HeaderConfig, host: &Host) -> Result<Self, StartError> {
        let unfit = |what: &str| StartError::new(format!("the header {:?} {what}", config.key));
        let name = HeaderName::try_from(config.key.as_str()).map_err(|_| unfit("has no name of one"))?;
        let fixed = |value: &Option<Secret>| {
            header_value(value.as_ref().map_or("", Secret::expose))
                .ok_or_else(|| unfit("has a value that cannot be sent"))
        };
        let source = match config {
            HeaderConfig { value_file: Some(path), .. } => {
                let file = WatchedFile::load(path, host.logger().clone(), read);
                let file = file.map_err(|error| unfit("has no value in its file").with_source(error))?;
                Source::File(file)
            }
            HeaderConfig { from_attribute: Some(name), default_value, .. } => {
                Source::Attribute { name: name.clone(), otherwise: fixed(default_value)? }
            }
            HeaderConfig { from_context: Some(key), default_value, .. } => {
                Source::Metadata { key: key.clone(), otherwise: fixed(default_value)? }
            }
            HeaderConfig { value, .. } => Source::Fixed(fixed(value)?),
        };
        Ok(Self { name, action: config.action.unwrap_or(HeaderAction::Upsert), source })
    }

    /// Does it to the headers of a request.
    pub(super) fn apply(&self, headers: &mut HeaderMap, context: &Context) -> Result<(), ConsumeError> {
        // An empty header is as good as none, as in Go.
        let is_there = headers.get(&self.name).is_some_and(|value| !value.is_empty());
        match self.action {
            HeaderAction::Delete => {
                headers.remove(&self.name);
                return Ok(());
            }
            HeaderAction::Insert if is_there => return Ok(()),
            HeaderAction::Update if !is_there => return Ok(()),
            HeaderAction::Insert | HeaderAction::Update | HeaderAction::Upsert => {}
        }
        let value = self.source.value(context)?;
        match headers.entry(&self.name) {
            Entry::Occupied(mut occupied) => {
                occupied.insert(value);
            }
            Entry::Vacant(vacant) => {
                vacant.insert(value);
            }
        }
        Ok(())
    }
}

// === impl Source ===

impl Source {
    fn value(&self, context: &Context) -> Result<HeaderValue, ConsumeError> {
        match self {
            Self::Fixed(value) => Ok(value.clone()),
            Self::File(file) => Ok((*file.get()).clone()),
            Self::Metadata { key, otherwise } => match context.metadata().get(key) {
                [] => Ok(otherwise.clone()),
                [value] => sendable(value, key),
                several => Err(failed(&format!(
                    "{} source keys found in the context, can't determine which one to use",
                    several.len()
                ))),
            },
            Self::Attribute { name, otherwise } => {
                let attribute = context.authentication().and_then(|client| client.attribute(name));
                attribute.map_or_else(|| Ok(otherwise.clone()), |value| sendable(&value, name))
            }
        }
    }
}

/// A value that a client brought, which may hold anything.
fn sendable(value: &str, source: &str) -> Result<HeaderValue, ConsumeError> {
    header_value(value).ok_or_else(|| failed(&format!("what {source:?} says cannot be sent in a header")))
}

/// The same data will have the same source again, which its client has given.
fn failed(why: &str) -> ConsumeError {
    ConsumeError::permanent(format!("failed to determine the source: {why}"))
        .with_reason("headers_setter")
        .with_code(Code::InvalidArgument)
}

/// Without control characters, and without what stands for bytes that were no text: others may have had other bytes.
fn header_value(text: &str) -> Option<HeaderValue> {
    if text.contains(char::REPLACEMENT_CHARACTER) {
        return None;
    }
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The content of a file.
fn read(text: &str) -> Result<HeaderValue, &'static str> {
    match text.trim() {
        "" => Err("credentials file is empty"),
        text => header_value(text).ok_or("what it says cannot be sent in a header"),
    }
}
