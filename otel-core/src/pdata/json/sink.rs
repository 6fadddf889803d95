//! Where JSON is put together: a small buffer in front of the caller's vector.
//!
//! Most pieces are a few bytes long. In a buffer of fixed size they are stores of fixed size, where a vector
//! would check its capacity and call `memcpy` for each.

use super::text::{hex_pair, put_string, special};
use crate::pdata::schema::JsonName;

/// No piece that is put together in the buffer is longer than the part of it that `MARGIN` leaves.
const SIZE: usize = 4096;
const MARGIN: usize = 64;

/// Room for a key and a text of 127 bytes each, copied in blocks of 32, with all that is around them.
const ATTRIBUTE: usize = 352;

pub(super) struct Sink<'a> {
    out: &'a mut Vec<u8>,
    buffer: [u8; SIZE],
    at: usize,
}

impl<'a> Sink<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, buffer: [0; SIZE], at: 0 }
    }

    /// Hands over what is still in the buffer.
    pub(super) fn finish(mut self) {
        self.flush();
    }

    fn flush(&mut self) {
        self.out.extend_from_slice(&self.buffer[..self.at]);
        self.at = 0;
    }

    /// A slice of `N` bytes to write to, of which `len` are kept.
    #[inline]
    fn room<const N: usize>(&mut self, len: usize) -> &mut [u8; N] {
        if self.at + N > SIZE {
            self.flush();
        }
        let room = self.buffer[self.at..].first_chunk_mut().expect("the buffer has room after a flush");
        self.at += len;
        room
    }

    /// Room for an attribute, of which [`Sink::keep`] keeps the beginning.
    #[inline]
    pub(super) fn peek(&mut self) -> &mut [u8; ATTRIBUTE] {
        self.room(0)
    }

    /// Keeps so much of what was written to [`Sink::peek`].
    #[inline]
    pub(super) fn keep(&mut self, len: usize) {
        self.at += len;
    }

    #[inline]
    pub(super) fn byte(&mut self, byte: u8) {
        *self.room(1) = [byte];
    }

    #[inline]
    pub(super) fn put<const N: usize>(&mut self, bytes: &[u8; N]) {
        *self.room(N) = *bytes;
    }

    /// A few bytes: a number.
    #[inline]
    pub(super) fn short(&mut self, bytes: &[u8]) {
        debug_assert!(bytes.len() <= MARGIN, "only short texts come here");
        self.room::<MARGIN>(bytes.len())[..bytes.len()].copy_from_slice(bytes);
    }

    /// The name of a member with the colon, and the comma in front of it unless it is the first.
    #[inline]
    pub(super) fn name(&mut self, name: &JsonName, first: &mut bool) {
        if !std::mem::take(first) {
            self.byte(b',');
        }
        let (text, len) = name.padded();
        *self.room(len) = *text;
    }

    /// A string in quotes.
    #[inline]
    pub(super) fn string(&mut self, text: &[u8]) {
        if self.at + text.len() + 2 > SIZE {
            self.flush();
        }
        let end = self.at + 1 + text.len();
        if end < SIZE && copy_plain(text, &mut self.buffer[self.at + 1..end]) {
            self.buffer[self.at] = b'"';
            self.buffer[end] = b'"';
            self.at = end + 1;
        } else {
            self.flush();
            put_string(self.out, text);
        }
    }

    /// Hexadecimal digits in quotes, of at most 16 bytes.
    #[inline]
    pub(super) fn hex(&mut self, bytes: &[u8]) {
        let room: &mut [u8; MARGIN] = self.room(2 + 2 * bytes.len());
        room[0] = b'"';
        for (pair, byte) in room[1..].chunks_exact_mut(2).zip(bytes) {
            pair.copy_from_slice(hex_pair(*byte));
        }
        room[1 + 2 * bytes.len()] = b'"';
    }

    /// A number in decimal.
    #[inline]
    pub(super) fn decimal(&mut self, mut value: u64) {
        // Written in place from the right: a buffer of its own would be read again before its stores are done.
        let len = value.checked_ilog10().map_or(1, |log| log as usize + 1);
        let room: &mut [u8; MARGIN] = self.room(len);
        let mut at = len;
        while value >= 100 {
            let pair = decimal_pair(value % 100);
            value /= 100;
            at -= 2;
            room[at..at + 2].copy_from_slice(&pair);
        }
        if value >= 10 {
            room[..2].copy_from_slice(&decimal_pair(value));
        } else {
            room[0] = b'0' + value as u8;
        }
    }

    /// Access to the vector itself, for what is rare.
    #[cold]
    pub(super) fn vector(&mut self) -> &mut Vec<u8> {
        self.flush();
        self.out
    }
}

/// Two decimal digits.
#[inline]
fn decimal_pair(value: u64) -> [u8; 2] {
    [b'0' + (value / 10) as u8, b'0' + (value % 10) as u8]
}

/// Copies text of which a JSON string holds every byte as it is; false, with part of it copied, where one has to
/// be escaped. Both slices have one length.
#[inline]
fn copy_plain(text: &[u8], to: &mut [u8]) -> bool {
    let len = text.len();
    if len < 8 {
        for (from, to) in text.iter().zip(to) {
            if super::text::is_special(*from) {
                return false;
            }
            *to = *from;
        }
        return true;
    }
    let mut hits = 0;
    for (from, to) in text.chunks_exact(8).zip(to.chunks_exact_mut(8)) {
        hits |= special(u64::from_le_bytes(from.try_into().expect("a chunk has eight bytes")));
        to.copy_from_slice(from);
    }
    // The rest, along with bytes that are copied already.
    let (Some(from), Some(to)) = (text.last_chunk::<8>(), to.last_chunk_mut::<8>()) else { return false };
    *to = *from;
    (hits | special(u64::from_le_bytes(*from))) == 0
}
