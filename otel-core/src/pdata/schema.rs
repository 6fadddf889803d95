//! The shape of OTLP 1.10 as data: one table for whoever needs names, kinds and nesting at run time.
//!
//! Source: `opentelemetry/proto/{common,resource,trace,logs,metrics}/v1`. References into a string table
//! (`*_strindex`) are left out on purpose: they read as unknown fields.

use super::validate::Plan;

/// What a field holds, which fixes its wire type.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// UTF-8 text.
    Str,
    /// Any bytes.
    Bytes,
    /// 0 or 16 bytes.
    TraceId,
    /// 0 or 8 bytes.
    SpanId,
    /// A varint read as a bool.
    Bool,
    /// A varint cut to 32 bits, signed: `int32` and enums.
    Int32,
    /// A varint cut to 32 bits.
    Uint32,
    /// A varint of 64 bits, signed.
    Int64,
    /// A varint of 64 bits.
    Uint64,
    /// A zigzag varint cut to 32 bits.
    Sint32,
    /// 4 bytes, little endian.
    Fixed32,
    /// 8 bytes, little endian, unsigned.
    Fixed64,
    /// 8 bytes, little endian, signed.
    Sfixed64,
    /// 8 bytes, IEEE 754.
    Double,
    /// A nested message.
    Message(&'static Message),
}

/// How often a field can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Label {
    /// Once; absent means zero.
    One,
    /// Once; absence is told from zero.
    Optional,
    /// Any number of times, packed or not where it is a scalar.
    Many,
    /// Once among its siblings: no message of OTLP has two oneofs.
    Oneof,
}

/// One field of a message.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) number: u32,
    /// The name in the proto file, snake case.
    pub(crate) name: &'static str,
    #[cfg(feature = "json")]
    pub(crate) json: JsonName,
    pub(crate) kind: Kind,
    pub(crate) label: Label,
}

/// One message type. The fields are in the order of their numbers.
#[derive(Debug)]
pub(crate) struct Message {
    #[cfg_attr(
        not(any(test, feature = "testing")),
        expect(dead_code, reason = "only the test kit tells messages apart by their names")
    )]
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [Field],
    /// `index[number]` is the field's place in `fields` plus one, zero for an unknown number.
    index: [u8; INDEXED],
    /// What validation does at each first byte of a tag.
    pub(crate) plan: Plan,
    /// A bit for each number of a message that OTLP thinks of as always there.
    #[cfg(feature = "json")]
    pub(crate) singular_messages: u32,
}

/// A field's name in OTLP/JSON, camel case, as it is written between others: `,"startTimeUnixNano":`.
#[cfg(feature = "json")]
#[derive(Debug)]
pub(crate) struct JsonName {
    text: [u8; PADDED + 1],
    len: usize,
}

/// More than any name takes.
#[cfg(feature = "json")]
const PADDED: usize = 32;

#[cfg(feature = "json")]
impl JsonName {
    const fn new(snake: &str) -> Self {
        let snake = snake.as_bytes();
        let mut text = [0; PADDED + 1];
        text[0] = b',';
        text[1] = b'"';
        let mut len = 2;
        let mut at = 0;
        while at < snake.len() {
            text[len] = snake[at];
            if snake[at] == b'_' {
                at += 1;
                text[len] = snake[at].to_ascii_uppercase();
            }
            len += 1;
            at += 1;
        }
        text[len] = b'"';
        text[len + 1] = b':';
        Self { text, len: len + 2 }
    }

    /// The name in quotes and the colon, with the comma in front or without, padded, and the length of that: a copy
    /// of fixed size is cheaper.
    #[inline]
    pub(crate) fn padded(&self, comma: bool) -> (&[u8; PADDED], usize) {
        let text = if comma { self.text.first_chunk() } else { self.text.last_chunk() };
        (text.expect("there is one byte more"), self.len - usize::from(!comma))
    }

    /// The name in quotes, and the colon.
    #[inline]
    pub(crate) fn quoted(&self) -> &[u8] {
        &self.text[1..self.len]
    }

    /// The name alone.
    #[inline]
    pub(crate) fn plain(&self) -> &[u8] {
        &self.text[2..self.len - 2]
    }
}

#[cfg(feature = "json")]
const fn singular_messages(fields: &[Field]) -> u32 {
    let mut numbers = 0;
    let mut at = 0;
    while at < fields.len() {
        if let (Label::One, Kind::Message(_)) = (fields[at].label, fields[at].kind) {
            numbers |= 1 << fields[at].number;
        }
        at += 1;
    }
    numbers
}

/// How many messages a message may be nested in: prost's limit.
pub(crate) const NESTING: u32 = 100;

/// OTLP numbers its fields below this.
const INDEXED: usize = 17;

impl Message {
    const fn new(name: &'static str, fields: &'static [Field]) -> Self {
        let mut index = [0; INDEXED];
        let mut at = 0;
        while at < fields.len() {
            index[fields[at].number as usize] = at as u8 + 1;
            at += 1;
        }
        Self {
            name,
            fields,
            index,
            plan: Plan::new(fields),
            #[cfg(feature = "json")]
            singular_messages: singular_messages(fields),
        }
    }

    /// The field of that number, if the schema knows it.
    #[inline]
    pub(crate) fn field(&self, number: u32) -> Option<&'static Field> {
        let place = *self.index.get(number as usize)?;
        self.fields.get(usize::from(place).wrapping_sub(1))
    }
}

impl Kind {
    /// The wire type of one unpacked value.
    #[inline]
    pub(crate) const fn wire(self) -> u8 {
        match self {
            Kind::Bool | Kind::Int32 | Kind::Uint32 | Kind::Int64 | Kind::Uint64 | Kind::Sint32 => 0,
            Kind::Fixed64 | Kind::Sfixed64 | Kind::Double => 1,
            Kind::Str | Kind::Bytes | Kind::TraceId | Kind::SpanId | Kind::Message(_) => 2,
            Kind::Fixed32 => 5,
        }
    }

    /// Whether several values may come packed in one length-delimited field.
    #[inline]
    pub(crate) const fn is_packable(self) -> bool {
        self.wire() != 2
    }
}

/// Writes the tables. `message! { NAME "Name" { number name: Label Kind, … } }` becomes
/// `pub(crate) static NAME: Message = Message::new("Name", &[Field { number, name: "name", … }, …]);`
macro_rules! messages {
    ($($id:ident $name:literal { $($number:literal $field:ident : $label:ident $kind:ident $(($of:ident))? ,)* })*) => {
        $(pub(crate) static $id: Message = Message::new($name, &[
            $(Field {
                number: $number,
                name: stringify!($field),
                #[cfg(feature = "json")]
                json: JsonName::new(stringify!($field)),
                kind: Kind::$kind $((&$of))?,
                label: Label::$label,
            },)*
        ]);)*
    };
}

messages! {
    TRACES "ExportTraceServiceRequest" { 1 resource_spans: Many Message(RESOURCE_SPANS), }
    METRICS "ExportMetricsServiceRequest" { 1 resource_metrics: Many Message(RESOURCE_METRICS), }
    LOGS "ExportLogsServiceRequest" { 1 resource_logs: Many Message(RESOURCE_LOGS), }

    RESOURCE_SPANS "ResourceSpans" {
        1 resource: One Message(RESOURCE),
        2 scope_spans: Many Message(SCOPE_SPANS),
        3 schema_url: One Str,
    }
    RESOURCE_METRICS "ResourceMetrics" {
        1 resource: One Message(RESOURCE),
        2 scope_metrics: Many Message(SCOPE_METRICS),
        3 schema_url: One Str,
    }
    RESOURCE_LOGS "ResourceLogs" {
        1 resource: One Message(RESOURCE),
        2 scope_logs: Many Message(SCOPE_LOGS),
        3 schema_url: One Str,
    }
    SCOPE_SPANS "ScopeSpans" {
        1 scope: One Message(SCOPE),
        2 spans: Many Message(SPAN),
        3 schema_url: One Str,
    }
    SCOPE_METRICS "ScopeMetrics" {
        1 scope: One Message(SCOPE),
        2 metrics: Many Message(METRIC),
        3 schema_url: One Str,
    }
    SCOPE_LOGS "ScopeLogs" {
        1 scope: One Message(SCOPE),
        2 log_records: Many Message(LOG_RECORD),
        3 schema_url: One Str,
    }

    RESOURCE "Resource" {
        1 attributes: Many Message(KEY_VALUE),
        2 dropped_attributes_count: One Uint32,
        3 entity_refs: Many Message(ENTITY_REF),
    }
    ENTITY_REF "EntityRef" {
        1 schema_url: One Str,
        2 type: One Str,
        3 id_keys: Many Str,
        4 description_keys: Many Str,
    }
    SCOPE "InstrumentationScope" {
        1 name: One Str,
        2 version: One Str,
        3 attributes: Many Message(KEY_VALUE),
        4 dropped_attributes_count: One Uint32,
    }
    KEY_VALUE "KeyValue" {
        1 key: One Str,
        2 value: One Message(ANY_VALUE),
    }
    ANY_VALUE "AnyValue" {
        1 string_value: Oneof Str,
        2 bool_value: Oneof Bool,
        3 int_value: Oneof Int64,
        4 double_value: Oneof Double,
        5 array_value: Oneof Message(ARRAY_VALUE),
        6 kvlist_value: Oneof Message(KEY_VALUE_LIST),
        7 bytes_value: Oneof Bytes,
    }
    ARRAY_VALUE "ArrayValue" { 1 values: Many Message(ANY_VALUE), }
    KEY_VALUE_LIST "KeyValueList" { 1 values: Many Message(KEY_VALUE), }

    SPAN "Span" {
        1 trace_id: One TraceId,
        2 span_id: One SpanId,
        3 trace_state: One Str,
        4 parent_span_id: One SpanId,
        5 name: One Str,
        6 kind: One Int32,
        7 start_time_unix_nano: One Fixed64,
        8 end_time_unix_nano: One Fixed64,
        9 attributes: Many Message(KEY_VALUE),
        10 dropped_attributes_count: One Uint32,
        11 events: Many Message(EVENT),
        12 dropped_events_count: One Uint32,
        13 links: Many Message(LINK),
        14 dropped_links_count: One Uint32,
        15 status: One Message(STATUS),
        16 flags: One Fixed32,
    }
    EVENT "Event" {
        1 time_unix_nano: One Fixed64,
        2 name: One Str,
        3 attributes: Many Message(KEY_VALUE),
        4 dropped_attributes_count: One Uint32,
    }
    LINK "Link" {
        1 trace_id: One TraceId,
        2 span_id: One SpanId,
        3 trace_state: One Str,
        4 attributes: Many Message(KEY_VALUE),
        5 dropped_attributes_count: One Uint32,
        6 flags: One Fixed32,
    }
    STATUS "Status" {
        2 message: One Str,
        3 code: One Int32,
    }

    LOG_RECORD "LogRecord" {
        1 time_unix_nano: One Fixed64,
        2 severity_number: One Int32,
        3 severity_text: One Str,
        5 body: One Message(ANY_VALUE),
        6 attributes: Many Message(KEY_VALUE),
        7 dropped_attributes_count: One Uint32,
        8 flags: One Fixed32,
        9 trace_id: One TraceId,
        10 span_id: One SpanId,
        11 observed_time_unix_nano: One Fixed64,
        12 event_name: One Str,
    }

    METRIC "Metric" {
        1 name: One Str,
        2 description: One Str,
        3 unit: One Str,
        5 gauge: Oneof Message(GAUGE),
        7 sum: Oneof Message(SUM),
        9 histogram: Oneof Message(HISTOGRAM),
        10 exponential_histogram: Oneof Message(EXPONENTIAL_HISTOGRAM),
        11 summary: Oneof Message(SUMMARY),
        12 metadata: Many Message(KEY_VALUE),
    }
    GAUGE "Gauge" { 1 data_points: Many Message(NUMBER_DATA_POINT), }
    SUM "Sum" {
        1 data_points: Many Message(NUMBER_DATA_POINT),
        2 aggregation_temporality: One Int32,
        3 is_monotonic: One Bool,
    }
    HISTOGRAM "Histogram" {
        1 data_points: Many Message(HISTOGRAM_DATA_POINT),
        2 aggregation_temporality: One Int32,
    }
    EXPONENTIAL_HISTOGRAM "ExponentialHistogram" {
        1 data_points: Many Message(EXPONENTIAL_HISTOGRAM_DATA_POINT),
        2 aggregation_temporality: One Int32,
    }
    SUMMARY "Summary" { 1 data_points: Many Message(SUMMARY_DATA_POINT), }
    NUMBER_DATA_POINT "NumberDataPoint" {
        2 start_time_unix_nano: One Fixed64,
        3 time_unix_nano: One Fixed64,
        4 as_double: Oneof Double,
        5 exemplars: Many Message(EXEMPLAR),
        6 as_int: Oneof Sfixed64,
        7 attributes: Many Message(KEY_VALUE),
        8 flags: One Uint32,
    }
    HISTOGRAM_DATA_POINT "HistogramDataPoint" {
        2 start_time_unix_nano: One Fixed64,
        3 time_unix_nano: One Fixed64,
        4 count: One Fixed64,
        5 sum: Optional Double,
        6 bucket_counts: Many Fixed64,
        7 explicit_bounds: Many Double,
        8 exemplars: Many Message(EXEMPLAR),
        9 attributes: Many Message(KEY_VALUE),
        10 flags: One Uint32,
        11 min: Optional Double,
        12 max: Optional Double,
    }
    EXPONENTIAL_HISTOGRAM_DATA_POINT "ExponentialHistogramDataPoint" {
        1 attributes: Many Message(KEY_VALUE),
        2 start_time_unix_nano: One Fixed64,
        3 time_unix_nano: One Fixed64,
        4 count: One Fixed64,
        5 sum: Optional Double,
        6 scale: One Sint32,
        7 zero_count: One Fixed64,
        8 positive: One Message(BUCKETS),
        9 negative: One Message(BUCKETS),
        10 flags: One Uint32,
        11 exemplars: Many Message(EXEMPLAR),
        12 min: Optional Double,
        13 max: Optional Double,
        14 zero_threshold: One Double,
    }
    BUCKETS "Buckets" {
        1 offset: One Sint32,
        2 bucket_counts: Many Uint64,
    }
    SUMMARY_DATA_POINT "SummaryDataPoint" {
        2 start_time_unix_nano: One Fixed64,
        3 time_unix_nano: One Fixed64,
        4 count: One Fixed64,
        5 sum: One Double,
        6 quantile_values: Many Message(VALUE_AT_QUANTILE),
        7 attributes: Many Message(KEY_VALUE),
        8 flags: One Uint32,
    }
    VALUE_AT_QUANTILE "ValueAtQuantile" {
        1 quantile: One Double,
        2 value: One Double,
    }
    EXEMPLAR "Exemplar" {
        2 time_unix_nano: One Fixed64,
        3 as_double: Oneof Double,
        4 span_id: One SpanId,
        5 trace_id: One TraceId,
        6 as_int: Oneof Sfixed64,
        7 filtered_attributes: Many Message(KEY_VALUE),
    }
}
