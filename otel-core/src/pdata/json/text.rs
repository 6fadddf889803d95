//! Strings as both directions see them.

/// Length of the prefix that a JSON string holds as it is: up to the first quote, backslash or control
/// character.
///
/// Eight bytes at a time: most strings of telemetry are 5 to 40 bytes long, where a call to a vectorised search
/// costs more than it saves.
#[inline]
pub(super) fn plain_len(bytes: &[u8]) -> usize {
    let mut chunks = bytes.chunks_exact(8);
    let mut at = 0;
    for chunk in &mut chunks {
        let hits = special(u64::from_le_bytes(chunk.try_into().expect("a chunk has eight bytes")));
        if hits != 0 {
            return at + hits.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at + chunks.remainder().iter().take_while(|byte| !is_special(**byte)).count()
}

#[inline]
pub(super) fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// The high bit of every special byte, at least of the first one: the subtractions can borrow from the byte
/// above a hit.
#[inline]
pub(super) fn special(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let quote = word ^ (ONES * u64::from(b'"'));
    let backslash = word ^ (ONES * u64::from(b'\\'));
    let hits = (quote.wrapping_sub(ONES) & !quote)
        | (backslash.wrapping_sub(ONES) & !backslash)
        | (word.wrapping_sub(ONES * 0x20) & !word);
    hits & (ONES << 7)
}

/// Writes a JSON string, in quotes.
#[inline]
pub(super) fn put_string(out: &mut Vec<u8>, text: &[u8]) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let plain = plain_len(text);
    out.extend_from_slice(&text[..plain]);
    if plain < text.len() {
        put_escaped(out, &text[plain..]);
    }
    out.push(b'"');
}

#[cold]
fn put_escaped(out: &mut Vec<u8>, mut text: &[u8]) {
    while let Some((byte, rest)) = text.split_first() {
        match *byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            byte => {
                let mut escape = *b"\\u0000";
                put_hex(&[byte], &mut escape[4..]);
                out.extend_from_slice(&escape);
            }
        }
        let plain = plain_len(rest);
        out.extend_from_slice(&rest[..plain]);
        text = &rest[plain..];
    }
}

/// Writes bytes as hexadecimal digits, lower case.
#[inline]
pub(super) fn put_hex<const N: usize>(bytes: &[u8; N], to: &mut [u8]) {
    // Without a table, this is vector code.
    let digit = |value: u8| value + if value < 10 { b'0' } else { b'a' - 10 };
    for (byte, to) in bytes.iter().zip(to.as_chunks_mut().0) {
        *to = [digit(byte >> 4), digit(byte & 15)];
    }
}

/// The value of a hexadecimal digit.
#[inline]
pub(super) fn hex_digit(byte: u8) -> Option<u8> {
    const NONE: u8 = 0xff;
    const VALUES: [u8; 256] = {
        let mut values = [NONE; 256];
        let mut digit = 0;
        while digit < 16 {
            values[b"0123456789abcdef"[digit as usize] as usize] = digit;
            values[b"0123456789ABCDEF"[digit as usize] as usize] = digit;
            digit += 1;
        }
        values
    };
    Some(VALUES[usize::from(byte)]).filter(|value| *value != NONE)
}

/// Exactly `2 * N` hexadecimal digits.
#[inline]
pub(super) fn parse_hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if digits.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = hex_digit(pair[0])? << 4 | hex_digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_special_byte_is_found_wherever_it_stands() {
        for special in [b'"', b'\\', 0, 0x1f, b'\n'] {
            for len in 0..40 {
                for at in 0..=len {
                    let mut text = vec![b' '; len];
                    text.iter_mut().step_by(3).for_each(|byte| *byte = 0xff);
                    text.iter_mut().skip(1).step_by(3).for_each(|byte| *byte = b'!');
                    if at < len {
                        text[at] = special;
                    }
                    assert_eq!(plain_len(&text), at, "{special} at {at} of {len}");
                }
            }
        }
    }
}
