//! Receives OTLP over gRPC and HTTP on one port, and prints each second what arrived.

use std::{error::Error, net::SocketAddr, time::Duration};

use clap::Parser;
use otel_benches::e2e::{Received, Sink};

#[derive(Debug, Parser)]
struct Options {
    /// Where to listen.
    #[arg(default_value = "127.0.0.1:4317")]
    address: SocketAddr,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sink = Sink::start(Options::parse().address).await?;
    println!("listening at {}", sink.address());
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    let mut last = Received::default();
    loop {
        tokio::select! {
            _ = seconds.tick() => {}
            result = tokio::signal::ctrl_c() => {
                result?;
                return Ok(());
            }
        }
        let received = sink.received();
        if received != last {
            println!(
                "{} items ({} in this second), {} requests, {} bytes, {} malformed",
                received.items,
                received.items - last.items,
                received.requests,
                received.bytes,
                received.malformed
            );
        }
        last = received;
    }
}
