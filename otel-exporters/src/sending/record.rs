//! What a persistent queue stores of a request: a small header, and the request as it is encoded.
//!
//! | at | bytes | |
//! |---|---|---|
//! | 0 | 1 | the version: 1 |
//! | 1 | 1 | the signal: 1 traces, 2 metrics, 3 logs |
//! | 2 | 1 | 1 where a trace context follows, else 0 |
//! | 3 | 1 | zero |
//! | 4 | 4 | the length of the header |
//! | 8 | 8 | how many items there are |
//! | 16 | 25 | the trace context, if any: the ids of the trace and the span, the flags |
//! | | | metadata up to the end of the header: a key, the number of its values, the values |
//!
//! Numbers are little-endian, and those of texts and values have four bytes. A text is its length and its bytes.

use bytes::{Buf, Bytes};
use otel_core::component::{Context, Metadata, TraceContext};
use otel_core::pdata::{InvalidData, Signal, SignalKind};

const VERSION: u8 = 1;

/// How many bytes tell how many items there are.
pub(super) const START: usize = 16;

/// Why a record holds no request.
#[derive(Debug, thiserror::Error)]
pub(super) enum InvalidRecord {
    #[error("the record is of version {0}, and only version {VERSION} is known")]
    Version(u8),
    #[error("the header of the record is invalid")]
    Header,
    #[error("the request in the record is invalid")]
    Request(#[from] InvalidData),
}

/// The pieces of a record.
pub(super) fn encode<S: Signal>(data: &S, context: &Context) -> Vec<Bytes> {
    let mut header = vec![VERSION, signal(S::KIND), u8::from(context.trace().is_some()), 0];
    header.extend([0; 4]);
    header.extend((data.items() as u64).to_le_bytes());
    if let Some(trace) = context.trace() {
        header.extend(trace.trace_id);
        header.extend(trace.span_id);
        header.push(trace.flags);
    }
    for (key, values) in context.metadata().iter() {
        put_text(&mut header, key);
        header.extend((values.len() as u32).to_le_bytes());
        for value in values {
            put_text(&mut header, value);
        }
    }
    let length = header.len() as u32;
    header[4..8].copy_from_slice(&length.to_le_bytes());
    let segments = data.segments();
    let mut pieces = Vec::with_capacity(segments.len() + 1);
    pieces.push(header.into());
    pieces.extend(segments.cloned());
    pieces
}

/// How many items a record has, by its first [`START`] bytes.
pub(super) fn items(mut start: &[u8]) -> Option<usize> {
    if start.first() != Some(&VERSION) {
        return None;
    }
    start.advance(8.min(start.len()));
    usize::try_from(start.try_get_u64_le().ok()?).ok()
}

/// The request of a record, validated anew, and its context.
pub(super) fn decode<S: Signal>(mut record: Bytes) -> Result<(S, Context), InvalidRecord> {
    match record.first() {
        Some(&VERSION) => {}
        Some(version) => return Err(InvalidRecord::Version(*version)),
        None => return Err(InvalidRecord::Header),
    }
    let length = record.get(4..8).map(|mut length| length.get_u32_le() as usize);
    let header =
        length.filter(|length| (START..=record.len()).contains(length)).map(|at| record.split_to(at));
    let header = header.filter(|header| header[1] == signal(S::KIND));
    let context = header.and_then(|header| context(&header)).ok_or(InvalidRecord::Header)?;
    Ok((S::from_bytes(record)?, context))
}

fn context(header: &[u8]) -> Option<Context> {
    let mut left = &header[START..];
    let mut context = Context::new();
    if header[2] == 1 {
        let mut trace = TraceContext { trace_id: [0; 16], span_id: [0; 8], flags: 0 };
        left.try_copy_to_slice(&mut trace.trace_id).ok()?;
        left.try_copy_to_slice(&mut trace.span_id).ok()?;
        trace.flags = left.try_get_u8().ok()?;
        context = context.with_trace(trace);
    }
    let mut metadata = Metadata::new();
    while left.has_remaining() {
        let key = text(&mut left)?;
        for _ in 0..left.try_get_u32_le().ok()? {
            metadata.append(key, text(&mut left)?);
        }
    }
    Some(if metadata.is_empty() { context } else { context.with_metadata(metadata) })
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u32).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn text<'t>(from: &mut &'t [u8]) -> Option<&'t str> {
    let length = from.try_get_u32_le().ok()? as usize;
    let (text, rest) = from.split_at_checked(length)?;
    *from = rest;
    std::str::from_utf8(text).ok()
}

const fn signal(kind: SignalKind) -> u8 {
    match kind {
        SignalKind::Metrics => 2,
        SignalKind::Logs => 3,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use otel_core::pdata::{Logs, Traces};

    use super::*;

    /// Two resource groups without fields.
    fn traces() -> Traces {
        Traces::from_bytes(Bytes::from_static(&[10, 4, 18, 2, 18, 0, 10, 0])).unwrap()
    }

    fn full() -> Context {
        let mut metadata = Metadata::new();
        metadata.append("x-tenant", "a");
        metadata.append("x-tenant", "");
        metadata.append("x-other", "ü");
        let trace = TraceContext { trace_id: [1; 16], span_id: [2; 8], flags: 1 };
        Context::new().with_metadata(metadata).with_trace(trace)
    }

    #[test]
    fn what_is_written_is_read() {
        for context in [Context::new(), full()] {
            let record = encode(&traces(), &context).concat();
            assert_eq!(items(&record[..START]), Some(1));
            let (data, read) = decode::<Traces>(record.into()).unwrap();
            assert_eq!(data.to_bytes(), traces().to_bytes());
            assert_eq!((read.metadata(), read.trace()), (context.metadata(), context.trace()));
        }
    }

    #[test]
    fn whatever_is_there_is_read_or_refused() {
        let record = encode(&traces(), &full()).concat();
        assert!(matches!(decode::<Logs>(record.clone().into()), Err(InvalidRecord::Header)));
        for length in 0..record.len() {
            let cut = Bytes::copy_from_slice(&record[..length]);
            let is_whole_group = length == record.len() - 2;
            assert!(
                decode::<Traces>(cut.clone()).is_err() || is_whole_group || cut.len() == length,
                "{length}"
            );
        }
        for at in 0..record.len() {
            for bit in 0..8 {
                let mut flipped = record.clone();
                flipped[at] ^= 1 << bit;
                let _ = decode::<Traces>(flipped.into());
            }
        }
        let newer = [2].iter().chain(&record[1..]).copied().collect::<Vec<u8>>();
        assert!(matches!(decode::<Traces>(newer.into()), Err(InvalidRecord::Version(2))));
    }
}
