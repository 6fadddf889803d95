use std::fmt;

/// How much a collector measures of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum MetricsLevel {
    /// Nothing.
    None,
    /// What every collector should be watched by.
    Basic,
    /// What most want to know.
    #[default]
    Normal,
    /// Everything.
    Detailed,
}

impl MetricsLevel {
    /// The name in configurations.
    pub const fn as_str(self) -> &'static str {
        match self {
            MetricsLevel::None => "none",
            MetricsLevel::Basic => "basic",
            MetricsLevel::Normal => "normal",
            MetricsLevel::Detailed => "detailed",
        }
    }
}

impl fmt::Display for MetricsLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
