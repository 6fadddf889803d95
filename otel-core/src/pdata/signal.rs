//! The three signal types and what they have in common.

use std::fmt;
use std::hash::Hash;
use std::num::NonZeroUsize;

use bytes::Bytes;

use super::edit::{self, ItemEdit, ResourceEdit, ScopeEdit, Verdict};
use super::layout::Level;
use super::payload::Payload;
use super::regroup::{self, Above, Rest};
use super::schema::{self, Message};
use super::validate::{self, InvalidData, Repaired};
use super::view::{
    self, DataPoint, ItemRef, LogRecord, Metric, ResourceGroup, ResourceGroups, ScopeGroup, Span,
};

/// Which signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SignalKind {
    /// Spans.
    Traces,
    /// Data points.
    Metrics,
    /// Log records.
    Logs,
}

impl SignalKind {
    /// Every kind, in the order of the specification.
    pub const ALL: [SignalKind; 3] = [SignalKind::Traces, SignalKind::Metrics, SignalKind::Logs];

    /// The name in configuration and telemetry: `traces`, `metrics`, `logs`.
    pub const fn as_str(self) -> &'static str {
        match self {
            SignalKind::Traces => "traces",
            SignalKind::Metrics => "metrics",
            SignalKind::Logs => "logs",
        }
    }

    /// The items as metric names call them: `spans`, `metric_points`, `log_records`.
    pub const fn items_name(self) -> &'static str {
        match self {
            SignalKind::Traces => "spans",
            SignalKind::Metrics => "metric_points",
            SignalKind::Logs => "log_records",
        }
    }
}

impl fmt::Display for SignalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Telemetry of one signal: an OTLP export request as validated wire bytes.
///
/// # Guarantees
/// - What the type holds was validated: reading it has no errors and does not panic.
/// - A clone is a reference count.
/// - Unknown fields are kept in whatever is not edited, but for what other readers of OTLP refuse: groups, and
///   fields of other versions of the schema that have another type there.
///
/// The trait is sealed: [`Traces`], [`Metrics`] and [`Logs`] implement it.
pub trait Signal: sealed::Sealed + Clone + Default + fmt::Debug + Send + Sync + Unpin + 'static {
    /// Which signal this is.
    const KIND: SignalKind;

    /// What is counted: [`Span`], [`DataPoint`] or [`LogRecord`].
    type Item<'a>: view::Item<'a>;

    /// Validates an encoded export request and takes it over, without a copy.
    ///
    /// Checked in one pass: wire structure, field types, UTF-8 of every string, lengths of ids, nesting of at
    /// most 100 messages. A request with a singular field given twice is rewritten so that it holds it once, and
    /// one with something that other readers refuse so that it does not hold it.
    ///
    /// ```
    /// use otel_core::pdata::{Signal, Traces};
    ///
    /// // A resource group whose schema URL says that it is longer than the request.
    /// let error = Traces::from_bytes(b"\x0a\x04\x1a\x03ab".as_slice().into()).unwrap_err();
    /// assert_eq!((error.path(), error.offset()), ("resource_spans[0].schema_url", 3));
    /// ```
    ///
    /// # Errors
    /// What is wrong, with the path and the byte offset. Invalid UTF-8 is told apart by
    /// [`InvalidData::is_invalid_utf8`]; [`Signal::from_bytes_repairing`] mends it.
    fn from_bytes(bytes: Bytes) -> Result<Self, InvalidData> {
        validate::validate(Self::SCHEMA, bytes).map(Self::from_payload)
    }

    /// As [`Signal::from_bytes`], but with U+FFFD in place of every broken UTF-8 sequence. Only the strings
    /// concerned are encoded anew.
    ///
    /// ```
    /// use otel_core::pdata::{Logs, Signal};
    ///
    /// // A resource group whose schema URL is the one byte 0xff.
    /// let request = b"\x0a\x03\x1a\x01\xff".as_slice();
    /// assert!(Logs::from_bytes(request.into()).unwrap_err().is_invalid_utf8());
    ///
    /// let (logs, repaired) = Logs::from_bytes_repairing(request.into())?;
    /// assert_eq!(repaired.strings, 1);
    /// assert_eq!(logs.resource_logs().next().unwrap().schema_url(), "\u{fffd}");
    /// # Ok::<(), otel_core::pdata::InvalidData>(())
    /// ```
    ///
    /// # Errors
    /// As [`Signal::from_bytes`], but for strings.
    fn from_bytes_repairing(bytes: Bytes) -> Result<(Self, Repaired), InvalidData> {
        validate::validate_repairing(Self::SCHEMA, bytes)
            .map(|(payload, repaired)| (Self::from_payload(payload), repaired))
    }

    /// Reads a request in OTLP/JSON, by the rules in [`json`](super::json).
    ///
    /// # Errors
    /// What is wrong, with the path in the request and the place in the text.
    #[cfg(feature = "json")]
    fn from_json(json: &[u8]) -> Result<Self, super::json::InvalidJson> {
        super::json::read(Self::SCHEMA, json).map(Self::from_payload)
    }

    /// Appends the request in OTLP/JSON, on one line, by the rules in [`json`](super::json).
    #[cfg(feature = "json")]
    fn to_json(&self, out: &mut Vec<u8>) {
        super::json::write(Self::SCHEMA, self.payload().segments(), out);
    }

    /// Number of items: spans, data points or log records. Known without a look at the bytes.
    #[inline]
    fn items(&self) -> usize {
        self.payload().items()
    }

    /// Length of the encoded request in bytes.
    #[inline]
    fn encoded_len(&self) -> usize {
        self.payload().len()
    }

    /// Whether there is nothing at all, not even an empty resource group.
    #[inline]
    fn is_empty(&self) -> bool {
        self.encoded_len() == 0
    }

    /// What the signal holds, by resource.
    #[inline]
    fn resource_groups(&self) -> ResourceGroups<'_, Self> {
        ResourceGroups::new(self.payload().segments())
    }

    /// The items in their order, with where they stand.
    #[inline]
    fn iter(&self) -> impl Iterator<Item = ItemRef<'_, Self>> {
        self.resource_groups().flat_map(ResourceGroup::iter)
    }

    /// Edits every item in one pass; whether anything changed. An example is in [`edit`](super::edit).
    fn edit<V: Into<Verdict>>(&mut self, edit: impl FnMut(&mut ItemEdit<'_, Self>) -> V) -> bool {
        edit::edit_items(self, edit)
    }

    /// Edits the resource of every group in one pass; whether anything changed. A resource that is dropped takes
    /// its items along.
    fn edit_resources<V: Into<Verdict>>(&mut self, edit: impl FnMut(&mut ResourceEdit<'_>) -> V) -> bool {
        edit::edit_resources(self, edit)
    }

    /// Edits the scope of every group in one pass; whether anything changed. A scope that is dropped takes its
    /// items along.
    fn edit_scopes<V: Into<Verdict>>(&mut self, edit: impl FnMut(&mut ScopeEdit<'_>) -> V) -> bool {
        edit::edit_scopes(self, edit)
    }

    /// Appends what the other one holds. Its bytes are shared, not copied.
    fn merge(&mut self, other: Self) {
        let mut payload = std::mem::take(self).into_payload();
        payload.extend(other.into_payload().into_segments());
        *self = Self::from_payload(payload);
    }

    /// All of them one after the other.
    fn merged(signals: impl IntoIterator<Item = Self>) -> Self {
        let segments = signals.into_iter().flat_map(|signal| signal.into_payload().into_segments());
        Self::from_payload(Payload::from_segments(segments.collect()))
    }

    /// The first `max` items, or all, and the rest.
    ///
    /// A group or a metric that is cut is in both parts with all its fields but for the items.
    fn split_items(self, max: usize) -> (Self, Self) {
        both(regroup::split_items(Self::KIND, self.into_payload(), max))
    }

    /// As many of the first items as fit into an encoded request of `max` bytes, and the rest.
    ///
    /// An item that does not fit alone comes alone, so the first part is empty only where there is nothing. The
    /// first part can have no items where it holds groups without items.
    fn split_bytes(self, max: usize) -> (Self, Self) {
        both(regroup::split_bytes(Self::KIND, self.into_payload(), max))
    }

    /// Parts of `max` items each, the last one of what is left.
    ///
    /// ```
    /// use std::num::NonZeroUsize;
    ///
    /// use otel_core::pdata::Signal;
    /// use otel_core::pdata::build::MetricsBuilder;
    ///
    /// let mut builder = MetricsBuilder::new();
    /// let mut resource = builder.resource(|_| {});
    /// let mut scope = resource.scope(|_| {});
    /// let mut load = scope.gauge(|metric| {
    ///     metric.name("load");
    /// });
    /// for value in 0..5 {
    ///     load.point(|point| {
    ///         point.value(value);
    ///     });
    /// }
    /// let parts: Vec<_> = builder.finish().chunks(NonZeroUsize::new(2).unwrap()).collect();
    /// assert_eq!(parts.iter().map(Signal::items).collect::<Vec<_>>(), [2, 2, 1]);
    /// // The metric is cut, and each part has it with its name.
    /// assert!(parts.iter().flat_map(Signal::iter).all(|at| at.metric().name() == "load"));
    /// ```
    fn chunks(self, max: NonZeroUsize) -> regroup::Chunks<Self> {
        regroup::Chunks::new(self, max)
    }

    /// Keeps the items that the predicate accepts.
    fn retain(&mut self, predicate: impl FnMut(&ItemRef<'_, Self>) -> bool) {
        *self = both(regroup::partition(self.payload(), Rest::Dropped, predicate)).0;
    }

    /// Keeps the resource groups that the predicate accepts.
    fn retain_resources(&mut self, mut predicate: impl FnMut(ResourceGroup<'_, Self>) -> bool) {
        let accepts = |above: Above<'_, Self>| predicate(above.resource_group);
        *self = both(regroup::partition_level(self.payload(), Level::Resource, Rest::Dropped, accepts)).0;
    }

    /// Keeps the scope groups that the predicate accepts; it also gets the resource group.
    fn retain_scopes(
        &mut self,
        mut predicate: impl FnMut(ResourceGroup<'_, Self>, ScopeGroup<'_, Self>) -> bool,
    ) {
        let accepts = |above: Above<'_, Self>| predicate(above.resource_group, above.scope_group);
        *self = both(regroup::partition_level(self.payload(), Level::Scope, Rest::Dropped, accepts)).0;
    }

    /// The items that the predicate accepts, and the others.
    fn partition(self, predicate: impl FnMut(&ItemRef<'_, Self>) -> bool) -> (Self, Self) {
        both(regroup::partition(self.payload(), Rest::Second, predicate))
    }

    /// The resource groups that the predicate accepts, and the others.
    fn partition_resources(self, mut predicate: impl FnMut(ResourceGroup<'_, Self>) -> bool) -> (Self, Self) {
        let accepts = |above: Above<'_, Self>| predicate(above.resource_group);
        both(regroup::partition_level(self.payload(), Level::Resource, Rest::Second, accepts))
    }

    /// The scope groups that the predicate accepts, and the others; it also gets the resource group.
    fn partition_scopes(
        self,
        mut predicate: impl FnMut(ResourceGroup<'_, Self>, ScopeGroup<'_, Self>) -> bool,
    ) -> (Self, Self) {
        let accepts = |above: Above<'_, Self>| predicate(above.resource_group, above.scope_group);
        both(regroup::partition_level(self.payload(), Level::Scope, Rest::Second, accepts))
    }

    /// The items by a key, in the order in which the keys first appear. Empty where there are no items.
    fn group_by<K: Eq + Hash>(self, key: impl FnMut(&ItemRef<'_, Self>) -> K) -> Vec<(K, Self)> {
        named(regroup::group_by(self.payload(), key))
    }

    /// The resource groups by a key, in the order in which the keys first appear.
    fn group_by_resource<K: Eq + Hash>(
        self,
        mut key: impl FnMut(ResourceGroup<'_, Self>) -> K,
    ) -> Vec<(K, Self)> {
        let key = |above: Above<'_, Self>| key(above.resource_group);
        named(regroup::group_by_level(self.payload(), Level::Resource, key))
    }

    /// The scope groups by a key, in the order in which the keys first appear; the function also gets the
    /// resource group. Empty where there are no scopes.
    fn group_by_scope<K: Eq + Hash>(
        self,
        mut key: impl FnMut(ResourceGroup<'_, Self>, ScopeGroup<'_, Self>) -> K,
    ) -> Vec<(K, Self)> {
        let key = |above: Above<'_, Self>| key(above.resource_group, above.scope_group);
        named(regroup::group_by_level(self.payload(), Level::Scope, key))
    }

    /// Length in bytes of the buffers that the signal keeps alive, which is more than [`Signal::encoded_len`] where
    /// parts of them were dropped or went elsewhere. What parts of a split share counts for each of them.
    fn pinned_len(&self) -> usize {
        self.payload().segments().iter().map(|segment| segment.pins).sum()
    }

    /// The encoded request, as slices that follow one another.
    fn segments(&self) -> impl ExactSizeIterator<Item = &Bytes> {
        self.payload().segments().iter().map(|segment| &segment.bytes)
    }

    /// The encoded request in one piece: shared where it is in one piece already, otherwise copied once.
    fn to_bytes(&self) -> Bytes {
        self.payload().to_bytes()
    }
}

impl Metrics {
    /// Keeps the metrics that the predicate accepts; it also gets the resource group and the scope group.
    pub fn retain_metrics(
        &mut self,
        mut predicate: impl FnMut(ResourceGroup<'_, Self>, ScopeGroup<'_, Self>, Metric<'_>) -> bool,
    ) {
        let accepts =
            |above: Above<'_, Self>| predicate(above.resource_group, above.scope_group, above.metric);
        *self = both(regroup::partition_level(&self.0, Level::Metric, Rest::Dropped, accepts)).0;
    }

    /// The metrics that the predicate accepts, and the others; it also gets the resource group and the scope group.
    pub fn partition_metrics(
        self,
        mut predicate: impl FnMut(ResourceGroup<'_, Self>, ScopeGroup<'_, Self>, Metric<'_>) -> bool,
    ) -> (Self, Self) {
        let accepts =
            |above: Above<'_, Self>| predicate(above.resource_group, above.scope_group, above.metric);
        both(regroup::partition_level(&self.0, Level::Metric, Rest::Second, accepts))
    }
}

fn both<S: Signal>((first, second): (Payload, Payload)) -> (S, S) {
    (S::from_payload(first), S::from_payload(second))
}

fn named<S: Signal, K>(groups: Vec<(K, Payload)>) -> Vec<(K, S)> {
    groups.into_iter().map(|(key, payload)| (key, S::from_payload(payload))).collect()
}

pub(crate) mod sealed {
    use super::{Message, Payload};

    /// Keeps [`Signal`](super::Signal) closed and carries what only this crate may touch.
    pub trait Sealed: Sized {
        /// The request message.
        #[doc(hidden)]
        #[expect(private_interfaces, reason = "sealed: only this crate reads it")]
        const SCHEMA: &'static Message;
        #[doc(hidden)]
        #[expect(private_interfaces, reason = "sealed: only this crate calls it")]
        fn payload(&self) -> &Payload;
        #[doc(hidden)]
        #[expect(private_interfaces, reason = "sealed: only this crate calls it")]
        fn into_payload(self) -> Payload;
        #[doc(hidden)]
        #[expect(private_interfaces, reason = "sealed: only this crate calls it")]
        fn from_payload(payload: Payload) -> Self;
    }
}

/// `signal!(Name, SCHEMA, Item, "doc")` becomes the newtype over [`Payload`] with its trait impls.
macro_rules! signal {
    ($name:ident, $schema:ident, $item:ident, $(#[$doc:meta])*) => {
        $(#[$doc])*
        #[derive(Clone, Default)]
        pub struct $name(Payload);

        impl Signal for $name {
            const KIND: SignalKind = SignalKind::$name;
            type Item<'a> = $item<'a>;
        }

        #[expect(private_interfaces, reason = "sealed: only this crate calls it")]
        impl sealed::Sealed for $name {
            const SCHEMA: &'static Message = &schema::$schema;

            #[inline]
            fn payload(&self) -> &Payload {
                &self.0
            }

            fn into_payload(self) -> Payload {
                self.0
            }

            fn from_payload(payload: Payload) -> Self {
                Self(payload)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("items", &self.items())
                    .field("bytes", &self.encoded_len())
                    .finish()
            }
        }
    };
}

signal!(Traces, TRACES, Span,
    /// Spans, grouped by resource and scope: an `ExportTraceServiceRequest`.
);
signal!(Metrics, METRICS, DataPoint,
    /// Metrics, grouped by resource and scope: an `ExportMetricsServiceRequest`. Its items are data points.
);
signal!(Logs, LOGS, LogRecord,
    /// Log records, grouped by resource and scope: an `ExportLogsServiceRequest`.
);
