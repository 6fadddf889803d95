//! Where configuration texts come from.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};

use super::parse::MAX_BYTES;

/// Fetches the texts of one URI scheme, for `--config` and for `${scheme:…}` references.
///
/// Called on a thread that may block.
pub trait Provider: Send + Sync {
    /// The scheme without its colon: `file`, for example.
    fn scheme(&self) -> &'static str;

    /// Fetches a text; `locator` is what follows `scheme:` in the URI.
    fn retrieve(&self, locator: &str) -> Result<Retrieved, ProviderError>;
}

/// What a [`Provider`] found.
#[derive(Clone)]
pub struct Retrieved {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) verbatim: bool,
    pub(super) warning: Option<String>,
}

/// Why a [`Provider`] found nothing. The text names the URI or the variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderError(String);

/// `file:path`: the content of a file.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileProvider;

/// `yaml:text`: the URI itself is the text.
#[derive(Clone, Copy, Debug, Default)]
pub struct YamlProvider;

/// `env:NAME` and `env:NAME:-default`: environment variables, from whoever is asked for them.
pub struct EnvProvider {
    lookup: Box<Lookup>,
}

type Lookup = dyn Fn(&str) -> Option<OsString> + Send + Sync;

impl Retrieved {
    /// A YAML text, and the name that messages give to it.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into(), verbatim: false, warning: None }
    }

    /// Makes a reference to it a string, whatever the text looks like as YAML.
    pub fn verbatim(mut self) -> Self {
        self.verbatim = true;
        self
    }

    /// Adds a warning, which is shown where the URI was written.
    pub fn with_warning(mut self, warning: impl Into<String>) -> Self {
        self.warning = Some(warning.into());
        self
    }
}

impl ProviderError {
    /// An error with its text.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl Provider for FileProvider {
    fn scheme(&self) -> &'static str {
        "file"
    }

    fn retrieve(&self, path: &str) -> Result<Retrieved, ProviderError> {
        let text = read(path)
            .map_err(|error| ProviderError(format!("unable to read the file file:{path}: {error}")))?;
        Ok(Retrieved::new(path, text))
    }
}

impl Provider for YamlProvider {
    fn scheme(&self) -> &'static str {
        "yaml"
    }

    fn retrieve(&self, text: &str) -> Result<Retrieved, ProviderError> {
        Ok(Retrieved::new("yaml", text))
    }
}

impl EnvProvider {
    /// A provider that asks a function for the values of variables; `None` is an unset one.
    pub fn new(lookup: impl Fn(&str) -> Option<OsString> + Send + Sync + 'static) -> Self {
        Self { lookup: Box::new(lookup) }
    }

    /// A provider of these variables, and no others.
    pub fn fixed<K: Into<String>, V: Into<OsString>>(variables: impl IntoIterator<Item = (K, V)>) -> Self {
        let variables: HashMap<String, OsString> =
            variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self::new(move |name| variables.get(name).cloned())
    }

    /// A provider of the variables of this process.
    #[cfg(feature = "env")]
    pub fn process() -> Self {
        Self::new(|name| std::env::var_os(name))
    }
}

impl Provider for EnvProvider {
    fn scheme(&self) -> &'static str {
        "env"
    }

    fn retrieve(&self, locator: &str) -> Result<Retrieved, ProviderError> {
        let (name, default) = match locator.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (locator, None),
        };
        if !is_variable(name) {
            return Err(ProviderError(format!(
                "environment variable {name:?} has an invalid name: letters, digits and underscores are allowed, \
                 and no digit first"
            )));
        }
        let source = format!("env:{name}");
        match ((self.lookup)(name), default) {
            (Some(value), _) => match value.into_string() {
                Ok(value) => Ok(Retrieved::new(source, value)),
                Err(_) => Err(ProviderError(format!("environment variable {name:?} is not valid UTF-8"))),
            },
            // Asking for an empty default means the empty string, not null.
            (None, Some("")) => Ok(Retrieved::new(source, "").verbatim()),
            (None, Some(default)) => Ok(Retrieved::new(source, default)),
            (None, None) => Ok(Retrieved::new(source, "").with_warning(format!(
                "environment variable {name:?} is not set; its value is taken as null"
            ))),
        }
    }
}

impl fmt::Debug for EnvProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnvProvider").finish_non_exhaustive()
    }
}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ProviderError {}

/// The parts of a URI: the scheme, if it has one, and what follows it. The error says what is wrong.
pub(super) fn split_uri(uri: &str) -> Result<(&str, &str), ProviderError> {
    let invalid = || ProviderError(format!("invalid uri: {uri:?}"));
    let (scheme, locator) = uri.split_once(':').ok_or_else(invalid)?;
    let mut letters = scheme.bytes();
    let valid = scheme.len() >= 2
        && letters.next().is_some_and(|b| b.is_ascii_alphabetic())
        && letters.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'.' | b'-'));
    if valid { Ok((scheme, locator)) } else { Err(invalid()) }
}

/// Reads a file up to the bound for documents, and one byte more, so that the parser tells about longer ones.
fn read(path: &str) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_BYTES as u64 + 1).read_to_string(&mut text)?;
    Ok(text)
}

fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
