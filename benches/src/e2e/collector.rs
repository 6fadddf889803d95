use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    str::FromStr,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use super::Compression;

const START_TIMEOUT: Duration = Duration::from_secs(30);
/// More than any candidate takes to drain.
const STOP_TIMEOUT: Duration = Duration::from_secs(40);
const LOG_TAIL_LINES: usize = 15;

/// A collector that takes part: a name and how to start it.
///
/// Written as `name=[VARIABLE=value …] program [argument …]`, split at blanks. `{grpc}`, `{http}` and `{sink}` in the
/// arguments stand for the addresses in [`Endpoints`], `{config}` for the path of the YAML file: an argument with it is
/// repeated for each file. `{cores}` in the variables stands for the number of cores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// What the table calls it.
    pub name: String,
    /// Environment variables.
    pub variables: Vec<(String, String)>,
    /// The program and its arguments.
    pub command: Vec<String>,
}

impl FromStr for Candidate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, command) = text
            .split_once('=')
            .ok_or("a candidate is written as name=[VARIABLE=value …] program [argument …]")?;
        let mut words = command.split_whitespace().peekable();
        let mut variables = Vec::new();
        while let Some((variable, value)) = words.peek().and_then(|word| word.split_once('=')) {
            variables.push((variable.to_owned(), value.to_owned()));
            words.next();
        }
        let command: Vec<String> = words.map(str::to_owned).collect();
        if command.is_empty() {
            return Err(format!("candidate {name} has no program"));
        }
        Ok(Self { name: name.to_owned(), variables, command })
    }
}

/// The addresses a collector's config gets through the environment.
#[derive(Clone, Copy, Debug)]
pub struct Endpoints {
    /// `OTLP_GRPC_ENDPOINT`: where the collector receives OTLP/gRPC.
    pub grpc: SocketAddr,
    /// `OTLP_HTTP_ENDPOINT`: where the collector receives OTLP/HTTP.
    pub http: SocketAddr,
    /// `SINK_ENDPOINT`: where it sends to.
    pub sink: SocketAddr,
}

impl Endpoints {
    /// Two free ports of this host for the collector, and the sink's address.
    pub fn with_sink(sink: SocketAddr) -> io::Result<Self> {
        // Both are held before either is given back, so that they differ.
        let (grpc, http) = (free_port()?, free_port()?);
        Ok(Self { grpc: grpc.local_addr()?, http: http.local_addr()?, sink })
    }
}

fn free_port() -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
}

/// Where a collector runs.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Its YAML files.
    pub configs: &'a [PathBuf],
    /// `STORAGE_DIRECTORY`: where it may keep what outlives it.
    pub storage: &'a Path,
    /// The cores that it is pinned to; none for wherever it likes.
    pub cores: &'a [usize],
    /// Where its output goes.
    pub log: &'a Path,
}

/// Why a collector did not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CollectorError {
    /// Starting it, or looking at it in `/proc`, failed.
    #[error("{doing}")]
    Io {
        /// What was tried.
        doing: String,
        /// The cause.
        source: io::Error,
    },
    /// It ended by itself.
    #[error("the collector ended with {status}; its log ends with:\n{log}")]
    Ended {
        /// Its exit status.
        status: ExitStatus,
        /// The last lines of its output.
        log: String,
    },
    /// It did not listen in time.
    #[error("the collector did not listen at {address} within {START_TIMEOUT:?}; its log ends with:\n{log}")]
    NotListening {
        /// Where it should have listened.
        address: SocketAddr,
        /// The last lines of its output.
        log: String,
    },
    /// It did not end after SIGTERM and was killed.
    #[error("the collector did not end within {STOP_TIMEOUT:?} of SIGTERM")]
    NotEnding,
}

fn failed(doing: impl Into<String>) -> impl FnOnce(io::Error) -> CollectorError {
    |source| CollectorError::Io { doing: doing.into(), source }
}

/// What a collector has used.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// CPU time of its process tree since its start, in user mode and in the kernel, in steps of 10 ms. What the kernel's own
    /// threads do for it, such as writing files to the disk some time later, is not in it.
    pub cpu: Duration,
    /// Resident memory in bytes.
    pub rss: u64,
    /// The most resident memory in bytes so far.
    pub peak_rss: u64,
}

/// A collector's process; dropping it kills the process.
#[derive(Debug)]
pub struct Collector {
    child: Child,
    pid: u32,
    log: PathBuf,
}

impl Collector {
    /// Starts a candidate on its cores, with its output in a file, and waits until it accepts connections at both of its endpoints.
    pub async fn start(
        candidate: &Candidate,
        place: &Place<'_>,
        endpoints: Endpoints,
        compression: Compression,
    ) -> Result<Self, CollectorError> {
        let mut collector = Self::spawn(candidate, place, endpoints, compression)?;
        collector.wait_until_ready(endpoints).await?;
        Ok(collector)
    }

    /// As [`start`](Self::start), without waiting.
    pub fn spawn(
        candidate: &Candidate,
        place: &Place<'_>,
        endpoints: Endpoints,
        compression: Compression,
    ) -> Result<Self, CollectorError> {
        let Place { configs, storage, cores, log } = *place;
        let log_file = File::create(log).map_err(failed(format!("could not create {}", log.display())))?;
        let log_copy = log_file.try_clone().map_err(failed("could not duplicate a file handle"))?;
        let mut words = candidate.command.iter().flat_map(|word| expand(word, configs, endpoints));
        let mut command = if cores.is_empty() {
            Command::new(words.next().expect("a candidate has a program"))
        } else {
            let mut command = Command::new("taskset");
            command.arg("-c").arg(cores.iter().map(ToString::to_string).collect::<Vec<_>>().join(","));
            command
        };
        let child = command
            .args(words)
            .env("OTLP_GRPC_ENDPOINT", endpoints.grpc.to_string())
            .env("OTLP_HTTP_ENDPOINT", endpoints.http.to_string())
            .env("SINK_ENDPOINT", endpoints.sink.to_string())
            .env("OTLP_COMPRESSION", compression.encoding().unwrap_or("none"))
            .env("STORAGE_DIRECTORY", storage)
            .envs(
                candidate
                    .variables
                    .iter()
                    .map(|(name, value)| (name, value.replace("{cores}", &cores.len().to_string()))),
            )
            .stdin(Stdio::null())
            .stdout(log_file)
            .stderr(log_copy)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed(format!("could not start {}", candidate.name)))?;
        let pid = child.id().expect("the process was not waited for");
        Ok(Self { child, pid, log: log.to_owned() })
    }

    /// Waits until it accepts connections at both of its endpoints.
    pub async fn wait_until_ready(&mut self, endpoints: Endpoints) -> Result<(), CollectorError> {
        for address in [endpoints.grpc, endpoints.http] {
            self.wait_for(address).await?;
        }
        Ok(())
    }

    async fn wait_for(&mut self, address: SocketAddr) -> Result<(), CollectorError> {
        let deadline = Instant::now() + START_TIMEOUT;
        while TcpStream::connect(address).await.is_err() {
            if let Some(status) = self.ended()? {
                return Err(CollectorError::Ended { status, log: self.log_tail() });
            }
            if Instant::now() > deadline {
                return Err(CollectorError::NotListening { address, log: self.log_tail() });
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// What its process tree has used so far.
    pub fn usage(&self) -> Result<Usage, CollectorError> {
        let mut usage = Usage::default();
        let mut processes = vec![self.pid];
        while let Some(pid) = processes.pop() {
            let directory = PathBuf::from(format!("/proc/{pid}"));
            let read = |name: &str| {
                let path = directory.join(name);
                fs::read_to_string(&path).map_err(failed(format!("could not read {}", path.display())))
            };
            usage.cpu += parse_cpu(&read("stat")?);
            let status = read("status")?;
            usage.rss += parse_memory(&status, "VmRSS:");
            usage.peak_rss += parse_memory(&status, "VmHWM:");
            processes.extend(children(&directory)?);
        }
        Ok(usage)
    }

    /// The last lines of its output.
    pub fn log_tail(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
    }

    /// Sends SIGTERM, and waits until it has drained and ended. That it ended with an error is one.
    pub async fn stop(mut self) -> Result<(), CollectorError> {
        self.signal(Signal::TERM)?;
        let status = timeout(STOP_TIMEOUT, self.child.wait())
            .await
            .map_err(|_| CollectorError::NotEnding)?
            .map_err(failed("could not wait for the collector"))?;
        if status.success() { Ok(()) } else { Err(CollectorError::Ended { status, log: self.log_tail() }) }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) -> Result<(), CollectorError> {
        let pid = Pid::from_raw(self.pid.cast_signed()).expect("a process id is positive");
        kill_process(pid, signal).map_err(|error| failed(format!("could not send {signal:?}"))(error.into()))
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>, CollectorError> {
        self.child.try_wait().map_err(failed("could not wait for the collector"))
    }

    /// Sends SIGKILL, and waits until the process is gone.
    pub async fn kill(mut self) -> Result<(), CollectorError> {
        if self.ended()?.is_some() {
            return Ok(());
        }
        self.child.kill().await.map_err(failed("could not kill the collector"))
    }
}

/// What an argument stands for: one argument, or one for each file.
fn expand(word: &str, configs: &[PathBuf], endpoints: Endpoints) -> Vec<OsString> {
    if word == "{config}" {
        return configs.iter().map(Into::into).collect();
    }
    let word = word
        .replace("{grpc}", &endpoints.grpc.to_string())
        .replace("{http}", &endpoints.http.to_string())
        .replace("{sink}", &endpoints.sink.to_string());
    if !word.contains("{config}") {
        return vec![word.into()];
    }
    configs.iter().map(|config| word.replace("{config}", &config.to_string_lossy()).into()).collect()
}

/// The processes that the threads of a process started and that still run.
fn children(process: &Path) -> Result<Vec<u32>, CollectorError> {
    let tasks = process.join("task");
    let mut children = Vec::new();
    for task in fs::read_dir(&tasks).map_err(failed(format!("could not read {}", tasks.display())))?.flatten()
    {
        // A thread may have ended since the directory was read.
        let list = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        children.extend(list.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
    }
    Ok(children)
}

/// `utime`, `stime`, and the same of ended children, from `/proc/<pid>/stat` (proc(5)).
fn parse_cpu(stat: &str) -> Duration {
    // The second field is the program's name in parentheses, which may hold blanks and parentheses itself.
    let (_, fields) = stat.rsplit_once(") ").unwrap_or_default();
    let ticks: u64 =
        fields.split_whitespace().skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// A line of `/proc/<pid>/status` in kB, as bytes.
fn parse_memory(status: &str, key: &str) -> u64 {
    status
        .lines()
        .find_map(|line| line.strip_prefix(key))
        .and_then(|value| value.split_whitespace().next()?.parse::<u64>().ok())
        .map_or(0, |kilobytes| kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_is_a_name_variables_and_a_command() {
        let candidate: Candidate = "go=GOMAXPROCS=1 bin/otelcol --config {config} --set=a=b".parse().unwrap();
        assert_eq!(candidate.name, "go");
        assert_eq!(candidate.variables, [("GOMAXPROCS".to_owned(), "1".to_owned())]);
        assert_eq!(candidate.command, ["bin/otelcol", "--config", "{config}", "--set=a=b"]);
    }

    #[test]
    fn a_candidate_without_a_program_is_refused() {
        assert!("go=".parse::<Candidate>().is_err());
        assert!("go=A=b".parse::<Candidate>().is_err());
        assert!("go".parse::<Candidate>().is_err());
    }

    #[test]
    fn an_argument_with_the_file_is_repeated_for_each() {
        let address = SocketAddr::from(([127, 0, 0, 1], 4317));
        let endpoints = Endpoints { grpc: address, http: address, sink: address };
        let configs = ["one.yaml", "two.yaml"].map(PathBuf::from);
        assert_eq!(
            expand("--config={config}", &configs, endpoints),
            ["--config=one.yaml", "--config=two.yaml"]
        );
        assert_eq!(expand("--to={sink}", &configs, endpoints), ["--to=127.0.0.1:4317"]);
    }

    #[test]
    fn cpu_time_is_that_of_the_process_and_its_ended_children() {
        let stat =
            "4711 (a (strange) name) S 1 4711 4711 0 -1 4194560 100 0 0 0 150 50 25 25 20 0 1 0 100 0 0";
        let ticks = rustix::param::clock_ticks_per_second();
        assert_eq!(parse_cpu(stat), Duration::from_secs_f64(250.0 / ticks as f64));
    }

    #[test]
    fn memory_is_read_in_bytes() {
        assert_eq!(parse_memory("Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n", "VmHWM:"), 2 << 20);
    }
}
