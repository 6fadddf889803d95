use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use prost::Message;
use tokio::time::timeout;

use super::cases::{Case, To};
use super::support::client::Answer;
use super::support::collector::Collector;

/// The headers that a client acts on.
const HEADERS: [&str; 7] = [
    "allow",
    "content-encoding",
    "content-type",
    "grpc-encoding",
    "grpc-message",
    "grpc-status",
    "retry-after",
];

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Answers as text, by the names of their cases.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) answers: BTreeMap<String, String>,
}

impl Record {
    /// What a collector answers, and one that cannot hand on what it takes.
    pub(crate) async fn of(cases: Vec<Case>, collector: &Collector, failing: &Collector) -> Self {
        let mut answers = BTreeMap::new();
        for case in cases {
            let collector = if case.failing { failing } else { collector };
            let answer = async {
                match case.to {
                    To::Http => case.ask.http1(collector.http()).await,
                    To::Grpc => case.ask.http2(collector.grpc()).await,
                    To::GrpcOverHttp1 => case.ask.http1(collector.grpc()).await,
                }
            };
            let text = match timeout(PATIENCE, answer).await {
                Ok(Ok(answer)) => show(&answer, case.own_words),
                Ok(Err(_)) => "the connection ends".to_owned(),
                Err(_) => "nothing happens".to_owned(),
            };
            assert!(answers.insert(case.name.clone(), text).is_none(), "{} is there twice", case.name);
        }
        Self { answers }
    }

    pub(crate) fn parse(text: &str) -> Self {
        let blocks = text.split("\n\n").filter(|block| !block.trim().is_empty());
        let answers = blocks.map(|block| {
            let (name, answer) = block.trim().split_once("]\n").expect("an answer follows the name");
            (name.trim_start_matches('[').to_owned(), answer.to_owned())
        });
        Self { answers: answers.collect() }
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blocks: Vec<String> =
            self.answers.iter().map(|(name, answer)| format!("[{name}]\n{answer}\n")).collect();
        f.write_str(&blocks.join("\n"))
    }
}

/// The body of an HTTP answer that is not a success.
#[derive(Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

fn show(answer: &Answer, own_words: bool) -> String {
    let words = |text: &str| match text.trim_end() {
        "" => String::new(),
        _ if own_words => "…".to_owned(),
        text => text.to_owned(),
    };
    let mut lines = vec![answer.status.as_u16().to_string()];
    // A gRPC answer without a message may have its status in the headers.
    for map in [&answer.headers, &answer.trailers] {
        for name in HEADERS {
            for value in map.get_all(name) {
                let value = value.to_str().unwrap();
                let value = if name == "grpc-message" { words(value) } else { value.to_owned() };
                // Nothing is said either way.
                if !value.is_empty() {
                    lines.push(format!("{name}: {value}"));
                }
            }
        }
    }
    // A message that only has an empty `partial_success` says as much as an empty one.
    let body = if answer.body[..] == [0, 0, 0, 0, 2, 0x0a, 0] { &[0; 5] } else { &answer.body[..] };
    let content_type = answer.headers.get("content-type").map_or("", |value| value.to_str().unwrap());
    lines.push(match content_type {
        _ if body.is_empty() => "nothing".to_owned(),
        "application/x-protobuf" if !answer.status.is_success() => {
            let status = RpcStatus::decode(body).expect("it is a Status");
            format!("Status {} {}", status.code, words(&status.message))
        }
        "application/json" if !answer.status.is_success() => {
            let mut status: serde_json::Value = serde_json::from_slice(body).expect("it is JSON");
            let message = words(status["message"].as_str().unwrap_or_default());
            status["message"] = message.into();
            status.to_string()
        }
        "application/json" => String::from_utf8_lossy(body).into_owned(),
        text if text.starts_with("text/") => words(&String::from_utf8_lossy(body)),
        _ => body.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat(),
    });
    lines.join("\n")
}
