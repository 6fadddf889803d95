//! What an operation makes, segment by segment.

use std::ops::Range;

use bytes::Bytes;

use super::plan::{Bucket, DROP};
use crate::pdata::payload::{Payload, Segment};

/// The signals being made.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    list: Vec<Output>,
}

/// One signal being made. The pieces are those of the segment at hand.
#[derive(Debug, Default)]
struct Output {
    done: Payload,
    pieces: Vec<Piece>,
    written: Vec<u8>,
}

#[derive(Debug)]
struct Piece {
    /// In the segment or in what was written.
    range: Range<usize>,
    items: usize,
    shared: bool,
}

impl Outputs {
    /// A number of outputs from the start; more are added as they are used.
    pub(super) fn new(len: usize) -> Self {
        let mut outputs = Self::default();
        outputs.list.resize_with(len, Output::default);
        outputs
    }

    /// Takes over a range of the segment at hand.
    pub(super) fn share(&mut self, bucket: Bucket, range: Range<usize>, items: usize) {
        if let Some(output) = self.output(bucket) {
            output.push(Piece { range, items, shared: true });
        }
    }

    /// Takes over what is written.
    pub(super) fn write(&mut self, bucket: Bucket, items: usize, write: impl FnOnce(&mut Vec<u8>)) {
        if let Some(output) = self.output(bucket) {
            let start = output.written.len();
            write(&mut output.written);
            output.push(Piece { range: start..output.written.len(), items, shared: false });
        }
    }

    /// Takes over a whole segment.
    pub(super) fn share_all(&mut self, bucket: Bucket, segment: &Segment) {
        if let Some(output) = self.output(bucket) {
            output.done.push(segment.clone());
        }
    }

    /// Ends a segment.
    pub(super) fn finish(&mut self, segment: &Segment) {
        for output in &mut self.list {
            output.finish(segment);
        }
    }

    pub(super) fn into_payloads(self) -> impl Iterator<Item = Payload> {
        self.list.into_iter().map(|output| output.done)
    }

    fn output(&mut self, bucket: Bucket) -> Option<&mut Output> {
        if bucket == DROP {
            return None;
        }
        let at = bucket as usize;
        if self.list.len() <= at {
            self.list.resize_with(at + 1, Output::default);
        }
        self.list.get_mut(at)
    }
}

impl Output {
    /// Appends a piece, to the last one where it follows that.
    fn push(&mut self, piece: Piece) {
        match self.pieces.last_mut() {
            Some(last) if last.shared == piece.shared && last.range.end == piece.range.start => {
                last.range.end = piece.range.end;
                last.items += piece.items;
            }
            _ => self.pieces.push(piece),
        }
    }

    fn finish(&mut self, segment: &Segment) {
        let shared: usize =
            self.pieces.iter().filter(|piece| piece.shared).map(|piece| piece.range.len()).sum();
        let written = std::mem::take(&mut self.written);
        if shared == segment.bytes.len() && self.pieces.len() == 1 {
            self.pieces.clear();
            self.done.push(segment.clone());
        } else if shared > 0 && shared < segment.pins / 4 {
            // Too little to keep the whole buffer alive for.
            let items = self.pieces.iter().map(|piece| piece.items).sum();
            let mut all = Vec::with_capacity(shared + written.len());
            for piece in self.pieces.drain(..) {
                let source: &[u8] = if piece.shared { &segment.bytes } else { &written };
                all.extend_from_slice(&source[piece.range]);
            }
            self.done.push(Segment::new(all.into(), items));
        } else {
            let written = Segment::new(Bytes::from(written), 0);
            self.done.extend(self.pieces.drain(..).map(|piece| {
                let source = if piece.shared { segment } else { &written };
                source.slice(piece.range, piece.items)
            }));
        }
    }
}
