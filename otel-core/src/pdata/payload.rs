//! The rope under the signal types.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::wire::put_run;

/// A run of whole top-level fields of an export request, in one piece of memory, with its item count.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    pub(crate) bytes: Bytes,
    pub(crate) items: usize,
    /// Length of the buffer that the bytes are a slice of and keep alive.
    pub(crate) pins: usize,
}

impl Segment {
    /// A segment that has its buffer to itself.
    pub(crate) fn new(bytes: Bytes, items: usize) -> Self {
        let pins = bytes.len();
        Self { bytes, items, pins }
    }

    /// A segment of what was written to `buffer`, which is taken; where it fills less than a quarter, it is copied
    /// and the buffer stays, empty.
    pub(crate) fn take(buffer: &mut Vec<u8>, items: usize) -> Self {
        let pins = buffer.capacity();
        if buffer.len() < pins / 4 {
            let copy = Self::new(Bytes::copy_from_slice(buffer), items);
            buffer.clear();
            return copy;
        }
        Self { bytes: Bytes::from(std::mem::take(buffer)), items, pins }
    }

    /// A part of the segment, which pins the same buffer.
    pub(crate) fn slice(&self, range: Range<usize>, items: usize) -> Self {
        Self { bytes: self.bytes.slice(range), items, pins: self.pins }
    }
}

/// The encoded request as segments one after the other. No segment is empty.
#[derive(Debug, Clone, Default)]
pub(crate) struct Payload {
    segments: Segments,
    items: usize,
    len: usize,
}

/// Most signals are one segment, so that case has no indirection.
#[derive(Debug, Clone, Default)]
enum Segments {
    #[default]
    None,
    One(Segment),
    Many(Arc<Vec<Segment>>),
}

impl Payload {
    pub(crate) fn from_segment(bytes: Bytes, items: usize) -> Self {
        let mut payload = Self::default();
        payload.push(Segment::new(bytes, items));
        payload
    }

    pub(crate) fn from_segments(segments: Vec<Segment>) -> Self {
        let mut payload = Self::default();
        payload.extend(segments);
        payload
    }

    /// Number of items: spans, data points or log records.
    #[inline]
    pub(crate) fn items(&self) -> usize {
        self.items
    }

    /// Length of the encoded request in bytes.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn segments(&self) -> &[Segment] {
        match &self.segments {
            Segments::None => &[],
            Segments::One(segment) => std::slice::from_ref(segment),
            Segments::Many(segments) => segments,
        }
    }

    /// Takes the segments, without a copy where nobody else holds them.
    pub(crate) fn into_segments(self) -> Vec<Segment> {
        match self.segments {
            Segments::None => Vec::new(),
            Segments::One(segment) => vec![segment],
            Segments::Many(segments) => Arc::unwrap_or_clone(segments),
        }
    }

    pub(crate) fn push(&mut self, segment: Segment) {
        self.extend([segment]);
    }

    /// Appends segments; empty ones are left out.
    pub(crate) fn extend(&mut self, more: impl IntoIterator<Item = Segment>) {
        for segment in more {
            if segment.bytes.is_empty() {
                continue;
            }
            self.items += segment.items;
            self.len += segment.bytes.len();
            self.segments = match std::mem::take(&mut self.segments) {
                Segments::None => Segments::One(segment),
                Segments::One(first) => Segments::Many(Arc::new(vec![first, segment])),
                Segments::Many(mut segments) => {
                    Arc::make_mut(&mut segments).push(segment);
                    Segments::Many(segments)
                }
            };
        }
    }

    /// The encoded request in one piece: shared where there is one segment, one copy otherwise.
    pub(crate) fn to_bytes(&self) -> Bytes {
        match self.segments() {
            [] => Bytes::new(),
            [segment] => segment.bytes.clone(),
            segments => {
                let mut out = Vec::with_capacity(self.len);
                for segment in segments {
                    put_run(&mut out, &segment.bytes);
                }
                Bytes::from(out)
            }
        }
    }
}
