use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustix::process::Signal;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::Instant,
};

use super::{
    Ledger, Port,
    run::{CrashError, Options, failed},
};
use crate::e2e::{Collector, CollectorError, Compression, Endpoints, Place};

/// The collector, one process after the other.
pub(super) struct Subject<'a> {
    options: &'a Options,
    ledger: Arc<Ledger>,
    endpoints: Endpoints,
    configs: Vec<PathBuf>,
    pub(super) storage: PathBuf,
    logs: PathBuf,
    metrics: Port,
    run: usize,
    collector: Option<Collector>,
}

impl<'a> Subject<'a> {
    pub(super) fn new(
        options: &'a Options,
        ledger: Arc<Ledger>,
        directory: &Path,
        endpoints: Endpoints,
    ) -> Result<Self, CrashError> {
        let mut configs = options.scenario.configs();
        configs.push(directory.join("changing.yaml"));
        let storage = directory.join("disk").join("storage");
        let metrics = Port::reserve().map_err(failed("reserve a port"))?;
        let logs = directory.to_owned();
        let (run, collector) = (0, None);
        let subject = Self { options, ledger, endpoints, configs, storage, logs, metrics, run, collector };
        subject.configure()?;
        Ok(subject)
    }

    pub(super) fn spawn(&mut self) -> Result<(), CrashError> {
        self.run += 1;
        let log = self.log();
        let place = Place { configs: &self.configs, storage: &self.storage, cores: &[], log: &log };
        self.ledger.begins();
        let spawned = Collector::spawn(&self.options.candidate, &place, self.endpoints, Compression::None);
        self.collector = Some(spawned.map_err(self.failed())?);
        Ok(())
    }

    /// The time that it took.
    pub(super) async fn wait_until_ready(&mut self) -> Result<Duration, CrashError> {
        let (begun, failed, endpoints) = (Instant::now(), self.failed(), self.endpoints);
        self.running().wait_until_ready(endpoints).await.map_err(failed)?;
        Ok(begun.elapsed())
    }

    /// Changes its configuration, so that its exporter is another, and has it read.
    pub(super) fn reload(&mut self) -> Result<(), CrashError> {
        self.configure()?;
        self.signal(Signal::HUP)
    }

    /// Writes the last of the configurations: an exporter with a timeout that says which run this is.
    fn configure(&self) -> Result<(), CrashError> {
        let changing = self.configs.last().expect("the last one changes");
        let timeout = 2_000 + self.run % 100;
        let port = self.metrics.address().port();
        let metrics = if self.options.damage {
            format!(
                "{{level: basic, readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {port}}}}}}}}}]}}"
            )
        } else {
            "{level: none}".to_owned()
        };
        let yaml = format!(
            "exporters:\n  otlp:\n    timeout: {timeout}ms\nservice:\n  telemetry:\n    metrics: {metrics}\n"
        );
        fs::write(changing, yaml).map_err(failed("write a configuration"))
    }

    /// How many lines of its log tell of damage.
    pub(super) fn told(&self) -> io::Result<usize> {
        let log = fs::read_to_string(self.log())?;
        Ok(log.lines().filter(|line| line.contains("damage")).count())
    }

    /// How much it counts as lost to damage; nothing where nobody counts.
    pub(super) async fn counted(&self) -> u64 {
        let metrics = scrape(self.metrics.address()).await.unwrap_or_default();
        let lost = metrics.lines().filter(|line| line.contains("reason=\"storage_damaged\""));
        lost.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum::<f64>() as u64
    }

    fn log(&self) -> PathBuf {
        self.logs.join(format!("run-{}.log", self.run))
    }

    pub(super) fn signal(&mut self, signal: Signal) -> Result<(), CrashError> {
        let failed = self.failed();
        self.running().signal(signal).map_err(failed)
    }

    /// An error if it ended by itself.
    pub(super) fn assert_runs(&mut self) -> Result<(), CrashError> {
        let failed = self.failed();
        let collector = self.running();
        match collector.ended() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(failed(CollectorError::Ended { status, log: collector.log_tail() })),
            Err(error) => Err(failed(error)),
        }
    }

    pub(super) async fn kill(&mut self) -> Result<(), CrashError> {
        let failed = self.failed();
        self.ledger.ends();
        self.take().kill().await.map_err(failed)
    }

    /// What there is to say if it ended with an error.
    pub(super) async fn stop(&mut self) -> Result<Option<String>, CrashError> {
        let failed = self.failed();
        let stopped = self.take().stop().await;
        self.ledger.ends();
        match stopped {
            Ok(()) => Ok(None),
            Err(error @ CollectorError::Ended { .. }) => failed(error).told().map(Some),
            Err(error) => Err(failed(error)),
        }
    }

    fn failed(&self) -> impl FnOnce(CollectorError) -> CrashError + use<> {
        let run = self.run;
        move |source| CrashError::Collector { run, source }
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.collector.is_none()
    }

    fn running(&mut self) -> &mut Collector {
        self.collector.as_mut().expect("it was spawned")
    }

    fn take(&mut self) -> Collector {
        self.collector.take().expect("it was spawned")
    }
}

/// What Prometheus is shown.
async fn scrape(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
