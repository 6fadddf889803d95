//! Any text is refused or read into bytes that validation finds normalised, and comes back from JSON as it went.

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

fn check<S: Signal>(text: &[u8]) {
    let signal = match S::from_json(text) {
        Ok(signal) => signal,
        Err(error) => {
            assert!(error.offset() <= text.len(), "{error}");
            return;
        }
    };
    let valid = S::from_bytes(signal.to_bytes()).expect("what is read is valid");
    assert_eq!(valid.to_bytes(), signal.to_bytes(), "what is read is normalised");
    assert_eq!(valid.items(), signal.items());

    let json = written(&signal);
    let again = S::from_json(&json).expect("what is written can be read");
    assert_eq!(again.items(), signal.items());
    assert_eq!(written(&again), json, "what is written comes back");
}

fn written<S: Signal>(signal: &S) -> Vec<u8> {
    let mut json = Vec::new();
    signal.to_json(&mut json);
    json
}
