use std::ffi::OsStr;
use std::net::SocketAddr;
use std::process::{ExitStatus, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::client::{Answer, get};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// A collector that runs as a process of its own, and is killed with this.
pub(crate) struct Collector {
    process: Child,
    log: watch::Receiver<String>,
}

/// The command of the binary under test.
pub(crate) fn otelcol() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_otelcol"));
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Runs the binary to its end.
pub(crate) async fn output(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Output {
    timeout(PATIENCE, otelcol().args(arguments).output()).await.expect("the process ends").unwrap()
}

impl Collector {
    /// Starts a collector with a configuration and waits until it is ready.
    pub(crate) async fn start(yaml: &str) -> Self {
        let mut command = otelcol();
        command.args(["--config", &format!("yaml:{yaml}")]);
        Self::spawn(command).await
    }

    /// Starts a collector by a command and waits until it is ready.
    pub(crate) async fn spawn(command: Command) -> Self {
        Self::try_spawn(command).await.unwrap_or_else(|log| panic!("the collector does not start:\n{log}"))
    }

    /// As [`spawn`](Self::spawn); its log if it ends instead.
    pub(crate) async fn try_spawn(mut command: Command) -> Result<Self, String> {
        let mut process = command.stderr(Stdio::piped()).spawn().expect("the binary can be run");
        let log = follow(process.stderr.take().expect("it is piped"));
        let mut collector = Self { process, log };
        if collector.logs("Everything is ready").await { Ok(collector) } else { Err(collector.log()) }
    }

    pub(crate) fn log(&self) -> String {
        self.log.borrow().clone()
    }

    /// Waits until the log has a text.
    pub(crate) async fn wait_for_log(&mut self, text: &str) {
        assert!(self.logs(text).await, "the log does not say {text:?}:\n{}", self.log());
    }

    /// Waits until the log has a text that often.
    pub(crate) async fn wait_for_logs(&mut self, text: &str, times: usize) {
        let found = timeout(PATIENCE, self.log.wait_for(|log| log.matches(text).count() >= times)).await;
        let found = found.is_ok_and(|found| found.is_ok());
        assert!(found, "the log does not say {text:?} {times} times:\n{}", self.log());
    }

    /// Whether the log comes to have a text before it ends.
    async fn logs(&mut self, text: &str) -> bool {
        let found = timeout(PATIENCE, self.log.wait_for(|log| log.contains(text))).await;
        found.is_ok_and(|found| found.is_ok())
    }

    /// Where gRPC is served.
    pub(crate) fn grpc(&self) -> SocketAddr {
        self.endpoint("Starting GRPC server")
    }

    /// Where HTTP is served.
    pub(crate) fn http(&self) -> SocketAddr {
        self.endpoint("Starting HTTP server")
    }

    /// What is logged with the message as `endpoint`.
    pub(crate) fn endpoint(&self, message: &str) -> SocketAddr {
        let log = self.log();
        let line = log
            .lines()
            .find(|line| line.contains(message))
            .unwrap_or_else(|| panic!("the log does not say {message:?}:\n{log}"));
        let fields = &line[line.find('{').expect("it has fields")..];
        let fields: serde_json::Value = serde_json::from_str(fields).expect("the fields are JSON");
        fields["endpoint"].as_str().expect("it has an endpoint").parse().expect("it is an address")
    }

    /// What Prometheus is shown.
    pub(crate) async fn scrape(&self) -> String {
        let Answer { body, .. } = get(self.endpoint("Serving metrics"), "/metrics").await;
        String::from_utf8(body.to_vec()).unwrap()
    }

    /// Waits until the sum of a metric's series that have a label is at least that value.
    pub(crate) async fn wait_for_metric(&self, name: &str, label: &str, value: f64) {
        let reached = async {
            while self.metric(name, label).await < value {
                sleep(Duration::from_millis(20)).await;
            }
        };
        let reached = timeout(PATIENCE, reached).await.is_ok();
        assert!(reached, "{name} with {label} does not reach {value}:\n{}", self.scrape().await);
    }

    /// The sum of a metric's series that have a label with a value.
    pub(crate) async fn metric(&self, name: &str, label: &str) -> f64 {
        let text = self.scrape().await;
        let series = text.lines().filter_map(|line| line.strip_prefix(name)?.rsplit_once(' '));
        let series = series.filter(|(labels, _)| labels.starts_with(['{', ' ']) && labels.contains(label));
        series.map(|(_, value)| value.parse::<f64>().unwrap()).sum()
    }

    /// The memory that the process holds, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most memory that the process ever held, in bytes.
    pub(crate) fn most_memory(&self) -> u64 {
        self.status("VmHWM:")
    }

    fn status(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(self.proc("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("Linux says it");
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        kibibytes << 10
    }

    /// The number of files and sockets that the process holds.
    pub(crate) fn files(&self) -> usize {
        std::fs::read_dir(self.proc("fd")).unwrap().count()
    }

    fn proc(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.pid().as_raw_nonzero())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("the process runs");
    }

    /// Waits for the process to end by itself.
    pub(crate) async fn ended(mut self) -> (ExitStatus, String) {
        let status = timeout(PATIENCE, self.process.wait()).await;
        let status = status.unwrap_or_else(|_| panic!("the process does not end:\n{}", self.log())).unwrap();
        // The log is complete when nobody can write it any more.
        while self.log.changed().await.is_ok() {}
        (status, self.log())
    }

    /// Asks the process to end, and waits for that.
    pub(crate) async fn stop(self) -> (ExitStatus, String) {
        self.signal(Signal::TERM);
        self.ended().await
    }

    fn pid(&self) -> Pid {
        let id = self.process.id().expect("nobody waited for it yet");
        Pid::from_raw(id.cast_signed()).expect("it is not zero")
    }
}

/// What is read, as it comes.
fn follow(output: impl AsyncRead + Send + Unpin + 'static) -> watch::Receiver<String> {
    let (sender, receiver) = watch::channel(String::new());
    tokio::spawn(async move {
        let mut lines = BufReader::new(output).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            sender.send_modify(|log| {
                log.push_str(&line);
                log.push('\n');
            });
        }
    });
    receiver
}
