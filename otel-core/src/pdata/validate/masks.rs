//! Which bytes have their high bit set, as a bitmap of a window that moves along the request.
//!
//! With it the check of a string is a mask test, whatever its length up to 57: only a string with a high bit
//! in it needs a look at its bytes.

use crate::pdata::raw;

/// Bytes that the window covers. Its bitmap and what it covers stay in the first-level cache.
const WINDOW: usize = 8192;

/// Bits that one look gives.
pub(super) const MOST: usize = 57;

pub(super) struct Masks {
    /// One bit a byte of the window, and room for a read of eight bytes at its end.
    bits: [u8; WINDOW / 8 + 8],
    /// First byte of the window.
    base: usize,
    /// One past the last byte that the window covers.
    limit: usize,
}

impl Masks {
    pub(super) fn new() -> Self {
        Self { bits: [0; WINDOW / 8 + 8], base: 0, limit: 0 }
    }

    /// The high bits of `len` bytes from `at`, that of the first byte lowest. `len` is at most [`MOST`], and the
    /// bytes are in `bytes`, the same at every look. A look behind the window is allowed, but costs a move.
    #[inline(always)]
    pub(super) fn high_bits(&mut self, bytes: &[u8], at: usize, len: usize) -> u64 {
        debug_assert!(len <= MOST && at + len <= bytes.len());
        if at + len > self.limit || at < self.base {
            self.move_to(bytes, at);
        }
        self.window().bits_from(at) & !(u64::MAX << len)
    }

    /// The window, for many looks.
    #[inline(always)]
    pub(super) fn window(&self) -> Window<'_> {
        Window { bits: &self.bits, base: self.base, limit: self.limit }
    }

    /// The window after it was moved to start at `at`.
    #[inline(never)]
    pub(super) fn moved(&mut self, bytes: &[u8], at: usize) -> Window<'_> {
        self.move_to(bytes, at);
        self.window()
    }

    #[inline(never)]
    fn move_to(&mut self, bytes: &[u8], at: usize) {
        let window = &bytes[at..bytes.len().min(at + WINDOW)];
        self.base = at;
        self.limit = at + window.len();
        raw::high_bits(window, &mut self.bits);
    }
}

/// A window that stands still.
#[derive(Clone, Copy)]
pub(super) struct Window<'a> {
    bits: &'a [u8; WINDOW / 8 + 8],
    base: usize,
    limit: usize,
}

impl Window<'_> {
    /// Whether the bytes `from..end` are in the window.
    #[inline(always)]
    pub(super) fn covers(&self, from: usize, end: usize) -> bool {
        end <= self.limit && from >= self.base
    }

    /// The high bits of [`MOST`] bytes from `at` or a few more, that of the first byte lowest.
    #[inline(always)]
    fn bits_from(&self, at: usize) -> u64 {
        let place = at - self.base;
        let word = self.bits[(place / 8) % (WINDOW / 8)..]
            .first_chunk()
            .map_or(u64::MAX, |word| u64::from_le_bytes(*word));
        word >> (place % 8)
    }

    /// The high bits of the bytes `from..end`, that of the last byte highest. It is 1 to [`MOST`] bytes, in the
    /// window.
    #[inline(always)]
    pub(super) fn bits_up_to(&self, from: usize, end: usize) -> u64 {
        debug_assert!(self.covers(from, end) && (1..=MOST).contains(&(end - from)));
        self.bits_from(from) << ((64 - (end - from)) % 64)
    }

    /// Whether one of the bytes `from..end` has its high bit set. It is one byte at least, in the window.
    #[inline(always)]
    pub(super) fn is_any_high(&self, from: usize, end: usize) -> bool {
        let long = end - from > MOST && self.is_any_high_in_long(from, end - MOST);
        long || self.bits_up_to(from.max(end.saturating_sub(MOST)), end) != 0
    }

    #[inline(never)]
    fn is_any_high_in_long(&self, mut from: usize, end: usize) -> bool {
        let mut high = 0;
        while from < end {
            let next = end.min(from + MOST);
            high |= self.bits_up_to(from, next);
            from = next;
        }
        high != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_are_those_of_the_bytes_wherever_the_window_is() {
        let mut state = 1u32;
        let bytes: Vec<u8> = (0..3 * WINDOW + 5)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        let mut masks = Masks::new();
        for at in (0..bytes.len()).step_by(if cfg!(miri) { 101 } else { 1 }) {
            for len in [0, 1, 7, 13, MOST] {
                if at + len > bytes.len() {
                    continue;
                }
                let expected = (0..len).fold(0, |bits, i| bits | u64::from(bytes[at + i] >> 7) << i);
                assert_eq!(masks.high_bits(&bytes, at, len), expected, "{len} from {at}");
            }
        }
    }
}
