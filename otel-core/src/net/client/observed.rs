//! What a client says of each call.

use std::sync::Arc;

use http::HeaderMap;
use tokio::time::Instant;

use crate::component::Code;
use crate::net::observed::{SECONDS, SeriesByKey, call_key, tell_call};
use crate::telemetry::{Histogram, Metrics, Span, SpanKind, Telemetry, TraceContext, Tracer};

/// Tells of the calls of a gRPC client. Where nobody wants to know, that is a branch.
#[derive(Debug, Clone, Default)]
pub struct ObservedCalls(Option<Arc<CallObserver>>);

#[derive(Debug)]
struct CallObserver {
    tracer: Tracer,
    series: Option<SeriesByKey>,
    server: Vec<(&'static str, String)>,
}

/// A call that is being made.
#[derive(Debug)]
pub(super) struct ObservedCall<'o> {
    observer: &'o CallObserver,
    method: &'static str,
    span: Span,
    begun: Instant,
    /// How it ended; broken off unless something else is said.
    status: Code,
}

impl ObservedCalls {
    /// For calls to a server, which has no port where it is a Unix socket.
    pub fn new(telemetry: &Telemetry, host: &str, port: Option<u16>) -> Self {
        let tracer = telemetry.tracer().clone();
        let series = SeriesByKey::new(telemetry.metrics());
        let mut server = vec![("server.address", host.to_owned())];
        server.extend(port.map(|port| ("server.port", port.to_string())));
        let observed = tracer.is_enabled() || series.is_some();
        Self(observed.then(|| Arc::new(CallObserver { tracer, series, server })))
    }

    /// A call begins, within a trace; its headers tell the server so.
    pub(super) fn begin(
        &self,
        path: &'static str,
        trace: Option<&TraceContext>,
        headers: &mut HeaderMap,
    ) -> Option<ObservedCall<'_>> {
        let observer = self.0.as_deref()?;
        let method = path.trim_start_matches('/');
        let span = observer.tracer.start(SpanKind::Client, trace, || method);
        inject(&observer.tracer, &span, headers);
        Some(ObservedCall { observer, method, span, begun: Instant::now(), status: Code::Canceled })
    }
}

impl ObservedCall<'_> {
    /// The call has ended.
    pub(super) fn end(mut self, status: Code) {
        self.status = status;
    }
}

impl Drop for ObservedCall<'_> {
    fn drop(&mut self) {
        let Self { observer, method, span, begun, status } = self;
        tell_call(method, *status, span, &observer.server);
        if let Some(series) = &observer.series {
            let mut key = call_key(method, *status);
            // A server that was not reached is not named, as in the Go collector.
            if *status != Code::Unavailable {
                key.extend(observer.server.iter().cloned());
            }
            series.record(key, make_rpc_client, |histograms| {
                histograms[0].record(begun.elapsed().as_secs_f64());
            });
        }
    }
}

/// Tells headers of a span, where there is one.
pub(super) fn inject(tracer: &Tracer, span: &Span, headers: &mut HeaderMap) {
    let Some(trace) = span.context() else { return };
    tracer.propagation().inject(&trace, |name, value| {
        if let Ok(value) = value.try_into() {
            headers.insert(name, value);
        }
    });
}

fn make_rpc_client(metrics: &Metrics, attributes: &[(&'static str, &str)]) -> Vec<Histogram> {
    let description = "Measures the duration of an outgoing Remote Procedure Call (RPC).";
    vec![metrics.histogram("rpc.client.call.duration", description, "s", &SECONDS, attributes)]
}
