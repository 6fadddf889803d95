//! Log records.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{ITEMS, SCOPES, http_attributes, id, pick, resource, scope, status_code, text};

/// 1,000 log records of about 500 bytes with 10 attributes, in one resource and four scopes.
pub fn logs(seed: u64) -> ExportLogsServiceRequest {
    let mut rng = StdRng::seed_from_u64(seed);
    let scope_logs = SCOPES.map(|name| ScopeLogs {
        scope: Some(scope(name)),
        log_records: (0..ITEMS / SCOPES.len()).map(|_| record(&mut rng)).collect(),
        schema_url: "https://opentelemetry.io/schemas/1.37.0".into(),
    });
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(resource(&mut rng)),
            scope_logs: scope_logs.into(),
            schema_url: String::new(),
        }],
    }
}

fn record(rng: &mut StdRng) -> LogRecord {
    let status = status_code(rng);
    let time = 1_790_000_000_000_000_000 + rng.random_range(0..60_000_000_000);
    let (severity_number, severity_text) = if status >= 500 { (17, "ERROR") } else { (9, "INFO") };
    LogRecord {
        time_unix_nano: time,
        observed_time_unix_nano: time + rng.random_range(1_000..5_000_000),
        severity_number,
        severity_text: severity_text.into(),
        body: Some(AnyValue { value: Some(text(body(rng, status))) }),
        attributes: http_attributes(rng, status),
        flags: 1,
        trace_id: id::<16>(rng),
        span_id: id::<8>(rng),
        ..Default::default()
    }
}

/// A line of text; one in fifty is not ASCII.
fn body(rng: &mut StdRng, status: i64) -> String {
    let user = if rng.random_ratio(1, 50) { "Zoë Müller" } else { pick(rng, &["alice", "bob", "carol"]) };
    format!(
        "request {:016x} of {user} finished with {status} after {} ms, {} bytes written to the client",
        rng.random::<u64>(),
        rng.random_range(1..3_000),
        rng.random_range(100..200_000),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message;

    #[test]
    fn a_record_has_about_500_bytes() {
        let len = logs(1).encoded_len() / ITEMS;
        assert!((470..530).contains(&len), "{len}");
    }
}
