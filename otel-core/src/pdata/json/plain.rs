//! Copies of strings that JSON holds as they are, which nearly all are, a block at a time.

use super::text::is_special;

/// What is copied at once.
pub(super) const BLOCK: usize = 32;

/// Copies the first `len` bytes of `tail`, if a JSON string holds each as it is. Whole blocks are copied, also from
/// behind the text to behind its copy, so that the texts of nearly all lengths take one path without a loop.
///
/// There have to be `len` bytes in `tail`, and a block more in `to`.
#[inline(always)]
pub(super) fn copy_plain(tail: &[u8], len: usize, to: &mut [u8]) -> bool {
    match tail.first_chunk() {
        Some(block) if len <= BLOCK => {
            *first(to) = *block;
            is_plain(block, len)
        }
        _ => copy_other(&tail[..len], to),
    }
}

/// A long text, or one at the end of a message, where there is not a whole block left.
#[inline(never)]
fn copy_other(text: &[u8], to: &mut [u8]) -> bool {
    let Some(last) = text.last_chunk() else {
        to[..text.len()].copy_from_slice(text);
        return !text.iter().any(|byte| is_special(*byte));
    };
    let mut plain = is_plain(last, BLOCK);
    for (from, to) in text.as_chunks().0.iter().zip(to.as_chunks_mut().0) {
        *to = *from;
        plain &= is_plain(from, BLOCK);
    }
    *first(&mut to[text.len() - BLOCK..]) = *last;
    plain
}

/// Whether a JSON string holds the first `len` bytes as they are. No early end, so that this is vector code.
#[inline(always)]
fn is_plain(block: &[u8; BLOCK], len: usize) -> bool {
    /// What is laid over a block, so that no byte behind the text is special.
    static OVER: [u8; 2 * BLOCK] = {
        let mut over = [0; 2 * BLOCK];
        let mut at = BLOCK;
        while at < over.len() {
            over[at] = 0xff;
            at += 1;
        }
        over
    };
    let over = &OVER[BLOCK - len.min(BLOCK)..];
    let mut special = 0;
    for (byte, over) in block.iter().zip(over) {
        special |= u8::from(is_special(*byte | over));
    }
    special == 0
}

/// The first bytes of `to`, of which there are enough.
#[inline(always)]
pub(super) fn first<const N: usize>(to: &mut [u8]) -> &mut [u8; N] {
    to.first_chunk_mut().expect("the callers leave room for a block more than they need")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_plain_is_copied_and_nothing_else_passes() {
        let tail: Vec<u8> = (0..200u8).map(|byte| byte.max(b'#')).filter(|byte| *byte != b'\\').collect();
        for len in 0..140 {
            for rest in [0, 1, 31, 32, 50] {
                let mut tail = tail[..len + rest].to_vec();
                let mut to = vec![0; len + BLOCK];
                assert!(copy_plain(&tail, len, &mut to), "{len} and {rest}");
                assert_eq!(to[..len], tail[..len]);
                for at in 0..tail.len() {
                    let byte = std::mem::replace(&mut tail[at], [b'"', b'\\', 0, 0x1f][at % 4]);
                    assert_eq!(copy_plain(&tail, len, &mut to), at >= len, "{at} of {len} and {rest}");
                    tail[at] = byte;
                }
            }
        }
    }
}
