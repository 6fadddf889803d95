//! What the OpenTelemetry SDK for Python sends goes through the binary unchanged.

mod support;

use support::sdk::Sdk;
use tokio::process::Command;

const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/sdk.py");

const PYTHON: Sdk = Sdk {
    name: "Python",
    script: ".ci/install-python-sdk",
    installed: "python-sdk/version",
    command: |installed| {
        let mut command = Command::new(installed.with_file_name("bin/python"));
        command.arg(CLIENT);
        command
    },
};

#[tokio::test]
async fn grpc() {
    PYTHON.everything_arrives("grpc", None).await;
}

#[tokio::test]
async fn grpc_gzip() {
    PYTHON.everything_arrives("grpc", Some("gzip")).await;
}

#[tokio::test]
async fn http_protobuf() {
    PYTHON.everything_arrives("http/protobuf", None).await;
}

#[tokio::test]
async fn http_protobuf_gzip() {
    PYTHON.everything_arrives("http/protobuf", Some("gzip")).await;
}
