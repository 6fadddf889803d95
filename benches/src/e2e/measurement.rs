use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::{
    Arrival, Candidate, Collector, CollectorError, Compression, Due, Endpoints, Load, LoadOptions,
    LoadOutcome, Pace, Place, Protocol, Requests, SendError, Sink, Target,
};

/// A collector at rest has answered its readiness probe, and finished what it does after its start.
const SETTLE: Duration = Duration::from_secs(2);
/// How long the sink may get nothing new before what is missing counts as lost. Longer than any batch timeout.
const DRAIN_PATIENCE: Duration = Duration::from_secs(5);

/// One row of the bench: what is sent, and how.
#[derive(Clone, Debug)]
pub struct Case {
    /// gRPC or HTTP in.
    pub protocol: Protocol,
    /// Of the requests.
    pub compression: Compression,
    /// That of what the collector sends, which its configuration reads from `OTLP_COMPRESSION`.
    pub compression_out: Compression,
    /// Closed or open loop.
    pub pace: Pace,
    /// gRPC connections.
    pub connections: usize,
    /// The most requests in flight.
    pub in_flight: usize,
    /// Load before anything is measured.
    pub warm_up: Duration,
    /// Load while measuring.
    pub window: Duration,
}

/// What a run measured.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measurement {
    /// CPU nanoseconds of the collector for an item that reached the sink.
    pub cpu_ns_per_item: f64,
    /// Items that reached the sink in a second of wall time.
    pub items_per_second: f64,
    /// The part of its core that the collector used.
    pub utilisation: f64,
    /// The median time to an answer; in an open loop, since the request was due.
    pub latency_p50: Duration,
    /// The 99th percentile of it.
    pub latency_p99: Duration,
    /// In an open loop, the median time from when an item was due to its arrival at the sink; zero otherwise.
    pub arrival_p50: Duration,
    /// The 99th percentile of it.
    pub arrival_p99: Duration,
    /// Resident bytes after the start, without load.
    pub idle_rss: u64,
    /// The most resident bytes of the run.
    pub peak_rss: u64,
    /// Bytes of outgoing messages, compressed where they are, for an item.
    pub sent_bytes_per_item: f64,
}

/// Why a run does not count.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MeasureError {
    /// The sink could not be started, or no ports be found.
    #[error("could not listen")]
    Listen(#[from] io::Error),
    /// The collector did not run.
    #[error(transparent)]
    Collector(#[from] CollectorError),
    /// The load generator could not connect.
    #[error(transparent)]
    Connect(#[from] SendError),
    /// Nothing arrived.
    #[error("the sink received nothing; the collector's log ends with:\n{log}")]
    NothingReceived {
        /// The last lines of the collector's output.
        log: String,
    },
    /// Requests were not answered with success.
    #[error("{failed} items were not answered with success, the first time because: {first_error}")]
    Refused {
        /// Their number.
        failed: u64,
        /// The first answer of the kind.
        first_error: String,
    },
    /// Something answered with success did not arrive.
    #[error(
        "{lost} of {answered} items answered with success did not arrive; the collector's log ends with:\n{log}"
    )]
    Lost {
        /// The difference.
        lost: u64,
        /// Items answered with success.
        answered: u64,
        /// The last lines of the collector's output.
        log: String,
    },
    /// More arrived than was sent.
    #[error("{surplus} more items arrived than the {answered} that were sent")]
    Duplicated {
        /// The difference.
        surplus: u64,
        /// Items answered with success.
        answered: u64,
    },
    /// The sink could not read what the collector sent.
    #[error("the sink received {0} malformed requests")]
    Malformed(u64),
}

/// What is read at both ends of the window.
struct Snapshot {
    at: Instant,
    cpu: Duration,
    items: u64,
    bytes: u64,
}

impl Snapshot {
    fn take(collector: &Collector, sink: &Sink) -> Result<Self, CollectorError> {
        let received = sink.received();
        Ok(Self {
            at: Instant::now(),
            cpu: collector.usage()?.cpu,
            items: received.items,
            bytes: received.bytes,
        })
    }
}

impl Measurement {
    /// Starts a candidate on cores of its own, loads it as the case says, and stops it.
    ///
    /// # Errors
    ///
    /// A run counts only if the candidate answers everything with success, everything answered arrives, and the
    /// candidate ends cleanly after SIGTERM.
    pub async fn run(
        case: &Case,
        requests: &Requests,
        candidate: &Candidate,
        place: &Place<'_>,
    ) -> Result<Self, MeasureError> {
        let sink = Sink::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let endpoints = Endpoints::with_sink(sink.address())?;
        let collector = Collector::start(candidate, place, endpoints, case.compression_out).await?;
        sleep(SETTLE).await;
        let idle = collector.usage()?;

        let load = Load::start(requests, &load_options(case, requests, endpoints)).await?;
        sleep(case.warm_up).await;
        load.record(true);
        let before = Snapshot::take(&collector, &sink)?;
        sleep(case.window).await;
        let after = Snapshot::take(&collector, &sink)?;
        load.record(false);
        let due = load.schedule();
        let outcome = load.stop().await;

        drain(&sink, outcome.answered).await;
        let peak_rss = collector.usage()?.peak_rss;
        let log = collector.log_tail();
        let stopped = collector.stop().await;
        check(&outcome, &sink, log)?;
        stopped?;

        let arrivals = due.map(|due| arrival_latencies(due, &sink.take_arrivals(), before.at, after.at));
        let arrivals = arrivals.unwrap_or_default();
        let items = (after.items - before.items) as f64;
        let wall = (after.at - before.at).as_secs_f64();
        let cpu = after.cpu.as_secs_f64() - before.cpu.as_secs_f64();
        Ok(Self {
            cpu_ns_per_item: cpu * 1e9 / items,
            items_per_second: items / wall,
            utilisation: cpu / wall,
            latency_p50: percentile(&outcome.latencies, 0.5),
            latency_p99: percentile(&outcome.latencies, 0.99),
            arrival_p50: percentile(&arrivals, 0.5),
            arrival_p99: percentile(&arrivals, 0.99),
            idle_rss: idle.rss,
            peak_rss,
            sent_bytes_per_item: (after.bytes - before.bytes) as f64 / items,
        })
    }

    /// Items for each second of CPU time.
    pub fn items_per_cpu_second(&self) -> f64 {
        1e9 / self.cpu_ns_per_item
    }
}

fn load_options(case: &Case, requests: &Requests, endpoints: Endpoints) -> LoadOptions {
    let address = match case.protocol {
        Protocol::Grpc => endpoints.grpc,
        Protocol::Http | Protocol::HttpJson => endpoints.http,
    };
    LoadOptions {
        target: Target {
            address,
            signal: requests.signal(),
            protocol: case.protocol,
            compression: case.compression,
        },
        connections: case.connections,
        in_flight: case.in_flight,
        pace: case.pace,
    }
}

/// Waits until everything answered has arrived, or nothing arrives any more.
async fn drain(sink: &Sink, answered: u64) {
    let mut last = (sink.received().items, Instant::now());
    while last.0 < answered && last.1.elapsed() < DRAIN_PATIENCE {
        sleep(Duration::from_millis(20)).await;
        let items = sink.received().items;
        if items != last.0 {
            last = (items, Instant::now());
        }
    }
}

fn check(outcome: &LoadOutcome, sink: &Sink, log: String) -> Result<(), MeasureError> {
    let received = sink.received();
    let answered = outcome.answered;
    if outcome.failed > 0 {
        let first_error = outcome.first_error.clone().unwrap_or_default();
        return Err(MeasureError::Refused { failed: outcome.failed, first_error });
    }
    if received.malformed > 0 {
        return Err(MeasureError::Malformed(received.malformed));
    }
    if received.items == 0 {
        return Err(MeasureError::NothingReceived { log });
    }
    if received.items < answered {
        return Err(MeasureError::Lost { lost: answered - received.items, answered, log });
    }
    if received.items > answered {
        return Err(MeasureError::Duplicated { surplus: received.items - answered, answered });
    }
    Ok(())
}

/// For each request that was due in the window, how long after that the sink had as many items as were due by then, in
/// rising order. Which items those were is not looked at: a collector that keeps the order keeps them too.
fn arrival_latencies(due: Due, arrivals: &[Arrival], from: Instant, to: Instant) -> Vec<Duration> {
    let mut latencies = Vec::new();
    let mut arrivals = arrivals.iter().peekable();
    let mut at = due.first;
    for request in 1.. {
        if at > to {
            break;
        }
        while arrivals.next_if(|arrival| arrival.items < request * due.items).is_some() {}
        let Some(arrival) = arrivals.peek() else { break };
        if at >= from {
            latencies.push(arrival.at.saturating_duration_since(at));
        }
        at += due.interval;
    }
    latencies.sort_unstable();
    latencies
}

/// The nearest rank in a sorted list; zero of an empty one.
fn percentile(sorted: &[Duration], part: f64) -> Duration {
    let rank = (sorted.len() as f64 * part).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_has_arrived_when_as_many_have_as_were_due() {
        let first = Instant::now();
        let after = |millis| first + Duration::from_millis(millis);
        let due = Due { first, interval: Duration::from_millis(10), items: 5 };
        // Requests are due at 0, 10, 20 and 30 ms, and arrive in two batches.
        let arrivals = [Arrival { at: after(14), items: 10 }, Arrival { at: after(36), items: 20 }];
        let latencies = arrival_latencies(due, &arrivals, after(5), after(35));
        assert_eq!(latencies, [4, 6, 16].map(Duration::from_millis));
    }

    #[test]
    fn a_percentile_is_the_nearest_rank() {
        let sorted: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile(&sorted, 0.5), Duration::from_millis(100));
        assert_eq!(percentile(&sorted, 0.99), Duration::from_millis(198));
        assert_eq!(percentile(&[], 0.99), Duration::ZERO);
    }
}
