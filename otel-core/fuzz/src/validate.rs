//! Any bytes are accepted or refused as prost does, and what is accepted means the same after normalising.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use otel_core::pdata::{InvalidData, Logs, Metrics, Signal, SignalKind, Traces};
use otel_core::testing::raw::{Field, Tree, Value};
use prost::Message;

/// The target.
pub fn run(data: &[u8]) {
    match super::signal(data) {
        Some((SignalKind::Traces, request)) => check::<Traces, ExportTraceServiceRequest>(request),
        Some((SignalKind::Metrics, request)) => check::<Metrics, ExportMetricsServiceRequest>(request),
        Some((SignalKind::Logs, request)) => check::<Logs, ExportLogsServiceRequest>(request),
        _ => {}
    }
}

fn check<S: Signal, M: Message + Default>(request: &[u8]) {
    let oracle = M::decode(request);
    match S::from_bytes(Bytes::copy_from_slice(request)) {
        Ok(signal) => {
            let tree = Tree::parse(S::KIND, request).expect("what is valid can be taken apart");
            // References into a string table are unknown fields here, so their wire type is free.
            let free = tree.refers_to_a_string_table();
            assert!(oracle.is_ok() || free, "prost refuses: {:?}", oracle.err());
            same_meaning(&tree, &signal);
        }
        Err(error) => {
            assert!(oracle.is_err() || is_ours_alone(&error), "only we refuse: {error}");
            let repaired = S::from_bytes_repairing(Bytes::copy_from_slice(request));
            assert_eq!(error.is_invalid_utf8(), repaired.is_ok(), "{error}");
            if let Ok((signal, repaired)) = repaired {
                assert!(repaired.strings > 0);
                S::from_bytes(signal.to_bytes()).expect("what was repaired is valid");
                let tree = Tree::parse(S::KIND, request).expect("only strings are broken");
                let decoded = M::decode(signal.to_bytes());
                assert!(
                    decoded.is_ok() || tree.refers_to_a_string_table(),
                    "prost refuses: {:?}",
                    decoded.err()
                );
            }
        }
    }
}

/// Whether a refusal is one that prost does not make.
fn is_ours_alone(error: &InvalidData) -> bool {
    error.reason().starts_with("the id has")
        || error.path().contains("instrumentation_library")
        // At the last level prost still takes a reference into a string table, which is unknown here.
        || error.reason().starts_with("messages are nested")
}

fn same_meaning<S: Signal>(before: &Tree, signal: &S) {
    let bytes = signal.to_bytes();
    let again = S::from_bytes(bytes.clone()).expect("what was normalised is valid");
    assert_eq!(again.items(), signal.items());
    assert_eq!(again.to_bytes(), bytes, "what was normalised stays as it is");
    if before.fields.iter().all(|group| !has_library(group)) {
        let after = Tree::parse(S::KIND, &bytes).expect("what is valid can be taken apart");
        assert_eq!(before.canonical(), after.canonical());
    }
}

/// Whether a resource group has the deprecated `instrumentation_library_*`, which becomes scopes.
fn has_library(group: &Field) -> bool {
    matches!(&group.value, Value::Message(fields) if fields.iter().any(|field| field.number == 1000))
}
