//! Spans of the collector's own work, at the cost of a branch where nobody wants them.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opentelemetry::global::{BoxedSpan, BoxedTracer, ObjectSafeTracer};
use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId,
    TraceState, Tracer as _,
};
use opentelemetry::{Context, KeyValue};

use super::Propagation;

/// The trace and the span that something belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace.
    pub trace_id: [u8; 16],
    /// The span of the caller.
    pub span_id: [u8; 8],
    /// The flags of W3C trace context.
    pub flags: u8,
}

impl TraceContext {
    fn to_span_context(self, remote: bool) -> SpanContext {
        SpanContext::new(
            TraceId::from_bytes(self.trace_id),
            SpanId::from_bytes(self.span_id),
            TraceFlags::new(self.flags),
            remote,
            TraceState::NONE,
        )
    }
}

/// Makes spans. Cloning is a reference count; without a destination for spans it does nothing.
#[derive(Clone, Default)]
pub struct Tracer {
    inner: Option<Arc<BoxedTracer>>,
    propagation: Propagation,
}

impl Tracer {
    /// A tracer over one of the OpenTelemetry API.
    pub fn new(tracer: impl ObjectSafeTracer + Send + Sync + 'static) -> Self {
        let inner = Some(Arc::new(BoxedTracer::new(Box::new(tracer))));
        Self { inner, propagation: Propagation::NONE }
    }

    /// A tracer whose spans are none.
    pub const fn none() -> Self {
        Self { inner: None, propagation: Propagation::NONE }
    }

    /// The same with headers in which traces come and go.
    pub fn with_propagation(mut self, propagation: Propagation) -> Self {
        self.propagation = propagation;
        self
    }

    /// The headers in which traces come and go.
    pub fn propagation(&self) -> Propagation {
        self.propagation
    }

    /// Whether spans go anywhere.
    #[inline]
    pub fn is_enabled(&self) -> bool {
        self.inner.is_some()
    }

    /// Begins a span, which ends when its last clone is dropped. `name` is only asked where the tracer is enabled.
    #[inline]
    pub fn start<N: Into<String>>(
        &self,
        kind: SpanKind,
        parent: Option<&TraceContext>,
        name: impl FnOnce() -> N,
    ) -> Span {
        match &self.inner {
            None => Span::none(),
            Some(tracer) => begin(tracer, kind, parent, name().into()),
        }
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracer").field("enabled", &self.is_enabled()).finish()
    }
}

/// A span, or none. Cloning shares it.
#[derive(Clone, Default)]
pub struct Span(Option<Arc<Recording>>);

struct Recording {
    context: TraceContext,
    /// Whether somebody will see it: a span that is not sampled only hands its context on.
    recorded: bool,
    span: Mutex<BoxedSpan>,
}

impl Span {
    /// No span: everything on it is a branch.
    pub const fn none() -> Self {
        Self(None)
    }

    /// Whether what is said of the span is recorded.
    #[inline]
    pub fn is_recording(&self) -> bool {
        self.0.as_ref().is_some_and(|recording| recording.recorded)
    }

    /// What spans within this one name as their parent.
    pub fn context(&self) -> Option<TraceContext> {
        self.0.as_ref().map(|recording| recording.context)
    }

    /// Adds attributes, made only where they are recorded.
    #[inline]
    pub fn attributes<const N: usize>(&self, attributes: impl FnOnce() -> [KeyValue; N]) {
        if let Some(mut span) = self.recording() {
            span.set_attributes(attributes());
        }
    }

    /// Adds something that happens now, with attributes made only where they are recorded.
    #[inline]
    pub fn event<const N: usize>(&self, name: &'static str, attributes: impl FnOnce() -> [KeyValue; N]) {
        if let Some(mut span) = self.recording() {
            span.add_event(name, attributes().to_vec());
        }
    }

    /// Marks the span as failed.
    pub fn fail(&self, error: &dyn fmt::Display) {
        if let Some(mut span) = self.recording() {
            span.set_status(Status::error(error.to_string()));
        }
    }

    /// Tells of a span elsewhere that this one has to do with.
    pub fn link(&self, to: &TraceContext) {
        if let Some(mut span) = self.recording() {
            span.add_link(to.to_span_context(false), Vec::new());
        }
    }

    fn recording(&self) -> Option<MutexGuard<'_, BoxedSpan>> {
        let recording = self.0.as_ref().filter(|recording| recording.recorded)?;
        Some(recording.span.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Span").field("context", &self.context()).finish()
    }
}

#[cold]
fn begin(tracer: &BoxedTracer, kind: SpanKind, parent: Option<&TraceContext>, name: String) -> Span {
    let mut context = Context::new();
    // What serves others goes on with their traces; everything else is part of the collector's own work.
    let remote = matches!(kind, SpanKind::Server | SpanKind::Consumer);
    if let Some(parent) = parent {
        context = context.with_remote_span_context(parent.to_span_context(remote));
    }
    let span = tracer.build_with_context(SpanBuilder::from_name(name).with_kind(kind), &context);
    let made = span.span_context();
    let context = TraceContext {
        trace_id: made.trace_id().to_bytes(),
        span_id: made.span_id().to_bytes(),
        flags: made.trace_flags().to_u8(),
    };
    let recorded = span.is_recording();
    Span(Some(Arc::new(Recording { context, recorded, span: Mutex::new(span) })))
}
