//! The names that OTLP gives to the parts of each signal.

use super::{Items, Metric, Repeated, ResourceGroup, ResourceGroups, ScopeGroup};
use crate::pdata::layout::SCOPE_CHILDREN;
use crate::pdata::{Logs, Metrics, Signal, Traces};

/// A resource with its spans.
pub type ResourceSpans<'a> = ResourceGroup<'a, Traces>;
/// A scope with its spans.
pub type ScopeSpans<'a> = ScopeGroup<'a, Traces>;
/// A resource with its metrics.
pub type ResourceMetrics<'a> = ResourceGroup<'a, Metrics>;
/// A scope with its metrics.
pub type ScopeMetrics<'a> = ScopeGroup<'a, Metrics>;
/// A resource with its log records.
pub type ResourceLogs<'a> = ResourceGroup<'a, Logs>;
/// A scope with its log records.
pub type ScopeLogs<'a> = ScopeGroup<'a, Logs>;

impl Traces {
    /// The spans by their resources.
    pub fn resource_spans(&self) -> ResourceGroups<'_, Self> {
        self.resource_groups()
    }
}

impl<'a> ResourceSpans<'a> {
    /// The spans of the resource by their scopes.
    pub fn scope_spans(self) -> impl Iterator<Item = ScopeSpans<'a>> + Clone {
        self.scopes()
    }
}

impl<'a> ScopeSpans<'a> {
    /// The spans of the scope.
    pub fn spans(self) -> Items<'a, Traces> {
        self.items()
    }
}

impl Metrics {
    /// The metrics by their resources.
    pub fn resource_metrics(&self) -> ResourceGroups<'_, Self> {
        self.resource_groups()
    }
}

impl<'a> ResourceMetrics<'a> {
    /// The metrics of the resource by their scopes.
    pub fn scope_metrics(self) -> impl Iterator<Item = ScopeMetrics<'a>> + Clone {
        self.scopes()
    }
}

impl<'a> ScopeMetrics<'a> {
    /// The metrics of the scope, also those without data points.
    pub fn metrics(self) -> Repeated<'a, Metric<'a>> {
        Repeated::new(self.bytes(), SCOPE_CHILDREN)
    }
}

impl Logs {
    /// The log records by their resources.
    pub fn resource_logs(&self) -> ResourceGroups<'_, Self> {
        self.resource_groups()
    }
}

impl<'a> ResourceLogs<'a> {
    /// The log records of the resource by their scopes.
    pub fn scope_logs(self) -> impl Iterator<Item = ScopeLogs<'a>> + Clone {
        self.scopes()
    }
}

impl<'a> ScopeLogs<'a> {
    /// The log records of the scope.
    pub fn log_records(self) -> Items<'a, Logs> {
        self.items()
    }
}
