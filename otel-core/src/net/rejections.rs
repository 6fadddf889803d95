//! What is counted and written of requests that do not get as far as a server's component.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::sparing::Sparing;
use super::{ConnectionFailures, Peer, Refused};
use crate::component::{ComponentKind, Host};
use crate::telemetry::Counter;

/// Counts the rejected requests of a server by their reason, and writes some of them:
/// `otelcol_receiver_rejected_requests{receiver, transport, reason}`, or the same of an extension.
#[derive(Debug)]
pub struct Rejections {
    host: Host,
    transport: &'static str,
    reasons: Mutex<HashMap<&'static str, Reason>>,
}

#[derive(Debug)]
struct Reason {
    counter: Counter,
    written: Sparing,
}

impl Rejections {
    /// Nothing is counted yet. The transport is a label, such as `grpc`.
    pub fn new(host: &Host, transport: &'static str) -> Self {
        Self { host: host.clone(), transport, reasons: Mutex::default() }
    }

    /// A request was rejected.
    pub fn record(&self, refused: &Refused, peer: Peer) {
        let mut reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        let reason = reasons.entry(refused.reason).or_insert_with(|| Reason {
            counter: self.counter(
                ["otelcol_receiver_rejected_requests", "otelcol_extension_rejected_requests"],
                "Requests that were refused before any pipeline saw them.",
                "{requests}",
                refused.reason,
            ),
            written: Sparing::default(),
        });
        reason.counter.add(1);
        let Some(others) = reason.written.write() else { return };
        drop(reasons);
        let mut event = self.host.logger().warn("Request rejected");
        event = event.field("transport", self.transport).field("reason", refused.reason);
        event = event.field("error", refused.status.message.as_str());
        if let Some(address) = peer.address {
            event = event.text("client", &address.ip());
        }
        if others > 0 {
            event = event.field("others_like_it", others);
        }
        event.emit();
    }

    /// The counters of connections.
    pub fn connections(&self) -> ConnectionFailures {
        let mut failures = ConnectionFailures::default();
        let reasons = [
            (&mut failures.refused, "too_many"),
            (&mut failures.handshake, "tls_handshake"),
            (&mut failures.timeout, "timeout"),
            (&mut failures.panicked, "panic"),
        ];
        for (counter, reason) in reasons {
            *counter = self.counter(
                ["otelcol_receiver_failed_connections", "otelcol_extension_failed_connections"],
                "Connections that ended otherwise than by their clients' will.",
                "{connections}",
                reason,
            );
        }
        failures
    }

    fn counter(
        &self,
        [receiver, extension]: [&'static str; 2],
        description: &'static str,
        unit: &'static str,
        reason: &str,
    ) -> Counter {
        let (name, kind) = match self.host.kind() {
            ComponentKind::Extension => (extension, "extension"),
            _ => (receiver, "receiver"),
        };
        let id = self.host.id().to_string();
        let attributes = [(kind, id.as_str()), ("transport", self.transport), ("reason", reason)];
        self.host.telemetry().metrics().counter(name, description, unit, &attributes)
    }
}
