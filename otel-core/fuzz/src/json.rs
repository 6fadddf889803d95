//! Any text is refused or read into bytes that validation finds normalised. Whatever was read, from text or from wire
//! bytes, comes back from JSON as it went.

use bytes::Bytes;
use otel_core::pdata::{Logs, Metrics, Signal, SignalKind, Traces};

/// The target.
pub fn run(data: &[u8]) {
    match super::signal(data) {
        Some((SignalKind::Traces, text)) => check::<Traces>(text),
        Some((SignalKind::Metrics, text)) => check::<Metrics>(text),
        Some((SignalKind::Logs, text)) => check::<Logs>(text),
        _ => {}
    }
}

/// The input as text and as wire bytes, in which fields stand in ways that no text leads to.
fn check<S: Signal>(input: &[u8]) {
    if let Ok(signal) = S::from_bytes(Bytes::copy_from_slice(input)) {
        comes_back(&signal);
    }
    let signal = match S::from_json(input) {
        Ok(signal) => signal,
        Err(error) => {
            assert!(error.offset() <= input.len(), "{error}");
            return;
        }
    };
    let valid = S::from_bytes(signal.to_bytes()).expect("what is read is valid");
    assert_eq!(valid.to_bytes(), signal.to_bytes(), "what is read is normalised");
    assert_eq!(valid.items(), signal.items());
    comes_back(&signal);
}

fn comes_back<S: Signal>(signal: &S) {
    let json = written(signal);
    let again = S::from_json(&json).expect("what is written can be read");
    assert_eq!(again.items(), signal.items());
    assert_eq!(written(&again), json, "what is written comes back");
}

fn written<S: Signal>(signal: &S) -> Vec<u8> {
    let mut json = Vec::new();
    signal.to_json(&mut json);
    json
}
