//! Where JSON is put together: a small buffer in front of the caller's vector.
//!
//! Most pieces are a few bytes long. In a buffer of fixed size they are stores of fixed size, where a vector
//! would check its capacity and call `memcpy` for each.

use super::number::{MOST_DIGITS, put_decimal};
use super::plain::{BLOCK, copy_plain, first};
use super::text::{put_hex, put_string};
use crate::pdata::schema::JsonName;

/// No piece that is put together in the buffer is longer than the part of it that `MARGIN` leaves.
const SIZE: usize = 4096;
const MARGIN: usize = 64;

/// Room for a key and a text of 127 bytes each, with all that is around them and a block to spare.
const ATTRIBUTE: usize = 352;

/// Strings longer than this do not go through the buffer.
const LONG: usize = 1024;

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
        let (text, len) = name.padded(!std::mem::take(first));
        *self.room(len) = *text;
    }

    /// The first `len` bytes of `tail`, as a string in quotes.
    #[inline]
    pub(super) fn string(&mut self, tail: &[u8], len: usize) {
        if self.at + len.min(LONG) + 2 + BLOCK > SIZE {
            self.flush();
        }
        let room = &mut self.buffer[self.at..];
        if len <= LONG && copy_plain(tail, len, &mut room[1..]) {
            room[0] = b'"';
            room[1 + len] = b'"';
            self.at += len + 2;
        } else {
            put_string(self.vector(), &tail[..len]);
        }
    }

    /// An identifier of `N` bytes, hexadecimal in quotes.
    #[inline]
    pub(super) fn hex<const N: usize>(&mut self, id: &[u8; N]) {
        let room: &mut [u8; MARGIN] = self.room(2 + 2 * N);
        room[0] = b'"';
        put_hex(id, &mut room[1..]);
        room[1 + 2 * N] = b'"';
    }

    /// A number in decimal, with a sign if it is `negative` and in quotes if it is `quoted`.
    #[inline]
    pub(super) fn decimal(&mut self, negative: bool, magnitude: u64, quoted: bool) {
        // Whatever is not wanted is written over.
        let room: &mut [u8; MARGIN] = self.room(0);
        room[0] = b'"';
        let mut len = usize::from(quoted);
        room[len] = b'-';
        len += usize::from(negative);
        len += put_decimal(magnitude, first::<MOST_DIGITS>(&mut room[len..]));
        room[len] = b'"';
        self.at += len + usize::from(quoted);
    }

    /// Access to the vector itself, for what is rare.
    #[cold]
    pub(super) fn vector(&mut self) -> &mut Vec<u8> {
        self.flush();
        self.out
    }
}
