//! What an HTTP client says of each request.

use std::sync::Arc;

use http::{HeaderMap, Method, StatusCode, Version};
use tokio::time::Instant;

use super::observed::inject;
use super::{HttpAnswer, HttpError, HttpUrl, error_chain};
use crate::net::observed::{SECONDS, SeriesByKey};
use crate::telemetry::{
    Histogram, KeyValue, Metrics, Span, SpanKind, Telemetry, TraceContext, Tracer, bounds,
};

/// Tells of the requests of an HTTP client. Where nobody wants to know, that is a branch.
#[derive(Debug, Clone, Default)]
pub(super) struct ObservedRequests(Option<Arc<RequestObserver>>);

#[derive(Debug)]
struct RequestObserver {
    tracer: Tracer,
    series: Option<SeriesByKey>,
}

/// A request that is being made.
pub(super) struct ObservedRequest<'r> {
    observer: &'r RequestObserver,
    method: &'r Method,
    url: &'r HttpUrl,
    size: u64,
    span: Span,
    begun: Instant,
    outcome: Outcome,
}

/// How a request ended.
enum Outcome {
    Answered(StatusCode, Version),
    Failed(String),
    BrokenOff,
}

impl ObservedRequests {
    pub(super) fn new(telemetry: &Telemetry) -> Self {
        let tracer = telemetry.tracer().clone();
        let series = SeriesByKey::new(telemetry.metrics());
        let observed = tracer.is_enabled() || series.is_some();
        Self(observed.then(|| Arc::new(RequestObserver { tracer, series })))
    }

    /// A request with a body of so many bytes begins, within a trace; its headers tell the server so.
    pub(super) fn begin<'r>(
        &'r self,
        method: &'r Method,
        url: &'r HttpUrl,
        size: u64,
        trace: Option<&TraceContext>,
        headers: &mut HeaderMap,
    ) -> Option<ObservedRequest<'r>> {
        let observer = self.0.as_deref()?;
        let span = observer.tracer.start(SpanKind::Client, trace, || format!("HTTP {method}"));
        inject(&observer.tracer, &span, headers);
        let (begun, outcome) = (Instant::now(), Outcome::BrokenOff);
        Some(ObservedRequest { observer, method, url, size, span, begun, outcome })
    }
}

impl ObservedRequest<'_> {
    /// The request has ended.
    pub(super) fn end(mut self, answer: &Result<HttpAnswer, HttpError>) {
        self.outcome = match answer {
            Ok(answer) => Outcome::Answered(answer.status, answer.version),
            Err(error) => Outcome::Failed(error_chain(error)),
        };
    }

    fn tell_span(&self) {
        let Self { method, url, span, outcome, .. } = self;
        span.attributes(|| {
            [
                KeyValue::new("http.request.method", method.to_string()),
                KeyValue::new("url.full", url.to_string()),
                KeyValue::new("server.address", url.host().to_owned()),
                KeyValue::new("server.port", i64::from(url.port())),
                KeyValue::new("network.protocol.version", outcome.version()),
            ]
        });
        match outcome {
            Outcome::Answered(status, _) => {
                span.attributes(|| [KeyValue::new("http.response.status_code", i64::from(status.as_u16()))]);
                if status.is_client_error() || status.is_server_error() {
                    span.fail(status);
                }
            }
            Outcome::Failed(why) => span.fail(why),
            Outcome::BrokenOff => span.fail(&"the request was broken off"),
        }
    }

    fn tell_series(&self, series: &SeriesByKey) {
        let Self { method, url, outcome, .. } = self;
        let scheme = if url.is_secure() { "https" } else { "http" };
        let mut key = vec![
            ("http.request.method", method.to_string()),
            ("network.protocol.name", "http".to_owned()),
            ("network.protocol.version", outcome.version().to_owned()),
            ("server.address", url.host().to_owned()),
            ("server.port", url.port().to_string()),
            ("url.scheme", scheme.to_owned()),
        ];
        if let Outcome::Answered(status, _) = outcome {
            key.push(("http.response.status_code", status.as_u16().to_string()));
        }
        series.record(key, make, |histograms| {
            histograms[0].record(self.size as f64);
            histograms[1].record(self.begun.elapsed().as_secs_f64());
        });
    }
}

impl Drop for ObservedRequest<'_> {
    fn drop(&mut self) {
        self.tell_span();
        if let Some(series) = &self.observer.series {
            self.tell_series(series);
        }
    }
}

impl Outcome {
    /// The version that was spoken. A request without an answer counts as HTTP/1.1, as in the Go collector.
    fn version(&self) -> &'static str {
        match self {
            Outcome::Answered(_, Version::HTTP_2) => "2",
            _ => "1.1",
        }
    }
}

fn make(metrics: &Metrics, attributes: &[(&'static str, &str)]) -> Vec<Histogram> {
    let size = "Size of HTTP client request bodies.";
    let duration = "Duration of HTTP client requests.";
    vec![
        metrics.histogram("http.client.request.body.size", size, "By", &bounds::DEFAULT, attributes),
        metrics.histogram("http.client.request.duration", duration, "s", &SECONDS, attributes),
    ]
}
