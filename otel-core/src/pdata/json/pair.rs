//! Attributes on their way out.
//!
//! They are most of a request, and nearly all of them have one shape: a key and one scalar, with lengths below
//! 128, and nothing else. A straight line for it takes a request of 1,000 spans from 1.4 ms to 0.52 ms.

use super::plain::{copy_plain, first};
use super::sink::Sink;
use super::write::{double, number};
use crate::pdata::schema::Kind;
use crate::pdata::wire::read_varint;

/// Writes the pair that takes the first `len` bytes of `tail`, behind `separator`. False, with nothing written, if
/// it is not of the usual shape.
#[inline(always)]
pub(super) fn write_pair(separator: u8, len: usize, tail: &[u8], out: &mut Sink<'_>) -> bool {
    let Some([0x0a, key_len, ..]) = tail.get(..len) else { return false };
    let key = usize::from(*key_len);
    let value = key + 4;
    // The value is the other field and takes the rest of the pair.
    if key >= 0x80
        || value >= len
        || tail[key + 2] != 0x12
        || tail[key + 3] >= 0x80
        || usize::from(tail[key + 3]) != len - value
    {
        return false;
    }
    let room = out.peek();
    // The constants are padded: one store of a block is cheaper than two that fit.
    *first(room) = *b"?{\"key\":\"???????";
    room[0] = separator;
    let at = 9 + key;
    if !copy_plain(&tail[2..], key, &mut room[9..]) {
        return false;
    }
    let room = &mut room[at..];
    match tail[value] {
        0x0a if value + 2 <= len && usize::from(tail[value + 1]) == len - value - 2 => {
            let text = len - value - 2;
            *first(room) = *b"\",\"value\":{\"stringValue\":\"??????";
            if !copy_plain(&tail[value + 2..], text, &mut room[26..]) {
                return false;
            }
            *first(&mut room[26 + text..]) = *b"\"}}?";
            out.keep(at + 26 + text + 3);
            return true;
        }
        0x18 => {
            let Some((bits, end)) = read_varint(&tail[..len], value + 1) else { return false };
            if end != len {
                return false;
            }
            *first(room) = *b"\",\"value\":{\"intValue\":??????????";
            out.keep(at + 22);
            number(Kind::Int64, bits, out);
        }
        0x10 if len == value + 2 && tail[value + 1] < 2 => {
            *first(room) = *b"\",\"value\":{\"boolValue\":?????????";
            out.keep(at + 23);
            number(Kind::Bool, tail[value + 1].into(), out);
        }
        0x21 if len == value + 9 => {
            let Some(bits) = tail[value + 1..].first_chunk() else { return false };
            *first(room) = *b"\",\"value\":{\"doubleValue\":???????";
            out.keep(at + 25);
            double(f64::from_le_bytes(*bits), out);
        }
        _ => return false,
    }
    out.put(b"}}");
    true
}
