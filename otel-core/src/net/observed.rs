//! What servers and clients say of each request: metrics at the level detailed, and spans.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, Request, Response, Version, header};
use http_body::Body as _;
use hyper::body::Incoming;
use tokio::time::Instant;

use super::{Handler, Peer, Reply};
use crate::component::Code;
use crate::telemetry::{
    Histogram, KeyValue, Metrics, MetricsLevel, Span, SpanKind, Telemetry, TraceContext, Tracer, bounds,
};

pub(super) const SECONDS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Combinations of attributes that a server or client tells apart: clients choose some of the values.
const MOST_SERIES: usize = 100;

/// The protocol that requests are told of in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rpc {
    /// Plain HTTP: `http.server.*`.
    Http,
    /// gRPC: `rpc.server.*`.
    Grpc,
}

impl Rpc {
    /// As the label `transport` of metrics: `http` or `grpc`.
    pub const fn transport(self) -> &'static str {
        match self {
            Rpc::Http => "http",
            Rpc::Grpc => "grpc",
        }
    }
}

/// A handler that tells of each request. Where nobody wants to know, that is a branch.
///
/// The trace that a request belongs to is among its extensions, as [`TraceContext`].
#[derive(Debug, Clone)]
pub struct Observed<H> {
    handler: H,
    observer: Option<Arc<Observer>>,
}

#[derive(Debug)]
struct Observer {
    rpc: Rpc,
    tracer: Tracer,
    series: Option<SeriesByKey>,
}

impl<H> Observed<H> {
    /// Tells of what a handler answers.
    pub fn new(handler: H, rpc: Rpc, telemetry: &Telemetry) -> Self {
        let tracer = telemetry.tracer().clone();
        let series = SeriesByKey::new(telemetry.metrics());
        let observed = tracer.is_enabled() || series.is_some();
        Self { handler, observer: observed.then(|| Arc::new(Observer { rpc, tracer, series })) }
    }
}

impl<H: Handler> Handler for Observed<H> {
    async fn handle(&self, request: Request<Incoming>, peer: Peer) -> Response<Reply> {
        match &self.observer {
            None => self.handler.handle(request, peer).await,
            Some(observer) => observer.handle(&self.handler, request, peer).await,
        }
    }
}

impl Observer {
    async fn handle(
        &self,
        handler: &impl Handler,
        mut request: Request<Incoming>,
        peer: Peer,
    ) -> Response<Reply> {
        let begun = Instant::now();
        let parent = extract(&self.tracer, request.headers());
        let span = self.tracer.start(SpanKind::Server, parent.as_ref(), || match self.rpc {
            Rpc::Http => format!("{} {}", request.method(), request.uri().path()),
            Rpc::Grpc => request.uri().path().trim_start_matches('/').to_owned(),
        });
        if let Some(trace) = span.context() {
            request.extensions_mut().insert(trace);
        }
        let asked = Asked::of(&request, peer);
        let response = handler.handle(request, peer).await;
        match self.rpc {
            Rpc::Http => self.tell_http(&asked, &response, &span, begun),
            Rpc::Grpc => self.tell_grpc(&asked, &response, &span, begun),
        }
        response
    }

    fn tell_http(&self, asked: &Asked, response: &Response<Reply>, span: &Span, begun: Instant) {
        let status = response.status().as_u16();
        asked.tell(span, status);
        if status >= 500 {
            span.fail(&response.status());
        }
        let Some(series) = &self.series else { return };
        // A path that nobody serves, or that nobody may know of, is not a route; else every scanner would make series.
        let route = if matches!(status, 401 | 403 | 404) { String::new() } else { asked.path.clone() };
        let mut key = vec![
            ("http.request.method", asked.method.clone()),
            ("http.response.status_code", status.to_string()),
            ("network.protocol.name", "http".to_owned()),
            ("network.protocol.version", asked.version.to_owned()),
            ("server.address", asked.host.clone()),
            ("url.scheme", asked.scheme().to_owned()),
        ];
        key.extend((!route.is_empty()).then_some(("http.route", route)));
        key.extend(asked.port.clone().map(|port| ("server.port", port)));
        series.record(key, make_http, |histograms| {
            if let Some(size) = asked.size {
                histograms[0].record(size as f64);
            }
            histograms[1].record(response.body().size_hint().lower() as f64);
            histograms[2].record(begun.elapsed().as_secs_f64());
        });
    }

    fn tell_grpc(&self, asked: &Asked, response: &Response<Reply>, span: &Span, begun: Instant) {
        let status = status_of(response.headers())
            .or_else(|| response.body().trailers().and_then(status_of))
            .unwrap_or(Code::Ok);
        tell_call(asked.path.trim_start_matches('/'), status, span, &[]);
        if let Some(series) = &self.series {
            let key = call_key(asked.path.trim_start_matches('/'), status);
            series.record(key, make_rpc_server, |histograms| {
                histograms[0].record(begun.elapsed().as_secs_f64());
            });
        }
    }
}

pub(super) fn tell_call(method: &str, status: Code, span: &Span, server: &[(&'static str, String)]) {
    span.attributes(|| {
        [
            KeyValue::new("rpc.system.name", "grpc"),
            KeyValue::new("rpc.method", method.to_owned()),
            KeyValue::new("rpc.response.status_code", upper(status)),
        ]
    });
    for (key, value) in server {
        span.attributes(|| [KeyValue::new(*key, value.clone())]);
    }
    if status != Code::Ok {
        span.fail(&status.as_str());
    }
}

pub(super) fn call_key(method: &str, status: Code) -> Key {
    vec![
        ("rpc.method", method.to_owned()),
        ("rpc.response.status_code", upper(status)),
        ("rpc.system.name", "grpc".to_owned()),
    ]
}

/// The code as gRPC's documents write it: `DEADLINE_EXCEEDED`.
fn upper(code: Code) -> String {
    let mut text = String::new();
    for (at, letter) in code.as_str().char_indices() {
        if letter.is_ascii_uppercase() && at > 0 {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
    }
    text
}

fn status_of(headers: &HeaderMap) -> Option<Code> {
    let code = headers.get("grpc-status")?.to_str().ok()?.parse().ok()?;
    Some(Code::from_number(code))
}

fn extract(tracer: &Tracer, headers: &HeaderMap) -> Option<TraceContext> {
    tracer.propagation().extract(|name| headers.get(name)?.to_str().ok())
}

/// What is told of a request.
struct Asked {
    method: String,
    path: String,
    version: &'static str,
    host: String,
    port: Option<String>,
    size: Option<u64>,
    peer: Peer,
}

impl Asked {
    fn of(request: &Request<Incoming>, peer: Peer) -> Self {
        let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        let authority =
            request.uri().authority().map(http::uri::Authority::as_str).or_else(|| text(header::HOST));
        let authority = authority.unwrap_or_default();
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => {
                (host, Some(port.to_owned()))
            }
            _ => (authority, None),
        };
        Self {
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            version: if request.version() == Version::HTTP_2 { "2" } else { "1.1" },
            host: host.to_owned(),
            port,
            size: request.body().size_hint().exact(),
            peer,
        }
    }

    fn scheme(&self) -> &'static str {
        if self.peer.secure { "https" } else { "http" }
    }

    /// Says it in a span, with the status of its answer.
    fn tell(&self, span: &Span, status: u16) {
        span.attributes(|| {
            [
                KeyValue::new("http.request.method", self.method.clone()),
                KeyValue::new("url.path", self.path.clone()),
                KeyValue::new("url.scheme", self.scheme()),
                KeyValue::new("server.address", self.host.clone()),
                KeyValue::new("network.protocol.version", self.version),
                KeyValue::new("http.response.status_code", i64::from(status)),
            ]
        });
        if let Some(port) = self.port.as_ref().and_then(|port| port.parse::<i64>().ok()) {
            span.attributes(|| [KeyValue::new("server.port", port)]);
        }
        if let Some(client) = self.peer.address {
            span.attributes(|| {
                let address = client.ip().to_string();
                [
                    KeyValue::new("client.address", address.clone()),
                    KeyValue::new("network.peer.address", address),
                    KeyValue::new("network.peer.port", i64::from(client.port())),
                ]
            });
        }
    }
}

pub(super) type Key = Vec<(&'static str, String)>;
pub(super) type Make = fn(&Metrics, &[(&'static str, &str)]) -> Vec<Histogram>;

/// Histograms by their attributes, made when these first occur.
pub(super) struct SeriesByKey {
    metrics: Metrics,
    known: Mutex<HashMap<Key, Arc<[Histogram]>>>,
}

impl SeriesByKey {
    /// None below the level detailed.
    pub(super) fn new(metrics: &Metrics) -> Option<Self> {
        let wanted = metrics.level() >= MetricsLevel::Detailed;
        wanted.then(|| Self { metrics: metrics.clone(), known: Mutex::default() })
    }

    pub(super) fn record(&self, key: Key, make: Make, record: impl FnOnce(&[Histogram])) {
        let histograms = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= MOST_SERIES && !known.contains_key(&key) {
                return;
            }
            let entry = known.entry(key);
            Arc::clone(entry.or_insert_with_key(|key| {
                let attributes: Vec<_> = key.iter().map(|(key, value)| (*key, value.as_str())).collect();
                make(&self.metrics, &attributes).into()
            }))
        };
        record(&histograms);
    }
}

impl fmt::Debug for SeriesByKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeriesByKey").finish_non_exhaustive()
    }
}

fn make_http(metrics: &Metrics, attributes: &[(&'static str, &str)]) -> Vec<Histogram> {
    let size = |name, description| metrics.histogram(name, description, "By", &bounds::DEFAULT, attributes);
    vec![
        size("http.server.request.body.size", "Size of HTTP server request bodies."),
        size("http.server.response.body.size", "Size of HTTP server response bodies."),
        metrics.histogram(
            "http.server.request.duration",
            "Duration of HTTP server requests.",
            "s",
            &SECONDS,
            attributes,
        ),
    ]
}

fn make_rpc_server(metrics: &Metrics, attributes: &[(&'static str, &str)]) -> Vec<Histogram> {
    let description = "Measures the duration of an incoming Remote Procedure Call (RPC).";
    vec![metrics.histogram("rpc.server.call.duration", description, "s", &SECONDS, attributes)]
}
