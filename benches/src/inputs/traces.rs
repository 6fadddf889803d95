//! Spans.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{ITEMS, SCOPES, http_attributes, id, pick, resource, scope, status_code};

/// 1,000 spans of about 440 bytes with 10 attributes, in one resource and four scopes.
pub fn traces(seed: u64) -> ExportTraceServiceRequest {
    let mut rng = StdRng::seed_from_u64(seed);
    let scope_spans = SCOPES.map(|name| ScopeSpans {
        scope: Some(scope(name)),
        spans: (0..ITEMS / SCOPES.len()).map(|_| span(&mut rng)).collect(),
        schema_url: "https://opentelemetry.io/schemas/1.37.0".into(),
    });
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource(&mut rng)),
            scope_spans: scope_spans.into(),
            schema_url: String::new(),
        }],
    }
}

fn span(rng: &mut StdRng) -> Span {
    let status = status_code(rng);
    let start = 1_790_000_000_000_000_000 + rng.random_range(0..60_000_000_000);
    Span {
        trace_id: id::<16>(rng),
        span_id: id::<8>(rng),
        parent_span_id: if rng.random_ratio(1, 5) { Vec::new() } else { id::<8>(rng) },
        name: pick(
            rng,
            &["GET /api/cart", "GET /api/products/{id}", "POST /api/checkout", "SELECT shop.orders"],
        )
        .into(),
        kind: rng.random_range(1..6),
        start_time_unix_nano: start,
        end_time_unix_nano: start + rng.random_range(50_000..2_000_000_000),
        attributes: http_attributes(rng, status),
        status: Some(Status {
            message: if status >= 500 { "upstream connect error".into() } else { String::new() },
            code: if status >= 500 { 2 } else { 0 },
        }),
        flags: 0x101,
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message;

    #[test]
    fn a_span_has_about_440_bytes() {
        let len = traces(1).encoded_len() / ITEMS;
        assert!((420..460).contains(&len), "{len}");
    }
}
