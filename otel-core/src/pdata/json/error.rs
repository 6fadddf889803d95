//! What is wrong with JSON that is not OTLP/JSON.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use memchr::{memchr_iter, memrchr};

/// JSON that is not a valid request: what is wrong, in which field, and where in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidJson {
    reason: Cow<'static, str>,
    path: String,
    offset: usize,
    line: usize,
    column: usize,
}

impl InvalidJson {
    /// What is wrong, without the place.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The field concerned, such as `resourceSpans[0].scopeSpans[2].spans[17].traceId`; empty for the request
    /// itself.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Offset in bytes from the start of the text.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Line, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Column in bytes, from 1.
    pub fn column(&self) -> usize {
        self.column
    }
}

impl fmt::Display for InvalidJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        if !self.path.is_empty() {
            write!(f, " at {}", self.path)?;
        }
        write!(f, " (line {}, column {})", self.line, self.column)
    }
}

impl Error for InvalidJson {}

pub(super) type Scan<T> = Result<T, Fault>;

/// An error on its way up, which gathers the path.
#[derive(Debug)]
pub(super) struct Fault(Box<Parts>);

/// Boxed, so that results stay small.
#[derive(Debug)]
struct Parts {
    offset: usize,
    reason: Cow<'static, str>,
    /// The steps of the path, the innermost first.
    steps: Vec<Step>,
}

#[derive(Debug)]
enum Step {
    Name(String),
    Index(usize),
}

impl Fault {
    #[cold]
    pub(super) fn new(offset: usize, reason: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Parts { offset, reason: reason.into(), steps: Vec::new() }))
    }

    #[cold]
    pub(super) fn in_field(mut self, name: &[u8]) -> Self {
        self.0.steps.push(Step::Name(String::from_utf8_lossy(name).into_owned()));
        self
    }

    #[cold]
    pub(super) fn in_element(mut self, index: usize) -> Self {
        self.0.steps.push(Step::Index(index));
        self
    }

    #[cold]
    pub(super) fn locate(self, text: &[u8]) -> InvalidJson {
        let Parts { offset, reason, steps } = *self.0;
        let mut path = String::new();
        for step in steps.into_iter().rev() {
            path = match step {
                Step::Index(index) => format!("{path}[{index}]"),
                Step::Name(name) if path.is_empty() => name,
                Step::Name(name) => format!("{path}.{name}"),
            };
        }
        let before = &text[..offset.min(text.len())];
        InvalidJson {
            reason,
            path,
            offset,
            line: memchr_iter(b'\n', before).count() + 1,
            column: before.len() - memrchr(b'\n', before).map_or(0, |newline| newline + 1) + 1,
        }
    }
}
