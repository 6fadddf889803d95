//! Cutting a rope into parts of one size.

use std::num::NonZeroUsize;
use std::vec;

use super::cut::{Cut, push_between};
use crate::pdata::Signal;
use crate::pdata::payload::{Payload, Segment};

/// The parts of a signal, each of the same number of items but for the last.
///
/// A resource group that is cut into many parts is copied once in all.
#[derive(Debug)]
pub struct Chunks<S> {
    max: NonZeroUsize,
    segments: vec::IntoIter<Segment>,
    /// A segment of which only the part behind a place is left, and the items before that place.
    rest: Option<(Segment, Cut, usize)>,
    signal: std::marker::PhantomData<S>,
}

impl<S: Signal> Chunks<S> {
    pub(crate) fn new(signal: S, max: NonZeroUsize) -> Self {
        let segments = signal.into_payload().into_segments().into_iter();
        Self { max, segments, rest: None, signal: std::marker::PhantomData }
    }
}

impl<S: Signal> Iterator for Chunks<S> {
    type Item = S;

    fn next(&mut self) -> Option<S> {
        let mut chunk = Payload::default();
        loop {
            let left = self.max.get() - chunk.items();
            let (segment, from, before) = match self.rest.take() {
                Some(rest) => rest,
                None => match self.segments.next() {
                    Some(segment) => (segment, Cut::START, 0),
                    None => break,
                },
            };
            let held = segment.items - before;
            if held <= left {
                push_between(S::KIND, &segment, (&from, &Cut::END), held, &mut chunk);
                continue;
            }
            if left == 0 {
                self.rest = Some((segment, from, before));
                break;
            }
            let to = Cut::after_items(S::KIND, &segment.bytes, before + left);
            push_between(S::KIND, &segment, (&from, &to), left, &mut chunk);
            self.rest = Some((segment, to, before + left));
            break;
        }
        (chunk.len() > 0).then(|| S::from_payload(chunk))
    }
}
