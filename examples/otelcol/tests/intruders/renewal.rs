//! Credentials that are no longer valid.

use std::fs;

use rustix::process::Signal;

use super::support::collector::{Collector, otelcol};
use super::{PATIENCE, Way, accepted, refused, status};

/// A collector whose receiver asks for tokens, from a configuration in a directory.
async fn start(directory: &tempfile::TempDir, port: u16, extension: &str) -> Collector {
    write(directory, port, extension);
    let mut command = otelcol();
    command.arg("--config").arg(directory.path().join("config.yaml"));
    Collector::spawn(command).await
}

fn write(directory: &tempfile::TempDir, port: u16, extension: &str) {
    let yaml = format!(
        "
extensions: {{ bearertokenauth: {{ {extension} }} }}
receivers: {{ otlp: {{ protocols: {{ http: {{ endpoint: '127.0.0.1:{port}', auth: {{ authenticator: bearertokenauth }} }} }} }} }}
exporters: {{ nop: }}
service:
  telemetry: {{ metrics: {{ level: none }} }}
  extensions: [bearertokenauth]
  pipelines: {{ traces: {{ receivers: [otlp], exporters: [nop] }} }}
"
    );
    fs::write(directory.path().join("config.yaml"), yaml).unwrap();
}

async fn answer(collector: &Collector, token: &str) -> u16 {
    let ask = Way::Http1.ask().header("authorization", &format!("Bearer {token}"));
    status(&Way::Http1.send(collector, ask).await).0
}

#[tokio::test]
async fn a_token_that_is_gone_from_the_configuration_gets_nobody_in() {
    let directory = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut collector = start(&directory, port, "tokens: [first, second]").await;
    for token in ["first", "second"] {
        assert_eq!(answer(&collector, token).await, accepted(Way::Http1));
    }
    write(&directory, port, "tokens: [second, third]");
    collector.signal(Signal::HUP);
    collector.wait_for_log("Config applied").await;
    assert_eq!(answer(&collector, "first").await, refused(Way::Http1));
    for token in ["second", "third"] {
        assert_eq!(answer(&collector, token).await, accepted(Way::Http1));
    }
}

#[tokio::test]
async fn a_token_that_is_gone_from_its_file_gets_nobody_in() {
    let directory = tempfile::tempdir().unwrap();
    let tokens = directory.path().join("tokens");
    fs::write(&tokens, "first # of carol\n").unwrap();
    let collector = start(&directory, 0, &format!("filename: '{}'", tokens.display())).await;
    assert_eq!(answer(&collector, "first").await, accepted(Way::Http1));
    // As those who rotate files do: all at once.
    let next = directory.path().join("next");
    fs::write(&next, "second\n").unwrap();
    fs::rename(next, tokens).unwrap();
    let changed = async {
        while answer(&collector, "second").await != accepted(Way::Http1) {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, changed).await.expect("the file is read again");
    assert_eq!(answer(&collector, "first").await, refused(Way::Http1));
}
