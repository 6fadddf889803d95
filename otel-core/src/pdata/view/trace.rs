//! Spans.

use super::message::messages;
use super::{Attributes, Repeated, SpanId, SpanKind, StatusCode, TraceId};

messages! {
    /// An operation of a trace.
    Span {
        /// The trace that it belongs to.
        1 trace_id: TraceId,
        /// Its own id.
        2 span_id: SpanId,
        /// The W3C trace state.
        3 trace_state: &'a str,
        /// The id of the span that caused it; empty for a root.
        4 parent_span_id: SpanId,
        /// What the operation is.
        5 name: &'a str,
        /// Its role.
        6 kind: SpanKind,
        /// Start, in nanoseconds since the Unix epoch.
        7 start_time_unix_nano: u64,
        /// End, in nanoseconds since the Unix epoch.
        8 end_time_unix_nano: u64,
        /// What describes the operation.
        9 attributes: Attributes<'a>,
        /// How many attributes were dropped before they came here.
        10 dropped_attributes_count: u32,
        /// What happened in its course.
        11 events: Repeated<'a, Event<'a>>,
        /// How many events were dropped before they came here.
        12 dropped_events_count: u32,
        /// Spans that it has to do with.
        13 links: Repeated<'a, Link<'a>>,
        /// How many links were dropped before they came here.
        14 dropped_links_count: u32,
        /// How it ended; unset where it is absent.
        15 status: Status<'a>,
        /// W3C trace flags in the lowest 8 bits; bits 8 and 9 tell whether the parent is remote.
        16 flags: u32,
    }

    /// Something that happened in the course of a span.
    Event {
        /// When, in nanoseconds since the Unix epoch.
        1 time_unix_nano: u64,
        /// What.
        2 name: &'a str,
        /// What describes it.
        3 attributes: Attributes<'a>,
        /// How many attributes were dropped before they came here.
        4 dropped_attributes_count: u32,
    }

    /// A pointer from a span to another one, of the same trace or not.
    Link {
        /// The trace of the other span.
        1 trace_id: TraceId,
        /// The id of the other span.
        2 span_id: SpanId,
        /// The W3C trace state of the other span.
        3 trace_state: &'a str,
        /// What describes the link.
        4 attributes: Attributes<'a>,
        /// How many attributes were dropped before they came here.
        5 dropped_attributes_count: u32,
        /// W3C trace flags in the lowest 8 bits; bits 8 and 9 tell whether the other span is remote.
        6 flags: u32,
    }

    /// How a span ended.
    Status {
        /// A description for people.
        2 message: &'a str,
        /// Whether it failed.
        3 code: StatusCode,
    }
}
