//! Which fields each message has that are set one at a time: one list for building and for editing.

/// `fields!(message, callback { context })` becomes
/// `callback! { { context } number build_name set_name kind(type) "doc"; … }`, a line for every field of the message
/// that is set by one value. `kind` names the method that writes it, in `Writer` and in `Draft` alike.
macro_rules! fields {
    (resource, $callback:ident $context:tt) => {
        $callback! { $context
            2 dropped_attributes_count set_dropped_attributes_count uint32(u32)
                "How many attributes were left out before the resource was sent.";
        }
    };
    (scope, $callback:ident $context:tt) => {
        $callback! { $context
            1 name set_name str(&str) "The name of the instrumentation scope.";
            2 version set_version str(&str) "The version of the instrumentation scope.";
            4 dropped_attributes_count set_dropped_attributes_count uint32(u32)
                "How many attributes were left out before the scope was sent.";
        }
    };
    (entity_ref, $callback:ident $context:tt) => {
        $callback! { $context
            1 schema_url set_schema_url str(&str) "The URL of the schema that defines the entity type.";
            2 entity_type set_entity_type str(&str) "The type of the entity, such as `service`.";
        }
    };
    (span, $callback:ident $context:tt) => {
        $callback! { $context
            1 trace_id set_trace_id trace_id(impl Into<TraceId>) "The trace that the span is part of.";
            2 span_id set_span_id span_id(impl Into<SpanId>) "The id of the span.";
            3 trace_state set_trace_state str(&str) "The `tracestate` header, as in W3C Trace Context.";
            4 parent_span_id set_parent_span_id span_id(impl Into<SpanId>)
                "The span that this one is a child of, empty for a root.";
            5 name set_name str(&str) "What the span does.";
            6 kind set_kind enumeration(SpanKind) "The role of the span in its trace.";
            7 start_time_unix_nano set_start_time_unix_nano fixed64(u64)
                "When it started, in nanoseconds since 1970.";
            8 end_time_unix_nano set_end_time_unix_nano fixed64(u64) "When it ended, in nanoseconds since 1970.";
            10 dropped_attributes_count set_dropped_attributes_count uint32(u32)
                "How many attributes were left out.";
            12 dropped_events_count set_dropped_events_count uint32(u32) "How many events were left out.";
            14 dropped_links_count set_dropped_links_count uint32(u32) "How many links were left out.";
            16 flags set_flags fixed32(u32)
                "W3C trace flags in the lower 8 bits, above them whether the parent is remote.";
        }
    };
    (event, $callback:ident $context:tt) => {
        $callback! { $context
            1 time_unix_nano set_time_unix_nano fixed64(u64) "When it happened, in nanoseconds since 1970.";
            2 name set_name str(&str) "What happened.";
            4 dropped_attributes_count set_dropped_attributes_count uint32(u32)
                "How many attributes were left out.";
        }
    };
    (link, $callback:ident $context:tt) => {
        $callback! { $context
            1 trace_id set_trace_id trace_id(impl Into<TraceId>) "The trace of the linked span.";
            2 span_id set_span_id span_id(impl Into<SpanId>) "The linked span.";
            3 trace_state set_trace_state str(&str) "The `tracestate` of the link.";
            5 dropped_attributes_count set_dropped_attributes_count uint32(u32)
                "How many attributes were left out.";
            6 flags set_flags fixed32(u32)
                "W3C trace flags in the lower 8 bits, above them whether the linked span is remote.";
        }
    };
    (status, $callback:ident $context:tt) => {
        $callback! { $context
            2 message set_message str(&str) "What went wrong.";
            3 code set_code enumeration(StatusCode) "How the operation ended.";
        }
    };
    (log_record, $callback:ident $context:tt) => {
        $callback! { $context
            1 time_unix_nano set_time_unix_nano fixed64(u64) "When it happened, in nanoseconds since 1970.";
            2 severity_number set_severity_number enumeration(SeverityNumber) "How severe it is.";
            3 severity_text set_severity_text str(&str) "The severity as the source calls it.";
            7 dropped_attributes_count set_dropped_attributes_count uint32(u32)
                "How many attributes were left out.";
            8 flags set_flags fixed32(u32) "W3C trace flags in the lower 8 bits.";
            9 trace_id set_trace_id trace_id(impl Into<TraceId>) "The trace that the record is part of.";
            10 span_id set_span_id span_id(impl Into<SpanId>) "The span that the record is part of.";
            11 observed_time_unix_nano set_observed_time_unix_nano fixed64(u64)
                "When a collector saw it, in nanoseconds since 1970.";
            12 event_name set_event_name str(&str) "What identifies the kind of event that the record is.";
        }
    };
    (metric, $callback:ident $context:tt) => {
        $callback! { $context
            1 name set_name str(&str) "The name of the metric.";
            2 description set_description str(&str) "What the metric says.";
            3 unit set_unit str(&str) "The unit, by UCUM.";
        }
    };
    (number_data_point, $callback:ident $context:tt) => {
        $callback! { $context
            2 start_time_unix_nano set_start_time_unix_nano fixed64(u64)
                "Since when it counts, in nanoseconds since 1970.";
            3 time_unix_nano set_time_unix_nano fixed64(u64) "When it was measured, in nanoseconds since 1970.";
            4 value set_value number(impl Into<NumberValue>) "The measured value, an integer or a double.";
            8 flags set_flags uint32(u32) "Bit 0 says that no value was recorded.";
        }
    };
    (histogram_data_point, $callback:ident $context:tt) => {
        $callback! { $context
            2 start_time_unix_nano set_start_time_unix_nano fixed64(u64)
                "Since when it counts, in nanoseconds since 1970.";
            3 time_unix_nano set_time_unix_nano fixed64(u64) "When it was measured, in nanoseconds since 1970.";
            4 count set_count fixed64(u64) "How many values there were.";
            5 sum set_sum optional_double(impl Into<Option<f64>>) "The sum of the values.";
            6 bucket_counts set_bucket_counts counts(&[u64])
                "How many values fell in each bucket: one more than there are bounds, or none.";
            7 explicit_bounds set_explicit_bounds doubles(&[f64]) "The upper bounds of the buckets but the last.";
            10 flags set_flags uint32(u32) "Bit 0 says that no value was recorded.";
            11 min set_min optional_double(impl Into<Option<f64>>) "The smallest value.";
            12 max set_max optional_double(impl Into<Option<f64>>) "The greatest value.";
        }
    };
    (exponential_histogram_data_point, $callback:ident $context:tt) => {
        $callback! { $context
            2 start_time_unix_nano set_start_time_unix_nano fixed64(u64)
                "Since when it counts, in nanoseconds since 1970.";
            3 time_unix_nano set_time_unix_nano fixed64(u64) "When it was measured, in nanoseconds since 1970.";
            4 count set_count fixed64(u64) "How many values there were.";
            5 sum set_sum optional_double(impl Into<Option<f64>>) "The sum of the values.";
            6 scale set_scale sint32(i32) "The resolution: each bucket is `2^(2^-scale)` times wider than the last.";
            7 zero_count set_zero_count fixed64(u64) "How many values were at most the zero threshold from zero.";
            10 flags set_flags uint32(u32) "Bit 0 says that no value was recorded.";
            12 min set_min optional_double(impl Into<Option<f64>>) "The smallest value.";
            13 max set_max optional_double(impl Into<Option<f64>>) "The greatest value.";
            14 zero_threshold set_zero_threshold double(f64) "How far from zero the zero bucket reaches.";
        }
    };
    (buckets, $callback:ident $context:tt) => {
        $callback! { $context
            1 offset set_offset sint32(i32) "The index of the first bucket.";
            2 bucket_counts set_bucket_counts varints(&[u64]) "How many values fell in each bucket.";
        }
    };
    (summary_data_point, $callback:ident $context:tt) => {
        $callback! { $context
            2 start_time_unix_nano set_start_time_unix_nano fixed64(u64)
                "Since when it counts, in nanoseconds since 1970.";
            3 time_unix_nano set_time_unix_nano fixed64(u64) "When it was measured, in nanoseconds since 1970.";
            4 count set_count fixed64(u64) "How many values there were.";
            5 sum set_sum double(f64) "The sum of the values.";
            8 flags set_flags uint32(u32) "Bit 0 says that no value was recorded.";
        }
    };
    (value_at_quantile, $callback:ident $context:tt) => {
        $callback! { $context
            1 quantile set_quantile double(f64) "Which quantile, from 0 to 1.";
            2 value set_value double(f64) "The value at the quantile.";
        }
    };
    (exemplar, $callback:ident $context:tt) => {
        $callback! { $context
            2 time_unix_nano set_time_unix_nano fixed64(u64) "When it was measured, in nanoseconds since 1970.";
            3 value set_value number(impl Into<NumberValue>) "The measured value, an integer or a double.";
            4 span_id set_span_id span_id(impl Into<SpanId>) "The span in which it was measured.";
            5 trace_id set_trace_id trace_id(impl Into<TraceId>) "The trace in which it was measured.";
        }
    };
}

pub(crate) use fields;
