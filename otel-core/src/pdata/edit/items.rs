//! Items under edit.

use std::marker::PhantomData;

use super::attributes::AttributesEdit;
use super::draft::{Draft, Verdict};
use super::groups::{MetricEdit, ResourceEdit, ScopeEdit};
use super::messages::{
    EventEdit, ExponentialHistogramDataPointEdit, HistogramDataPointEdit, LinkEdit, NumberDataPointEdit,
    StatusEdit, SummaryDataPointEdit, edit_methods, lists, pushes,
};
use super::pass::Headers;
use super::value::ValueEdit;
use crate::pdata::build::{EventBuilder, LinkBuilder, Writer};
use crate::pdata::fields::fields;
use crate::pdata::view::{AnyValue, FromWire, Metric, SeverityNumber, SpanId, SpanKind, StatusCode, TraceId};
use crate::pdata::{Logs, Metrics, Signal, SignalKind, Traces};

/// An item under edit: a span, a log record or a data point.
#[derive(Debug)]
pub struct ItemEdit<'a, S> {
    draft: Draft<'a>,
    headers: Headers<'a>,
    signal: PhantomData<fn() -> S>,
}

/// A data point under edit, by its kind.
#[derive(Debug)]
#[non_exhaustive]
pub enum PointEdit<'a> {
    /// Of a gauge or a sum.
    Number(NumberDataPointEdit<'a>),
    /// Of a histogram.
    Histogram(HistogramDataPointEdit<'a>),
    /// Of an exponential histogram.
    ExponentialHistogram(ExponentialHistogramDataPointEdit<'a>),
    /// Of a summary.
    Summary(SummaryDataPointEdit<'a>),
}

/// Field numbers.
const STATUS: u32 = 15;
const BODY: u32 = 5;

impl<'a, S: Signal> ItemEdit<'a, S> {
    #[inline]
    pub(crate) fn new(headers: Headers<'a>, draft: Draft<'a>) -> Self {
        Self { draft, headers, signal: PhantomData }
    }

    /// The item as it is now.
    ///
    /// A data point shows the metric as it came; [`ItemEdit::metric`] shows it as it is now.
    #[inline]
    pub fn view(&self) -> S::Item<'_> {
        let metric = Metric::from_bytes(self.headers.metric.content());
        FromWire::from_wire(self.draft.bytes(), metric, self.headers.data_number())
    }

    /// The attributes.
    #[inline]
    pub fn attributes(&mut self) -> AttributesEdit<'_> {
        let number = match S::KIND {
            SignalKind::Traces => 9,
            SignalKind::Logs => 6,
            SignalKind::Metrics => match self.headers.data_number() {
                9 => 9,
                10 => 1,
                _ => 7,
            },
        };
        AttributesEdit::new(self.draft.reborrow(), number)
    }

    /// The resource that the item belongs to.
    pub fn resource(&mut self) -> ResourceEdit<'_> {
        ResourceEdit::new(self.headers.reborrow())
    }

    /// The scope that the item belongs to.
    pub fn scope(&mut self) -> ScopeEdit<'_> {
        ScopeEdit::new(self.headers.reborrow())
    }

    #[inline]
    fn draft(&mut self) -> &mut Draft<'a> {
        &mut self.draft
    }
}

fields!(span, edit_methods { ItemEdit<'_, Traces> });
fields!(log_record, edit_methods { ItemEdit<'_, Logs> });

lists! {
    ItemEdit<'_, Traces> {
        /// Edits the events in turn.
        edit_events 11 EventEdit
    }
    ItemEdit<'_, Traces> {
        /// Edits the links in turn.
        edit_links 13 LinkEdit
    }
}

pushes! {
    ItemEdit<'_, Traces> {
        /// Appends an event.
        push_event 11 EventBuilder
    }
    ItemEdit<'_, Traces> {
        /// Appends a link.
        push_link 13 LinkBuilder
    }
}

impl ItemEdit<'_, Traces> {
    /// Sets how the operation ended, with a message that is empty unless it failed.
    pub fn set_status(&mut self, code: StatusCode, message: &str) -> &mut Self {
        self.edit_status(|status| {
            status.set_code(code).set_message(message);
        })
    }

    /// Edits the status, an unset one where there is none.
    pub fn edit_status(&mut self, edit: impl FnOnce(&mut StatusEdit<'_>)) -> &mut Self {
        self.draft.edit_message(STATUS, |draft| edit(&mut StatusEdit::new(draft)));
        self
    }
}

impl ItemEdit<'_, Logs> {
    /// Sets what was logged.
    pub fn set_body<'v>(&mut self, body: impl Into<AnyValue<'v>>) -> &mut Self {
        self.edit_body(|value| {
            value.set(body);
        })
    }

    /// Edits what was logged, an empty value where there is none.
    pub fn edit_body(&mut self, edit: impl FnOnce(&mut ValueEdit<'_>)) -> &mut Self {
        self.draft.edit_message(BODY, |draft| edit(&mut ValueEdit::new(draft)));
        self
    }
}

impl ItemEdit<'_, Metrics> {
    /// The metric that the data point belongs to.
    pub fn metric(&mut self) -> MetricEdit<'_> {
        MetricEdit::new(self.headers.reborrow())
    }

    /// The data point by its kind, for what only that kind has.
    pub fn point(&mut self) -> PointEdit<'_> {
        let draft = self.draft.reborrow();
        match self.headers.data_number() {
            5 | 7 => PointEdit::Number(NumberDataPointEdit::new(draft)),
            9 => PointEdit::Histogram(HistogramDataPointEdit::new(draft)),
            10 => PointEdit::ExponentialHistogram(ExponentialHistogramDataPointEdit::new(draft)),
            _ => PointEdit::Summary(SummaryDataPointEdit::new(draft)),
        }
    }

    /// Sets since when the point counts, in nanoseconds since 1970.
    pub fn set_start_time_unix_nano(&mut self, time: u64) -> &mut Self {
        self.draft.fixed64(2, time);
        self
    }

    /// Sets when it was measured, in nanoseconds since 1970.
    pub fn set_time_unix_nano(&mut self, time: u64) -> &mut Self {
        self.draft.fixed64(3, time);
        self
    }

    /// Sets the flags: bit 0 says that no value was recorded.
    pub fn set_flags(&mut self, flags: u32) -> &mut Self {
        let number = if matches!(self.headers.data_number(), 9 | 10) { 10 } else { 8 };
        self.draft.uint32(number, flags);
        self
    }
}
