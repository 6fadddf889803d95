//! The three signal types and what they have in common.

use std::fmt;

use bytes::Bytes;

use super::edit::{self, ItemEdit, ResourceEdit, ScopeEdit, Verdict};
use super::payload::Payload;
use super::schema::{self, Message};
use super::validate::{self, InvalidData, Repaired};
use super::view::{self, DataPoint, ItemRef, LogRecord, ResourceGroup, ResourceGroups, Span};

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
/// - Unknown fields are kept in whatever is not edited.
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
    /// most 100 messages. A request with a singular field given twice is rewritten so that it holds it once.
    ///
    /// # Errors
    /// What is wrong, with the path and the byte offset. Invalid UTF-8 is told apart by
    /// [`InvalidData::is_invalid_utf8`]; [`Signal::from_bytes_repairing`] mends it.
    fn from_bytes(bytes: Bytes) -> Result<Self, InvalidData> {
        validate::validate(Self::SCHEMA, bytes).map(Self::from_payload)
    }

    /// As [`Signal::from_bytes`], but with U+FFFD in place of every broken UTF-8 sequence. Only the strings
    /// concerned are encoded anew.
    fn from_bytes_repairing(bytes: Bytes) -> Result<(Self, Repaired), InvalidData> {
        validate::validate_repairing(Self::SCHEMA, bytes)
            .map(|(payload, repaired)| (Self::from_payload(payload), repaired))
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

    /// The encoded request, as slices that follow one another.
    fn segments(&self) -> impl ExactSizeIterator<Item = &Bytes> {
        self.payload().segments().iter().map(|segment| &segment.bytes)
    }

    /// The encoded request in one piece: shared where it is in one piece already, otherwise copied once.
    fn to_bytes(&self) -> Bytes {
        self.payload().to_bytes()
    }
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
