use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use otel_core::pdata::{Logs, Metrics, Signal, Traces};
use tokio::process::Command;
use tokio::time::timeout;

use super::backend::Backend;
use super::collector::Collector;
use super::config::Forwarding;
use super::{assert_same, peers};

/// An SDK, with the program in `clients/` that sends with it.
pub(crate) struct Sdk {
    /// What is printed as the name.
    pub(crate) name: &'static str,
    /// What installs it.
    pub(crate) script: &'static str,
    /// What must be there when it is installed, below `target/peers`.
    pub(crate) installed: &'static str,
    /// Runs the program, given where the SDK is.
    pub(crate) command: fn(PathBuf) -> Command,
}

impl Sdk {
    /// Sends traces, metrics and logs to the collector, and expects exactly them at the backend behind it.
    pub(crate) async fn everything_arrives(&self, protocol: &str, compression: Option<&str>) {
        let backend = Backend::start().await;
        let collector = Collector::start(&Forwarding::to_grpc(backend.grpc(), "").batched().yaml()).await;
        let endpoint = if protocol == "grpc" { collector.grpc() } else { collector.http() };
        let mut variables = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{endpoint}"))];
        variables.extend(compression.map(|name| ("OTEL_EXPORTER_OTLP_COMPRESSION", name.to_owned())));

        let sent = self.send(protocol, variables).await;
        let (status, log) = collector.stop().await;
        assert!(status.success(), "{log}");
        let traces: Vec<Traces> = decode(&sent, "traces");
        assert!(traces.iter().map(Signal::items).sum::<usize>() >= 41);
        assert_same(traces, backend.traces.received());
        let metrics: Vec<Metrics> = decode(&sent, "metrics");
        assert!(metrics.iter().map(Signal::items).sum::<usize>() >= 7);
        assert_same(metrics, backend.metrics.received());
        let logs: Vec<Logs> = decode(&sent, "logs");
        assert!(logs.iter().map(Signal::items).sum::<usize>() >= 21);
        assert_same(logs, backend.logs.received());
    }

    /// Runs the program; what it says it has sent.
    async fn send(
        &self,
        protocol: &str,
        variables: impl IntoIterator<Item = (impl AsRef<OsStr>, impl AsRef<OsStr>)>,
    ) -> serde_json::Value {
        let installed = peers().join(self.installed);
        let Self { name, script, .. } = self;
        assert!(installed.exists(), "the {name} SDK is not in {}: run {script}", installed.display());
        let mut command = (self.command)(installed);
        command
            .arg(protocol)
            .envs(variables)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .kill_on_drop(true);
        let output = timeout(Duration::from_secs(60), command.output()).await.expect("the SDK ends").unwrap();
        assert!(output.status.success(), "the {name} SDK considers its exports as failed");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// Requests as they are printed.
fn decode<S: Signal>(sent: &serde_json::Value, signal: &str) -> Vec<S> {
    let requests = sent[signal].as_array().unwrap();
    let bytes = requests.iter().map(|request| BASE64_STANDARD.decode(request.as_str().unwrap()).unwrap());
    bytes.map(|bytes| S::from_bytes(bytes.into()).unwrap()).collect()
}
