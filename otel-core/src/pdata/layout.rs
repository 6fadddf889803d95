//! Where resource groups, scopes, metrics and items stand in a request: the shape of the tree that the three
//! signals share, for whoever walks it on the wire.

use super::SignalKind;
use super::wire::{RawField, RawFields};

/// Field number of the resource groups in a request.
pub(crate) const RESOURCE_GROUPS: u32 = 1;
/// Field number of the scope groups in a resource group.
pub(crate) const SCOPE_GROUPS: u32 = 2;
/// Field number of the items, or the metrics, in a scope group.
pub(crate) const SCOPE_CHILDREN: u32 = 2;
/// Field number of the data points in the data of a metric.
pub(crate) const DATA_POINTS: u32 = 1;
/// Field number of the resource in a resource group.
pub(crate) const RESOURCE: u32 = 1;
/// Field number of the scope in a scope group.
pub(crate) const SCOPE: u32 = 1;
/// Field number of the schema URL in a resource group and in a scope group.
pub(crate) const SCHEMA_URL: u32 = 3;

/// A message that holds the next level of the tree as its children.
///
/// Traces and logs go `Request` → `Resource` → `Scope` → item; metrics go `Request` → `Resource` → `Scope` →
/// `Metric` → `Data` → item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// The whole request; its children are resource groups.
    Request,
    /// A resource group, such as `ResourceSpans`; its children are scope groups.
    Resource,
    /// A scope group, such as `ScopeSpans`; its children are items, or metrics.
    Scope,
    /// A metric; its one child is its data.
    Metric,
    /// The data of a metric, such as `Gauge`; its children are data points.
    Data,
}

impl Level {
    /// Whether the field of that number is a child. At [`Level::Metric`] the number also tells the kind of data.
    #[inline(always)]
    pub(crate) const fn is_child(self, number: u32) -> bool {
        match self {
            Level::Request => number == RESOURCE_GROUPS,
            Level::Resource => number == SCOPE_GROUPS,
            Level::Scope => number == SCOPE_CHILDREN,
            Level::Data => number == DATA_POINTS,
            Level::Metric => matches!(number, 5 | 7 | 9 | 10 | 11),
        }
    }

    /// What the children are; nothing where they are items.
    #[inline(always)]
    pub(crate) const fn below(self, kind: SignalKind) -> Option<Level> {
        match (self, kind) {
            (Level::Request, _) => Some(Level::Resource),
            (Level::Resource, _) => Some(Level::Scope),
            (Level::Scope, SignalKind::Metrics) => Some(Level::Metric),
            (Level::Metric, _) => Some(Level::Data),
            (Level::Scope | Level::Data, _) => None,
        }
    }

    /// Whose children messages of this level are.
    #[inline(always)]
    pub(crate) const fn above(self) -> Option<Level> {
        match self {
            Level::Request => None,
            Level::Resource => Some(Level::Request),
            Level::Scope => Some(Level::Resource),
            Level::Metric => Some(Level::Scope),
            Level::Data => Some(Level::Metric),
        }
    }

    /// How many messages a message of this level is nested in.
    #[inline(always)]
    pub(crate) const fn depth(self) -> u32 {
        self as u32
    }

    /// The children in a message of this level, as places in it.
    #[inline]
    pub(crate) fn children(self, message: &[u8]) -> impl Iterator<Item = RawField<'_>> {
        RawFields::new(message).filter(move |field| self.is_child(field.number))
    }

    /// Number of items anywhere below a message of this level.
    pub(crate) fn count_items(self, kind: SignalKind, message: &[u8]) -> usize {
        match self.below(kind) {
            None => self.children(message).count(),
            Some(below) => self.children(message).map(|child| below.count_items(kind, child.value)).sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdata::schema::{self, Kind, Message};

    /// What the schema says of a level's children.
    fn child_messages(level: Level, message: &'static Message) -> Vec<&'static Message> {
        message
            .fields
            .iter()
            .filter(|field| level.is_child(field.number))
            .map(|field| match field.kind {
                Kind::Message(child) => child,
                _ => panic!("{} of {} is not a message", field.name, message.name),
            })
            .collect()
    }

    fn item_names(level: Level, kind: SignalKind, message: &'static Message) -> Vec<&'static str> {
        let children = child_messages(level, message);
        match level.below(kind) {
            None => children.iter().map(|child| child.name).collect(),
            Some(below) => children.into_iter().flat_map(|child| item_names(below, kind, child)).collect(),
        }
    }

    #[test]
    fn the_levels_lead_to_the_items_of_the_schema() {
        assert_eq!(item_names(Level::Request, SignalKind::Traces, &schema::TRACES), ["Span"]);
        assert_eq!(item_names(Level::Request, SignalKind::Logs, &schema::LOGS), ["LogRecord"]);
        assert_eq!(
            item_names(Level::Request, SignalKind::Metrics, &schema::METRICS),
            [
                "NumberDataPoint",
                "NumberDataPoint",
                "HistogramDataPoint",
                "ExponentialHistogramDataPoint",
                "SummaryDataPoint"
            ]
        );
    }

    #[test]
    fn items_are_counted_through_metrics() {
        // One group, one scope, two metrics: a gauge of two points, and one without data.
        let gauge = [0x0a, 0, 0x0a, 0];
        let metrics = [[0x12, 6, 0x2a, 4].as_slice(), &gauge, &[0x12, 2, 0x0a, 0]].concat();
        let scope = [[0x12, metrics.len() as u8].as_slice(), &metrics].concat();
        let request = [[0x0a, scope.len() as u8].as_slice(), &scope].concat();
        assert_eq!(Level::Request.count_items(SignalKind::Metrics, &request), 2);
        assert_eq!(Level::Request.count_items(SignalKind::Traces, &request), 2, "two spans, were it traces");
    }
}
