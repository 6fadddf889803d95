//! Log records.

use super::message::messages;
use super::{AnyValue, Attributes, SeverityNumber, SpanId, TraceId};

messages! {
    /// A log record or an event.
    LogRecord {
        /// When it happened, in nanoseconds since the Unix epoch; 0 where unknown.
        1 time_unix_nano: u64,
        /// How severe it is.
        2 severity_number: SeverityNumber,
        /// The severity as the source writes it.
        3 severity_text: &'a str,
        /// What was logged; [`AnyValue::Empty`] where there is no body.
        5 body: AnyValue<'a>,
        /// What describes it.
        6 attributes: Attributes<'a>,
        /// How many attributes were dropped before they came here.
        7 dropped_attributes_count: u32,
        /// W3C trace flags in the lowest 8 bits.
        8 flags: u32,
        /// The trace in which it was logged.
        9 trace_id: TraceId,
        /// The span in which it was logged.
        10 span_id: SpanId,
        /// When it was first seen by a collector or an SDK, in nanoseconds since the Unix epoch.
        11 observed_time_unix_nano: u64,
        /// What kind of event it is; empty for a plain log record.
        12 event_name: &'a str,
    }
}
