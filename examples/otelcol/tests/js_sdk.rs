//! What the OpenTelemetry SDK for JavaScript sends goes through the binary unchanged.

mod support;

use support::sdk::Sdk;
use tokio::process::Command;

const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/sdk.cjs");

const JAVASCRIPT: Sdk = Sdk {
    name: "JavaScript",
    script: ".ci/install-js-sdk",
    installed: "js-sdk/version",
    command: |installed| {
        let mut command = Command::new("node");
        command.arg(CLIENT).env("NODE_PATH", installed.with_file_name("node_modules"));
        command
    },
};

#[tokio::test]
async fn grpc() {
    JAVASCRIPT.everything_arrives("grpc", None).await;
}

#[tokio::test]
async fn grpc_gzip() {
    JAVASCRIPT.everything_arrives("grpc", Some("gzip")).await;
}

#[tokio::test]
async fn http_protobuf() {
    JAVASCRIPT.everything_arrives("http/protobuf", None).await;
}

#[tokio::test]
async fn http_protobuf_gzip() {
    JAVASCRIPT.everything_arrives("http/protobuf", Some("gzip")).await;
}

#[tokio::test]
async fn http_json() {
    JAVASCRIPT.everything_arrives("http/json", None).await;
}

#[tokio::test]
async fn http_json_gzip() {
    JAVASCRIPT.everything_arrives("http/json", Some("gzip")).await;
}
