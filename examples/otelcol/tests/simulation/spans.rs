//! Requests of numbered spans.

use otel_core::pdata::view::{ResourceSpans, ScopeSpans};
use otel_core::pdata::{Signal as _, Traces};

/// A request with a span for each number, which is its name.
pub(crate) fn request(numbers: &[u64]) -> Traces {
    let spans: Vec<u8> = numbers.iter().flat_map(|number| field(0x12, named(*number))).collect();
    Traces::from_bytes(field(0x0a, field(0x12, spans)).into()).expect("it is well-formed")
}

/// The numbers of the spans in a request.
pub(crate) fn numbers(data: &Traces) -> Vec<u64> {
    let scopes = data.resource_spans().flat_map(ResourceSpans::scope_spans);
    let names = scopes.flat_map(ScopeSpans::spans);
    names.map(|span| span.name().parse().expect("names are numbers")).collect()
}

fn named(number: u64) -> Vec<u8> {
    field(0x2a, number.to_string().into_bytes())
}

fn field(tag: u8, mut content: Vec<u8>) -> Vec<u8> {
    let len = u16::try_from(content.len()).ok().filter(|len| *len < 1 << 14).expect("requests are small");
    let start =
        if len < 128 { vec![tag, len as u8] } else { vec![tag, (len & 0x7f) as u8 | 0x80, (len >> 7) as u8] };
    content.splice(0..0, start);
    content
}
