//! Where a piece of configuration was written.

use std::fmt;
use std::sync::Arc;

/// A text that configuration was read from, with the name that messages give it.
pub struct Source {
    name: String,
    text: String,
}

/// A place in a [`Source`].
#[derive(Clone)]
pub struct Location {
    pub(super) source: Arc<Source>,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) line: usize,
    pub(super) column: usize,
    /// The reference whose value holds the place, where the value itself may not be shown.
    pub(super) within: Option<Arc<str>>,
}

impl Source {
    /// A source called `name` (a file name, for example) with its whole text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { name: name.into(), text: text.into() })
    }

    /// The name of the file, or whatever the provider calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

impl Location {
    /// The start of a source, for what is wrong with it as a whole.
    pub fn start_of(source: &Arc<Source>) -> Self {
        Self { source: Arc::clone(source), start: 0, end: 0, line: 1, column: 1, within: None }
    }

    /// The source that holds the place.
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// The line, counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column in characters, counted from 1.
    pub fn column(&self) -> usize {
        self.column
    }

    /// The bytes of the source's text from the start to the end of the place.
    pub fn bytes(&self) -> std::ops::Range<usize> {
        self.start..self.end
    }

    /// Whether the place shows one `${…}` reference and nothing else.
    pub(super) fn is_reference(&self) -> bool {
        let text = self.source.text.get(self.bytes()).unwrap_or_default().trim_matches(['"', '\'']);
        text.starts_with("${") && text.ends_with('}') && text.matches("${").count() == 1
    }

    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.source.name, self.line, self.column)
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("name", &self.name).finish_non_exhaustive()
    }
}
