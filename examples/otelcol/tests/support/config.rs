use std::net::SocketAddr;

/// The configuration of a collector that takes OTLP and hands all signals to one exporter.
#[derive(Debug, Clone)]
pub(crate) struct Forwarding {
    grpc: String,
    http: String,
    server: String,
    receiver: &'static str,
    metrics: &'static str,
    processors: &'static str,
    exporter: &'static str,
    keys: String,
    logs: bool,
}

impl Forwarding {
    /// With an exporter of this type and these keys, as they stand between braces.
    pub(crate) fn to(exporter: &'static str, keys: impl Into<String>) -> Self {
        let free = || "127.0.0.1:0".to_owned();
        Self {
            grpc: free(),
            http: free(),
            server: String::new(),
            receiver: "",
            metrics: "level: none",
            processors: "",
            exporter,
            keys: keys.into(),
            logs: true,
        }
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

    /// With more keys of both of the receiver's servers, as they stand between braces.
    pub(crate) fn serving(mut self, keys: impl Into<String>) -> Self {
        self.server = keys.into();
        self
    }

    /// With more keys of the receiver, as they stand between braces.
    pub(crate) fn receiving(mut self, keys: &'static str) -> Self {
        self.receiver = keys;
        self
    }

    /// With metrics of its own.
    pub(crate) fn measured(mut self) -> Self {
        self.metrics = "readers: [{ pull: { exporter: { prometheus: { host: 127.0.0.1, port: 0 } } } }]";
        self
    }

    /// With a `batch` processor.
    pub(crate) fn batched(mut self) -> Self {
        self.processors = "batch";
        self
    }

    /// Without a pipeline for logs.
    pub(crate) fn without_logs(mut self) -> Self {
        self.logs = false;
        self
    }

    pub(crate) fn yaml(&self) -> String {
        let Self { grpc, http, server, receiver, metrics, processors, exporter, keys, logs } = self;
        let pipeline =
            format!("{{ receivers: [otlp], processors: [{processors}], exporters: [{exporter}] }}");
        let logs = if *logs { format!("    logs: {pipeline}\n") } else { String::new() };
        format!(
            "
receivers:
  otlp:
    protocols: {{ grpc: {{ endpoint: '{grpc}', {server} }}, http: {{ endpoint: '{http}', {server} }} }}
    {receiver}
processors:
  batch:
exporters:
  {exporter}: {{ {keys} }}
service:
  telemetry: {{ metrics: {{ {metrics} }} }}
  pipelines:
    traces: {pipeline}
    metrics: {pipeline}
{logs}"
        )
    }
}
