use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use tokio::process::Command;

use super::collector::Collector;
use super::config::Forwarding;
use super::peers;

/// Starts the Go collector with a configuration, at free ports.
pub(crate) async fn start(config: &Forwarding) -> Collector {
    let binary = peers().join("otelcol-go");
    let script = "benches/scripts/build-go-collector.sh";
    assert!(binary.exists(), "the Go collector is not at {}: run {script}", binary.display());
    let mut log = String::new();
    // It does not say which port it got, so it is told one that is free. Somebody else may be quicker to take that.
    for _ in 0..5 {
        let [grpc, http] = free_addresses();
        let mut command = Command::new(&binary);
        command
            .args(["--config", &format!("yaml:{}", config.clone().at(grpc, http).yaml())])
            .kill_on_drop(true);
        match Collector::try_spawn(command).await {
            Ok(collector) => return collector,
            Err(failed) => log = failed,
        }
    }
    panic!("the Go collector does not start:\n{log}");
}

fn free_addresses() -> [SocketAddr; 2] {
    let bind = |()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there are free ports");
    // Both are held before either is given back, so that they differ.
    [(); 2].map(bind).map(|listener| listener.local_addr().expect("it is bound"))
}
