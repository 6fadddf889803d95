use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use otel_core::component::{ComponentKind, Outputs, Receiver as _};
use otel_core::config;
use otel_core::pdata::view::{ResourceSpans, ScopeSpans};
use otel_core::pdata::{Logs, Metrics, Traces};
use otel_core::testing::{Sink, TestHost};
use otel_receivers::otlp::OtlpReceiver;
use tokio::time::{Instant, timeout};

/// A backend in this process, that takes OTLP over gRPC and HTTP and keeps it.
pub(crate) struct Backend {
    receiver: OtlpReceiver,
    pub(crate) traces: Sink<Traces>,
    pub(crate) metrics: Sink<Metrics>,
    pub(crate) logs: Sink<Logs>,
    _host: TestHost,
}

impl Backend {
    pub(crate) async fn start() -> Self {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into()).await
    }

    /// Starts with gRPC at an address.
    pub(crate) async fn start_at(grpc: SocketAddr) -> Self {
        Self::start_with(grpc, "null").await
    }

    /// Starts with TLS, as the block `tls` of servers says.
    pub(crate) async fn start_tls(tls: &str) -> Self {
        Self::start_with((Ipv4Addr::LOCALHOST, 0).into(), tls).await
    }

    async fn start_with(grpc: SocketAddr, tls: &str) -> Self {
        let yaml = format!(
            "{{protocols: {{grpc: {{endpoint: '{grpc}', max_recv_msg_size_mib: 64, tls: {tls}}}, \
             http: {{endpoint: '127.0.0.1:0', tls: {tls}}}}}}}"
        );
        let host = TestHost::new(ComponentKind::Receiver, "otlp");
        let receiver = OtlpReceiver::new(config::from_yaml("backend.yaml", &yaml).unwrap(), &host.host());
        let (traces, metrics, logs) = (Sink::new(), Sink::new(), Sink::new());
        let mut outputs = Outputs::new();
        outputs.traces = Some(traces.next());
        outputs.metrics = Some(metrics.next());
        outputs.logs = Some(logs.next());
        receiver.start(outputs).await.unwrap();
        Self { receiver, traces, metrics, logs, _host: host }
    }

    pub(crate) fn grpc(&self) -> SocketAddr {
        self.receiver.grpc_address().expect("gRPC is configured")
    }

    pub(crate) fn http(&self) -> SocketAddr {
        self.receiver.http_address().expect("HTTP is configured")
    }

    /// The names of the spans that arrived, in order.
    pub(crate) fn span_names(&self) -> Vec<String> {
        let received = self.traces.received();
        let scopes = received.iter().flat_map(Traces::resource_spans).flat_map(ResourceSpans::scope_spans);
        scopes.flat_map(ScopeSpans::spans).map(|span| span.name().to_owned()).collect()
    }

    /// Waits for that many requests with traces.
    pub(crate) async fn wait_for_traces(&self, requests: usize) {
        timeout(Duration::from_secs(30), self.traces.wait_for(requests)).await.expect("the traces arrive");
    }

    pub(crate) async fn stop(self) {
        self.receiver.shutdown(Instant::now() + Duration::from_secs(1)).await;
    }
}
