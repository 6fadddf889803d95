//! Names of components.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// The id of a component or pipeline: `type` or `type/name`, as the user wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ComponentId {
    kind: Cow<'static, str>,
    name: String,
}

impl ComponentId {
    /// The longest name, in characters.
    pub const MAX_NAME: usize = 1024;

    /// The id without a name of a component type. The type is not checked: it is a constant of the component.
    pub const fn of_type(kind: &'static str) -> Self {
        Self { kind: Cow::Borrowed(kind), name: String::new() }
    }

    /// The part before the slash.
    pub fn type_name(&self) -> &str {
        &self.kind
    }

    /// The part behind the slash, empty where there is none.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for ComponentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        if self.name.is_empty() { Ok(()) } else { write!(f, "/{}", self.name) }
    }
}

impl FromStr for ComponentId {
    type Err = InvalidComponentId;

    fn from_str(text: &str) -> Result<Self, InvalidComponentId> {
        let text = text.trim();
        let (kind, name) = match text.split_once('/') {
            None => (text, None),
            Some((kind, name)) => (kind.trim(), Some(name.trim())),
        };
        if text.is_empty() {
            return Err(InvalidComponentId("id must not be empty".to_owned()));
        }
        if kind.is_empty() {
            return Err(InvalidComponentId(format!(
                "in \"{text}\" id: the part before / should not be empty"
            )));
        }
        if name == Some("") {
            return Err(InvalidComponentId(format!(
                "in \"{text}\" id: the part after / should not be empty"
            )));
        }
        let letters =
            |at: usize, c: char| c.is_ascii_alphabetic() || at > 0 && (c.is_ascii_digit() || c == '_');
        if kind.len() > 63 || !kind.chars().enumerate().all(|(at, c)| letters(at, c)) {
            return Err(InvalidComponentId(format!("invalid character(s) in type \"{kind}\"")));
        }
        let name = name.unwrap_or_default();
        if name.chars().count() > Self::MAX_NAME || !name.chars().all(is_name_char) {
            return Err(InvalidComponentId(format!("invalid character(s) in name \"{name}\"")));
        }
        Ok(Self { kind: Cow::Owned(kind.to_owned()), name: name.to_owned() })
    }
}

/// Letters, digits, marks and punctuation; no white space, control characters or symbols.
fn is_name_char(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || (c.is_ascii_punctuation() && !"$+<=>^`|~".contains(c));
    }
    c.is_alphanumeric() || !(c.is_whitespace() || c.is_control())
}

/// A text that is not an id, with what is wrong in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidComponentId(String);

impl fmt::Display for InvalidComponentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for InvalidComponentId {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_trimmed_and_print_as_type_and_name() {
        for (text, shown) in
            [("otlp", "otlp"), (" nop /2 ", "nop/2"), ("a/b/c", "a/b/c"), ("x/é-1.%", "x/é-1.%")]
        {
            assert_eq!(text.parse::<ComponentId>().map(|id| id.to_string()), Ok(shown.to_owned()));
        }
    }

    #[test]
    fn what_is_not_an_id_is_told() {
        for (text, error) in [
            ("", "id must not be empty"),
            ("/x", "in \"/x\" id: the part before / should not be empty"),
            ("x/", "in \"x/\" id: the part after / should not be empty"),
            ("1x", "invalid character(s) in type \"1x\""),
            ("x/a b", "invalid character(s) in name \"a b\""),
            ("x/a=b", "invalid character(s) in name \"a=b\""),
        ] {
            assert_eq!(text.parse::<ComponentId>().map_err(|e| e.to_string()), Err(error.to_owned()));
        }
    }
}
