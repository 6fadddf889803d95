//! How much a component may still change.

use std::fmt;

/// How much a component may still change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Stability {
    /// It will go.
    Deprecated,
    /// Not to be relied on.
    Development,
    /// Works, and may change.
    #[default]
    Alpha,
    /// Changes only with notice.
    Beta,
    /// Does not change.
    Stable,
}

impl Stability {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deprecated => "Deprecated",
            Self::Development => "Development",
            Self::Alpha => "Alpha",
            Self::Beta => "Beta",
            Self::Stable => "Stable",
        }
    }
}

impl fmt::Display for Stability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
