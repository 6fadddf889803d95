//! Clients that want in and should not get in. Each is refused with the right answer and counted, before anything of what it
//! sends is read, and those that may come in do.

#[path = "../support/mod.rs"]
mod support;

mod credentials;
mod renewal;
mod smuggling;
mod transport;

use std::net::SocketAddr;
use std::time::Duration;

use otel_core::pdata::{Signal as _, Traces};
use support::client::{Answer, Ask, span};
use support::collector::{Collector, otelcol};
use support::config::Forwarding;

const JSON: &str = "application/json";
/// How long an answer may take that comes at once.
const PATIENCE: Duration = Duration::from_secs(20);

/// A collector with extensions, written as a map in YAML. What it takes is forgotten.
async fn start(server: &str, extensions: &str, names: &str) -> Collector {
    let mut command = otelcol();
    let forwarding = Forwarding::to("nop", "").serving(server).measured().yaml();
    let extensions = format!("extensions: {extensions}\nservice: {{ extensions: [{names}] }}\n");
    command.args(["--config", &format!("yaml:{forwarding}")]);
    command.args(["--config", &format!("yaml:{extensions}")]);
    Collector::spawn(command).await
}

/// The ways in which telemetry comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Grpc,
    Http1,
    Http2,
}

const WAYS: [Way; 3] = [Way::Grpc, Way::Http1, Way::Http2];

impl Way {
    fn transport(self) -> &'static str {
        if self == Way::Grpc { "grpc" } else { "http" }
    }

    fn address(self, collector: &Collector) -> SocketAddr {
        if self == Way::Grpc { collector.grpc() } else { collector.http() }
    }

    /// A request with one span.
    fn ask(self) -> Ask {
        match self {
            Way::Grpc => Ask::grpc(0, &Traces::from_json(span("x").as_bytes()).unwrap().to_bytes()),
            Way::Http1 | Way::Http2 => Ask::http(JSON, span("x")),
        }
    }

    async fn send(self, collector: &Collector, ask: Ask) -> Answer {
        let answer = match self {
            Way::Http1 => tokio::time::timeout(PATIENCE, ask.http1(collector.http())).await,
            Way::Grpc | Way::Http2 => {
                tokio::time::timeout(PATIENCE, ask.http2(self.address(collector))).await
            }
        };
        answer.expect("it is answered").unwrap()
    }
}

/// The status of an answer, with the message where it is an error: that of gRPC, or else that of HTTP.
fn status(answer: &Answer) -> (u16, String) {
    let grpc = answer.trailers.get("grpc-status").or(answer.headers.get("grpc-status"));
    let Some(grpc) = grpc else {
        let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        return (answer.status.as_u16(), body["message"].as_str().unwrap_or_default().to_owned());
    };
    let message = answer.headers.get("grpc-message").map_or("", |message| message.to_str().unwrap());
    (grpc.to_str().unwrap().parse().unwrap(), message.to_owned())
}

fn refused(way: Way) -> u16 {
    if way == Way::Grpc { 16 } else { 401 }
}

fn accepted(way: Way) -> u16 {
    if way == Way::Grpc { 0 } else { 200 }
}

/// How many requests of a transport were refused for want of credentials.
async fn refusals(collector: &Collector, transport: &str) -> f64 {
    let text = collector.scrape().await;
    let series = text.lines().filter(|line| {
        line.starts_with("otelcol_receiver_rejected_requests")
            && line.contains(&format!("transport=\"{transport}\""))
            && line.contains("reason=\"unauthenticated\"")
    });
    series.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}

/// How many spans came in.
async fn spans(collector: &Collector) -> f64 {
    collector.metric("otelcol_receiver_accepted_spans", "receiver=\"otlp\"").await
}
