//! Attributes on their way out.
//!
//! They are most of a request, and nearly all of them have one shape: a key and one scalar, with lengths below
//! 128, and nothing else. A straight line for it takes a request of 1,000 spans from 1.4 ms to 0.9 ms.

use super::sink::Sink;
use super::text::special;
use super::write::{double, number, quoted};
use crate::pdata::schema::Kind;
use crate::pdata::wire::read_varint;

/// Writes the pair that takes the first `len` bytes of `tail`. False, with nothing written, if it is not of the
/// usual shape.
#[inline]
pub(super) fn write_pair(len: usize, tail: &[u8], out: &mut Sink<'_>) -> bool {
    let [0x0a, key_len, ..] = *tail else { return false };
    let key = usize::from(key_len);
    let value = key + 4;
    // The value is the other field and takes the rest of the pair.
    if key_len >= 0x80
        || value >= len
        || tail[key + 2] != 0x12
        || tail[key + 3] >= 0x80
        || usize::from(tail[key + 3]) != len - value
    {
        return false;
    }
    let room = out.peek();
    *first(room) = *b"{\"key\":\"";
    if !copy_plain(&tail[2..], key, &mut room[8..]) {
        return false;
    }
    let at = 8 + key;
    *first(&mut room[at..]) = *b"\",\"value\":{\"";
    let at = at + 12;
    match tail[value] {
        0x0a if value + 2 <= len && usize::from(tail[value + 1]) == len - value - 2 => {
            let text = len - value - 2;
            *first(&mut room[at..]) = *b"stringValue\":\"";
            if !copy_plain(&tail[value + 2..], text, &mut room[at + 14..]) {
                return false;
            }
            let at = at + 14 + text;
            *first(&mut room[at..]) = *b"\"}}";
            out.keep(at + 3);
            return true;
        }
        0x18 => {
            let Some((bits, end)) = read_varint(&tail[..len], value + 1) else { return false };
            if end != len {
                return false;
            }
            *first(&mut room[at..]) = *b"intValue\":";
            out.keep(at + 10);
            quoted(bits as i64, out);
        }
        0x10 if len == value + 2 && tail[value + 1] < 2 => {
            *first(&mut room[at..]) = *b"boolValue\":";
            out.keep(at + 11);
            number(Kind::Bool, tail[value + 1].into(), out);
        }
        0x21 if len == value + 9 => {
            let Some(bits) = tail[value + 1..].first_chunk() else { return false };
            *first(&mut room[at..]) = *b"doubleValue\":";
            out.keep(at + 13);
            double(f64::from_le_bytes(*bits), out);
        }
        _ => return false,
    }
    out.put(b"}}");
    true
}

#[inline]
fn first<const N: usize>(room: &mut [u8]) -> &mut [u8; N] {
    room.first_chunk_mut().expect("the room is wider than any usual pair")
}

/// Copies the first `len` bytes of `tail`, if a JSON string holds each as it is. Whole blocks are copied, also
/// from behind the text, so that short texts of all lengths take one path.
#[inline]
fn copy_plain(tail: &[u8], len: usize, room: &mut [u8]) -> bool {
    let mut at = 0;
    while at < len {
        let left = len - at;
        let mut block = [0; 16];
        match tail[at..].first_chunk::<16>() {
            Some(whole) => block = *whole,
            None => block[..left].copy_from_slice(&tail[at..len]),
        }
        let (low, high) = (block[..8].try_into(), block[8..].try_into());
        let low = special(u64::from_le_bytes(low.expect("half of a block is eight bytes"))) & mask(left);
        let high = special(u64::from_le_bytes(high.expect("half of a block is eight bytes")))
            & mask(left.saturating_sub(8));
        if low | high != 0 {
            return false;
        }
        *first(&mut room[at..]) = block;
        at += 16;
    }
    true
}

/// The bits of the first `len` bytes of a word.
#[inline]
fn mask(len: usize) -> u64 {
    if len >= 8 { u64::MAX } else { (1 << (8 * len)) - 1 }
}
