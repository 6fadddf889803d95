use std::net::SocketAddr;

/// The configuration of a collector that takes OTLP and hands all signals to one exporter.
#[derive(Debug, Clone)]
pub(crate) struct Forwarding {
    grpc: String,
    http: String,
    processors: &'static str,
    exporter: &'static str,
    keys: String,
}

impl Forwarding {
    /// With an exporter of this type and these keys, as they stand between braces.
    pub(crate) fn to(exporter: &'static str, keys: impl Into<String>) -> Self {
        let free = || "127.0.0.1:0".to_owned();
        Self { grpc: free(), http: free(), processors: "", exporter, keys: keys.into() }
    }

    /// With an exporter for OTLP over gRPC, without encryption, that has these other keys.
    pub(crate) fn to_grpc(endpoint: SocketAddr, keys: &str) -> Self {
        Self::to("otlp_grpc", format!("endpoint: '{endpoint}', tls: {{ insecure: true }}, {keys}"))
    }

    /// At these addresses instead of free ones.
    pub(crate) fn at(mut self, grpc: SocketAddr, http: SocketAddr) -> Self {
        (self.grpc, self.http) = (grpc.to_string(), http.to_string());
        self
    }

    /// With a `batch` processor.
    pub(crate) fn batched(mut self) -> Self {
        self.processors = "batch";
        self
    }

    pub(crate) fn yaml(&self) -> String {
        let Self { grpc, http, processors, exporter, keys } = self;
        let pipeline =
            format!("{{ receivers: [otlp], processors: [{processors}], exporters: [{exporter}] }}");
        format!(
            "
receivers:
  otlp:
    protocols:
      grpc: {{ endpoint: '{grpc}' }}
      http: {{ endpoint: '{http}' }}
processors:
  batch:
exporters:
  {exporter}: {{ {keys} }}
service:
  telemetry: {{ metrics: {{ level: none }} }}
  pipelines:
    traces: {pipeline}
    metrics: {pipeline}
    logs: {pipeline}
"
        )
    }
}
