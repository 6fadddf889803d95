use std::{fs, future::pending, io, path::PathBuf, sync::Arc, time::Duration};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use rustix::process::Signal;
use tokio::time::{Instant, sleep};

use super::{Backend, Damage, Ledger, Port, Report, Scenario, Senders, SmallDisk, subject::Subject};
use crate::e2e::{Candidate, CollectorError, Endpoints};

/// How long nothing may arrive at the end, before what is missing counts as lost. Longer than any retry waits.
const DRAIN_PATIENCE: Duration = Duration::from_secs(15);
/// At the end, for what arrives more than once.
const SETTLE: Duration = Duration::from_secs(1);
/// Until the backend's answer has been understood.
const HEARD: Duration = Duration::from_secs(1);
/// So that the senders are heard again after the last kill.
const LAST_LOAD: Duration = Duration::from_secs(1);

/// What is done to a collector.
#[derive(Clone, Debug)]
pub struct Options {
    /// The collector.
    pub candidate: Candidate,
    /// Its configuration.
    pub scenario: Scenario,
    /// How often it is killed.
    pub kills: usize,
    /// Items a second, about.
    pub items_per_second: f64,
    /// What decides.
    pub seed: u64,
    /// Whether it is also asked to end and to read its configuration again.
    pub signals: bool,
    /// Whether what it stores is damaged after each kill.
    pub damage: bool,
    /// The size of the disk in MiB, if it is to be full now and then.
    pub disk: Option<u32>,
    /// Where the logs and the storage are.
    pub directory: PathBuf,
}

/// Why a run came to no end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CrashError {
    /// The harness failed.
    #[error("could not {doing}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The cause.
        source: io::Error,
    },
    /// The collector did not run.
    #[error("run {run}")]
    Collector {
        /// How often it had been started.
        run: usize,
        /// The cause.
        source: CollectorError,
    },
}

impl CrashError {
    /// What is to be told of a collector that failed; the error itself if it was not the collector.
    pub(super) fn told(self) -> Result<String, Self> {
        match self {
            Self::Collector { run, source } => Ok(format!("run {run}: {source}")),
            other => Err(other),
        }
    }
}

pub(super) fn failed(doing: &'static str) -> impl FnOnce(io::Error) -> CrashError {
    move |source| CrashError::Io { doing, source }
}

/// Runs a collector, kills it as often as asked, lets all calm down, and says what came of it.
pub async fn run(options: &Options) -> Result<Report, CrashError> {
    let directory = &options.directory;
    if directory.exists() {
        fs::remove_dir_all(directory).map_err(failed("remove what an earlier run left"))?;
    }
    fs::create_dir_all(directory).map_err(failed("create the directory"))?;
    let directory = fs::canonicalize(directory).map_err(failed("find the directory"))?;
    let disk_path = directory.join("disk");
    let disk = options.disk.map(|size| SmallDisk::mount(&disk_path, size)).transpose();
    let disk = disk.map_err(failed("mount a small disk"))?;

    let ledger = Arc::new(Ledger::new());
    let seed = options.seed;
    let backend = Backend::start(Arc::clone(&ledger), seed).map_err(failed("start the backend"))?;
    let ports = [Port::reserve(), Port::reserve()].map(|port| port.map_err(failed("reserve a port")));
    let [grpc, http] = ports;
    let (grpc, http) = (grpc?, http?);
    let endpoints = Endpoints { grpc: grpc.address(), http: http.address(), sink: backend.address() };
    let mut subject = Subject::new(options, Arc::clone(&ledger), &directory, endpoints)?;

    let mut report = Report::new(options);
    let senders = Senders::start(Arc::clone(&ledger), endpoints, options.items_per_second, seed);
    tokio::select! {
        never = backend.moody(chance(seed, 1)) => match never {},
        error = fill_now_and_then(disk.as_ref(), chance(seed, 2)) => {
            return Err(failed("fill the disk")(error));
        }
        result = kill_often(options, &mut subject, &ledger, &mut report) => result?,
    }

    backend.recover();
    if let Some(disk) = &disk {
        disk.free().map_err(failed("free the disk"))?;
        report.recovery = Some(recovery(&senders).await);
    }
    report.outcomes = senders.stop().await;
    drain(&backend, &ledger).await;
    report.counted += subject.counted().await;
    stop(&mut subject, &ledger, &mut report).await?;
    report.told += subject.told().map_err(failed("read a log"))?;
    report.balance = ledger.balance();
    report.behaviours = backend.behaviours();
    Ok(report)
}

/// One of several independent sources of chance.
fn chance(seed: u64, stream: u64) -> StdRng {
    StdRng::seed_from_u64(seed.wrapping_mul(31).wrapping_add(stream))
}

async fn kill_often(
    options: &Options,
    subject: &mut Subject<'_>,
    ledger: &Ledger,
    report: &mut Report,
) -> Result<(), CrashError> {
    let mut chance = chance(options.seed, 3);
    while report.kills.len() < options.kills {
        subject.spawn()?;
        if let Err(failure) = torment(options, subject, ledger, &mut chance, report).await {
            // Ending by itself is a failure, and not the last chance to fail.
            report.failures.push(failure.told()?);
        }
        if subject.is_stopped() {
            continue;
        }
        report.counted += subject.counted().await;
        subject.kill().await?;
        report.kills.push(ledger.now());
        if options.damage {
            report.told += subject.told().map_err(failed("read a log"))?;
            let damage = Damage::inflict(&subject.storage, &mut chance);
            report.damages.extend(damage.map_err(failed("damage what is stored"))?);
        }
    }
    subject.spawn()?;
    report.add_start(subject.wait_until_ready().await?);
    sleep(LAST_LOAD).await;
    Ok(())
}

/// What happens to a collector until it is killed or has been stopped.
async fn torment(
    options: &Options,
    subject: &mut Subject<'_>,
    ledger: &Ledger,
    chance: &mut StdRng,
    report: &mut Report,
) -> Result<(), CrashError> {
    if chance.random_bool(0.1) {
        // It may not have come to listen yet.
        millis(chance, 0..300).await;
        return subject.assert_runs();
    }
    report.add_start(subject.wait_until_ready().await?);
    millis(chance, 100..3_000).await;
    if options.signals && chance.random_bool(0.3) {
        subject.reload()?;
        report.reloads += 1;
        millis(chance, 0..1_000).await;
    }
    subject.assert_runs()?;
    if options.signals && chance.random_bool(0.3) {
        if chance.random_bool(0.5) {
            stop(subject, ledger, report).await?;
            report.ends += 1;
        } else {
            subject.signal(Signal::TERM)?;
            millis(chance, 0..500).await;
        }
    }
    Ok(())
}

/// Asks it to end. An error is to be told, unless what it could not deliver is what the backend did not want.
async fn stop(subject: &mut Subject<'_>, ledger: &Ledger, report: &mut Report) -> Result<(), CrashError> {
    let begun = ledger.now();
    let failed = subject.stop().await?;
    let excused = ledger.last_excused().is_some_and(|excused| excused + HEARD >= begun);
    if !excused {
        report.failed_ends.extend(failed);
    }
    Ok(())
}

async fn millis(chance: &mut StdRng, range: std::ops::Range<u64>) {
    sleep(Duration::from_millis(chance.random_range(range))).await;
}

/// Leaves no room on a disk now and then, until that fails.
async fn fill_now_and_then(disk: Option<&SmallDisk>, mut chance: StdRng) -> io::Error {
    let Some(disk) = disk else { return pending().await };
    loop {
        millis(&mut chance, 500..3_000).await;
        let time = Duration::from_millis(chance.random_range(200..3_000));
        if let Err(error) = disk.fill(time).await {
            return error;
        }
    }
}

/// How long it takes until a request is answered with success.
async fn recovery(senders: &Senders) -> Duration {
    let begun = Instant::now();
    while senders.last_accepted() < begun && begun.elapsed() < DRAIN_PATIENCE {
        sleep(Duration::from_millis(20)).await;
    }
    begun.elapsed()
}

/// Waits until nothing is missing, or nothing arrives any more.
async fn drain(backend: &Backend, ledger: &Ledger) {
    let mut last = (backend.arrivals(), Instant::now());
    loop {
        let patience = if ledger.balance().lost == 0 { SETTLE } else { DRAIN_PATIENCE };
        if last.1.elapsed() > patience {
            return;
        }
        sleep(Duration::from_millis(250)).await;
        let arrivals = backend.arrivals();
        if arrivals != last.0 {
            last = (arrivals, Instant::now());
        }
    }
}
