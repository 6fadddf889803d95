//! Compares collectors end to end: what does an item cost on one core?
//!
//! Each case runs in rounds. In a round every candidate is started on a core of its own, loaded, drained and stopped;
//! the order turns round from round to round. The command fails if a candidate refuses or loses anything.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::Parser;
use otel_benches::{
    e2e::{Candidate, Case, Compression, Measurement, Pace, Place, Protocol, Report, Requests, Signal},
    exit_code,
};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

#[derive(Debug, Parser)]
struct Options {
    /// A collector, as `name=[VARIABLE=value …] program [argument …]` with `{config}` for the YAML file; the first
    /// is what the others are compared with [default: the Go collector and otelcol, from target/].
    #[arg(long = "candidate", value_name = "CANDIDATE")]
    candidates: Vec<Candidate>,

    /// The YAML file; addresses come as OTLP_GRPC_ENDPOINT, OTLP_HTTP_ENDPOINT and SINK_ENDPOINT, an empty directory as
    /// STORAGE_DIRECTORY.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/e2e/otlp.yaml"))]
    config: PathBuf,

    /// Signals to send, each a case.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "traces")]
    signals: Vec<Signal>,

    /// Items a request, each number a case.
    #[arg(long, value_delimiter = ',', default_value = "1000")]
    items: Vec<usize>,

    /// How requests travel, each a case.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "grpc")]
    protocols: Vec<Protocol>,

    /// How requests are compressed.
    #[arg(long, value_enum, default_value = "none")]
    compression: Compression,

    /// How the collector compresses what it sends: OTLP_COMPRESSION in the YAML, which a candidate's own variable
    /// comes before.
    #[arg(long, value_enum, default_value = "none")]
    compression_out: Compression,

    /// Send on a schedule of so many items a second (an open loop) instead of as fast as answers come.
    #[arg(long, value_name = "ITEMS_PER_SECOND")]
    rate: Option<f64>,

    /// Rounds of a case.
    #[arg(long, default_value_t = 5)]
    rounds: usize,

    /// Seconds of load that are measured.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,

    /// Seconds of load before.
    #[arg(long, default_value_t = 3.0)]
    warm_up: f64,

    /// Distinct requests.
    #[arg(long, default_value_t = 64)]
    requests: usize,

    /// The most requests in flight [default: 16, or 512 with --rate].
    #[arg(long)]
    in_flight: Option<usize>,

    /// gRPC connections.
    #[arg(long, default_value_t = 4)]
    connections: usize,

    /// How many cores the collector has, the last ones of those allowed. The load and the sink run on the others.
    #[arg(long, default_value_t = 1)]
    cores: usize,

    /// Where the collectors' output goes, and what they store while they run.
    #[arg(long, default_value = "target/e2e")]
    logs: PathBuf,
}

fn main() -> ExitCode {
    exit_code(run(&Options::parse()).map(|()| true))
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let candidates =
        if options.candidates.is_empty() { default_candidates() } else { options.candidates.clone() };
    fs::create_dir_all(&options.logs)?;
    let cores = leave_cores(options.cores)?;
    // The threads start after this one gave up the cores, and so do without them too.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        for &protocol in &options.protocols {
            for &signal in &options.signals {
                for &items in &options.items {
                    let requests = Requests::random(signal, items, options.requests, 1);
                    let case = case(options, protocol);
                    print!("{}", compare(options, &case, &requests, &candidates, &cores).await?);
                }
            }
        }
        Ok(())
    })
}

fn default_candidates() -> Vec<Candidate> {
    [
        "go=GOMAXPROCS={cores} target/peers/otelcol-go --config {config}",
        "otelcol=target/release/otelcol --config {config}",
    ]
    .map(|candidate| candidate.parse().expect("both are well formed"))
    .to_vec()
}

fn case(options: &Options, protocol: Protocol) -> Case {
    let (pace, in_flight) = match options.rate {
        None => (Pace::Closed, 16),
        Some(items_per_second) => (Pace::Open { items_per_second }, 512),
    };
    Case {
        protocol,
        compression: options.compression,
        compression_out: options.compression_out,
        pace,
        connections: options.connections,
        in_flight: options.in_flight.unwrap_or(in_flight),
        warm_up: Duration::from_secs_f64(options.warm_up),
        window: Duration::from_secs_f64(options.seconds),
    }
}

async fn compare(
    options: &Options,
    case: &Case,
    requests: &Requests,
    candidates: &[Candidate],
    cores: &[usize],
) -> Result<Report, Box<dyn Error>> {
    let mut report = Report::new(
        title(case, requests, options),
        candidates.iter().map(|candidate| candidate.name.clone()).collect(),
    );
    for round in 0..options.rounds {
        let mut order: Vec<usize> = (0..candidates.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        let mut measurements = vec![Measurement::default(); candidates.len()];
        for index in order {
            let candidate = &candidates[index];
            let log = log_path(&options.logs, candidate, requests, round);
            let storage = tempfile::tempdir_in(&options.logs)?;
            let configs = std::slice::from_ref(&options.config);
            let place = Place { configs, storage: storage.path(), cores, log: &log };
            measurements[index] = Measurement::run(case, requests, candidate, &place)
                .await
                .map_err(|error| format!("{} in round {}: {}", candidate.name, round + 1, chain(&error)))?;
            eprintln!(
                "round {}: {:<12} {:>7.0} ns CPU/item {:>9.0} items/s",
                round + 1,
                candidate.name,
                measurements[index].cpu_ns_per_item,
                measurements[index].items_per_second
            );
        }
        report.add_round(measurements);
    }
    Ok(report)
}

/// An error and its causes in one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn title(case: &Case, requests: &Requests, options: &Options) -> String {
    let pace = match case.pace {
        Pace::Closed => format!("closed loop, {} in flight", case.in_flight),
        Pace::Open { items_per_second } => format!("open loop at {items_per_second} items/s"),
    };
    let connections = match case.protocol {
        Protocol::Grpc => format!("gRPC on {} connections", case.connections),
        protocol @ (Protocol::Http | Protocol::HttpJson) => protocol.to_string(),
    };
    format!(
        "\n{}, {} items of {:.0} bytes a request, {} distinct requests, {connections}, {} in, {} out, {pace}, {} cores, {} rounds of {} s",
        requests.signal(),
        requests.items(),
        requests.bytes_per_item(),
        options.requests,
        case.compression,
        case.compression_out,
        options.cores,
        options.rounds,
        options.seconds,
    )
}

fn log_path(logs: &Path, candidate: &Candidate, requests: &Requests, round: usize) -> PathBuf {
    logs.join(format!("{}-{}-{}-{}.log", candidate.name, requests.signal(), requests.items(), round + 1))
}

/// Keeps this process off the collector's cores, and returns which ones those are.
fn leave_cores(count: usize) -> Result<Vec<usize>, Box<dyn Error>> {
    let mut cores = sched_getaffinity(None)?;
    let available: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|&core| cores.is_set(core)).collect();
    if available.len() <= count {
        let message = format!(
            "the load needs a core beside the {count} of the collector, of {} in all",
            available.len()
        );
        return Err(message.into());
    }
    let taken = available[available.len() - count..].to_vec();
    for &core in &taken {
        cores.unset(core);
    }
    sched_setaffinity(None, &cores)?;
    Ok(taken)
}
