//! What the exporters of OTLP have in common.

use otel_core::component::{BuildInfo, ConsumeError, Host};
use otel_core::net::{PartialSuccess, Status};
use otel_core::pdata::SignalKind;

/// How a collector names itself to servers, such as `OpenTelemetry Collector/1.0.0 (linux/amd64)`.
pub(crate) fn user_agent(info: &BuildInfo) -> String {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{}/{} ({}/{architecture})", info.description, info.version, std::env::consts::OS)
}

/// Logs that a server took a part only.
pub(crate) fn note_partial_success(host: &Host, partial: &PartialSuccess, signal: SignalKind) {
    let dropped = match signal {
        SignalKind::Metrics => "dropped_data_points",
        SignalKind::Logs => "dropped_log_records",
        _ => "dropped_spans",
    };
    host.logger()
        .warn("Partial success response")
        .field("message", partial.message.as_str())
        .field(dropped, partial.rejected)
        .emit();
}

/// What a status means for the pipeline.
pub(crate) fn failure(status: &Status, retryable: bool) -> ConsumeError {
    let message = status.to_string();
    let error = if retryable { ConsumeError::retryable(message) } else { ConsumeError::permanent(message) };
    let error = error.with_code(status.code);
    match status.retry_after {
        Some(delay) => error.with_retry_after(delay),
        None => error,
    }
}
