//! The same requests get the same answers from the Go collector and from this one.
//!
//! What Go answers is recorded in `go.txt`, so that only the test that the record is right needs the Go collector.

#[path = "../support/mod.rs"]
mod support;

mod cases;
mod differences;
mod record;

use cases::cases;
use differences::DIFFERENCES;
use record::Record;
use support::collector::Collector;
use support::config::Forwarding;

const GO: &str = include_str!("go.txt");

/// Takes traces and metrics, and fails to hand them on at once: nobody listens at the port.
fn failing() -> Forwarding {
    let once = "sending_queue: { enabled: false }, retry_on_failure: { enabled: false }";
    Forwarding::to_grpc("127.0.0.1:1".parse().unwrap(), once).without_logs()
}

#[tokio::test]
async fn answers_are_those_of_the_go_collector_but_for_the_listed_differences() {
    let collector = Collector::start(&Forwarding::to("nop", "").without_logs().yaml()).await;
    let failing = Collector::start(&failing().yaml()).await;
    let ours = Record::of(cases(), &collector, &failing).await;
    let go = Record::parse(GO);
    let mut wrong = Vec::new();
    for (name, ours) in &ours.answers {
        let go = go.answers.get(name).map_or("", String::as_str);
        let difference = DIFFERENCES.iter().find(|difference| difference.name == name);
        match difference {
            None if *ours != go => wrong.push(format!("[{name}]\nGo:\n{go}\nhere:\n{ours}")),
            Some(difference) if difference.here != *ours => {
                wrong.push(format!("[{name}]\nlisted:\n{}\nhere:\n{ours}", difference.here));
            }
            Some(_) if *ours == go => wrong.push(format!("[{name}] is listed and no difference")),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n\n"));
    for difference in DIFFERENCES {
        assert!(ours.answers.contains_key(difference.name), "{} is no case", difference.name);
    }
}

#[cfg(feature = "peer-tests")]
#[tokio::test]
async fn the_go_collector_answers_as_recorded() {
    let collector = support::go::start(&Forwarding::to("debug", "").without_logs()).await;
    let failing = support::go::start(&failing()).await;
    let go = Record::of(cases(), &collector, &failing).await.to_string();
    let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/go.txt");
    std::fs::write(path, &go).unwrap();
    assert!(go == GO, "the Go collector answers otherwise: compare tests/conformance/go.txt with {path}");
}
