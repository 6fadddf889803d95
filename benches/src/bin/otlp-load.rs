//! Sends pre-encoded OTLP requests to a collector and prints what was answered.

use std::{error::Error, net::SocketAddr, time::Duration};

use clap::Parser;
use otel_benches::e2e::{Compression, Load, LoadOptions, Pace, Protocol, Requests, Signal, Target};

#[derive(Debug, Parser)]
struct Options {
    /// The address of the collector's receiver.
    address: SocketAddr,

    /// The signal to send.
    #[arg(long, value_enum, default_value = "traces")]
    signal: Signal,

    /// How requests travel.
    #[arg(long, value_enum, default_value = "grpc")]
    protocol: Protocol,

    /// How requests are compressed.
    #[arg(long, value_enum, default_value = "none")]
    compression: Compression,

    /// Items a request.
    #[arg(long, default_value_t = 1000)]
    items: usize,

    /// Distinct requests.
    #[arg(long, default_value_t = 64)]
    requests: usize,

    /// How long to send.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,

    /// Send on a schedule of so many items a second instead of as fast as answers come.
    #[arg(long, value_name = "ITEMS_PER_SECOND")]
    rate: Option<f64>,

    /// The most requests in flight.
    #[arg(long, default_value_t = 16)]
    in_flight: usize,

    /// gRPC connections.
    #[arg(long, default_value_t = 4)]
    connections: usize,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let requests = Requests::random(options.signal, options.items, options.requests, 1);
    let load = Load::start(
        &requests,
        &LoadOptions {
            target: Target {
                address: options.address,
                signal: options.signal,
                protocol: options.protocol,
                compression: options.compression,
            },
            connections: options.connections,
            in_flight: options.in_flight,
            pace: options.rate.map_or(Pace::Closed, |items_per_second| Pace::Open { items_per_second }),
        },
    )
    .await?;
    load.record(true);
    tokio::time::sleep(Duration::from_secs_f64(options.seconds)).await;
    let outcome = load.stop().await;

    println!(
        "answered {} items, {:.0} a second",
        outcome.answered,
        outcome.answered as f64 / options.seconds
    );
    for (name, part) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)] {
        let index = (outcome.latencies.len() as f64 * part) as usize;
        if let Some(latency) = outcome.latencies.get(index) {
            println!("{name} {:.2} ms", latency.as_secs_f64() * 1e3);
        }
    }
    match outcome.first_error {
        None => Ok(()),
        Some(error) => {
            Err(format!("{} items failed, the first time because: {error}", outcome.failed).into())
        }
    }
}
