//! The scanner: JSON's tokens, one after the other.

use super::error::{Fault, Scan};
use super::number::Integer;
use super::text::{hex_digit, plain_len};

/// A place in JSON text that is known to be UTF-8.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    /// Holds a string that has escapes.
    scratch: Vec<u8>,
}

impl<'a> Scanner<'a> {
    /// Fails where the text is not UTF-8.
    pub(super) fn new(text: &'a [u8]) -> Scan<Self> {
        match std::str::from_utf8(text) {
            Ok(_) => Ok(Self { text, at: 0, scratch: Vec::new() }),
            Err(error) => Err(Fault::new(error.valid_up_to(), "the text is not UTF-8")),
        }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Goes back to where the scanner has been.
    pub(super) fn go_to(&mut self, at: usize) {
        self.at = at;
    }

    /// How much text is left.
    pub(super) fn remaining(&self) -> usize {
        self.text.len() - self.at
    }

    #[cold]
    pub(super) fn fault(&self, expected: &str) -> Fault {
        let found = match self.text.get(self.at) {
            None => "the end",
            Some(b'"') => "a string",
            Some(b'{') => "an object",
            Some(b'[') => "a list",
            Some(b'-' | b'0'..=b'9') => "a number",
            Some(b't' | b'f') if self.text[self.at..].starts_with(b"true") => "true",
            Some(b't' | b'f') if self.text[self.at..].starts_with(b"false") => "false",
            Some(b'n') if self.text[self.at..].starts_with(b"null") => "null",
            Some(_) => {
                let text = String::from_utf8_lossy(&self.text[self.at..self.text.len().min(self.at + 4)]);
                let found = text.chars().next().unwrap_or_default();
                return Fault::new(self.at, format!("expected {expected}, found {found:?}"));
            }
        };
        Fault::new(self.at, format!("expected {expected}, found {found}"))
    }

    /// The byte that comes next, white space skipped; 0 at the end.
    #[inline]
    pub(super) fn peek(&mut self) -> u8 {
        loop {
            match self.text.get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                Some(byte) => return *byte,
                None => return 0,
            }
        }
    }

    /// Steps over the byte that was peeked.
    #[inline]
    pub(super) fn step(&mut self) {
        self.at += 1;
    }

    #[inline]
    pub(super) fn expect(&mut self, byte: u8, name: &str) -> Scan<()> {
        if self.peek() != byte {
            return Err(self.fault(name));
        }
        self.at += 1;
        Ok(())
    }

    /// After an element of an object or list: whether another one follows, or it ends with `close`.
    #[inline]
    pub(super) fn another(&mut self, close: u8) -> Scan<bool> {
        match self.peek() {
            b',' => {
                self.at += 1;
                Ok(true)
            }
            byte if byte == close => {
                self.at += 1;
                Ok(false)
            }
            _ => Err(self.fault(if close == b'}' { "\",\" or \"}\"" } else { "\",\" or \"]\"" })),
        }
    }

    /// After the opening of an object or list: whether it ends at once.
    #[inline]
    pub(super) fn ends(&mut self, close: u8) -> bool {
        let ends = self.peek() == close;
        self.at += usize::from(ends);
        ends
    }

    /// Whether `null` comes next, which is then stepped over.
    #[inline]
    pub(super) fn null(&mut self) -> Scan<bool> {
        if self.peek() != b'n' {
            return Ok(false);
        }
        self.literal(b"null").map(|()| true)
    }

    pub(super) fn bool(&mut self) -> Scan<bool> {
        match self.peek() {
            b't' => self.literal(b"true").map(|()| true),
            b'f' => self.literal(b"false").map(|()| false),
            _ => Err(self.fault("true or false")),
        }
    }

    fn literal(&mut self, literal: &[u8]) -> Scan<()> {
        if !self.text[self.at..].starts_with(literal) {
            return Err(self.fault("a value"));
        }
        self.at += literal.len();
        Ok(())
    }

    /// Whether exactly `quoted` comes next, such as `"key":`, which is then stepped over.
    #[inline]
    pub(super) fn take(&mut self, quoted: &[u8]) -> bool {
        let taken = self.text[self.at..].starts_with(quoted);
        self.at += if taken { quoted.len() } else { 0 };
        taken
    }

    /// The string's text up to its first escape or its end, if the quote that opens it was stepped over; nothing
    /// if it does not end in a quote there. The closing quote is not stepped over.
    #[inline]
    pub(super) fn plain(&mut self) -> Option<&'a [u8]> {
        let rest = &self.text[self.at..];
        let len = plain_len(rest);
        self.at += len;
        (rest.get(len) == Some(&b'"')).then(|| &rest[..len])
    }

    /// The digits that come next, at most 19, with their sign.
    #[inline]
    pub(super) fn digits(&mut self) -> Option<Integer> {
        let (number, len) = Integer::short_prefix(&self.text[self.at..]);
        self.at += len;
        (len > 0).then_some(number)
    }

    /// The name of an object's member and the colon after it.
    #[inline]
    pub(super) fn name(&mut self) -> Scan<&[u8]> {
        if self.peek() != b'"' {
            return Err(self.fault("a name in quotes"));
        }
        let start = self.at + 1;
        let plain = self.string()?.len();
        let escaped = self.at != start + plain + 1;
        self.expect(b':', "\":\"")?;
        Ok(if escaped { &self.scratch } else { &self.text[start..start + plain] })
    }

    /// A string, without its escapes.
    #[inline]
    pub(super) fn string(&mut self) -> Scan<&[u8]> {
        if self.peek() != b'"' {
            return Err(self.fault("a string"));
        }
        let start = self.at + 1;
        let end = start + plain_len(&self.text[start..]);
        if self.text.get(end) == Some(&b'"') {
            self.at = end + 1;
            return Ok(&self.text[start..end]);
        }
        self.escaped_string(start)
    }

    #[cold]
    fn escaped_string(&mut self, start: usize) -> Scan<&[u8]> {
        self.scratch.clear();
        let opening = self.at;
        self.at = start;
        loop {
            let plain = plain_len(&self.text[self.at..]);
            self.scratch.extend_from_slice(&self.text[self.at..self.at + plain]);
            self.at += plain;
            match self.text.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(&self.scratch);
                }
                Some(b'\\') => {
                    let escaped = self.escape()?;
                    self.scratch.extend_from_slice(escaped.encode_utf8(&mut [0; 4]).as_bytes());
                }
                Some(_) => {
                    return Err(Fault::new(self.at, "a control character in a string has to be escaped"));
                }
                None => return Err(Fault::new(opening, "the string does not end")),
            }
        }
    }

    /// The character of the escape that starts here.
    fn escape(&mut self) -> Scan<char> {
        let start = self.at;
        self.at += 2;
        Ok(match self.text.get(start + 1) {
            Some(character @ (b'"' | b'\\' | b'/')) => char::from(*character),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let first = self.code_unit(start)?;
                let high = (0xd800..0xdc00).contains(&first);
                if high && self.text[self.at..].starts_with(b"\\u") {
                    let second_start = self.at;
                    self.at += 2;
                    let second = self.code_unit(second_start)?;
                    if let Some(Ok(pair)) = char::decode_utf16([first, second]).next() {
                        return Ok(pair);
                    }
                    // The second one speaks for itself.
                    self.at = second_start;
                }
                char::from_u32(u32::from(first)).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => return Err(Fault::new(start, "an escape that JSON does not have")),
        })
    }

    /// The four digits of the `\u` escape at `start`.
    fn code_unit(&mut self, start: usize) -> Scan<u16> {
        let digits = self.text.get(self.at..self.at + 4).unwrap_or_default();
        self.at += 4;
        let value = digits.iter().try_fold(0, |sum, digit| Some(sum << 4 | u16::from(hex_digit(*digit)?)));
        value
            .filter(|_| digits.len() == 4)
            .ok_or_else(|| Fault::new(start, "an escape \\u needs four hexadecimal digits"))
    }

    /// An integer, as a number or in a string.
    #[inline]
    pub(super) fn integer(&mut self) -> Scan<Integer> {
        let quoted = usize::from(self.peek() == b'"');
        let start = self.at + quoted;
        let (number, len) = Integer::short_prefix(&self.text[start..]);
        let next = self.text.get(start + len).copied().unwrap_or_default();
        let ends = match next {
            b'"' => quoted == 1,
            // Without quotes, leading zeros are for the other path to refuse.
            b',' | b']' | b'}' => {
                let sign = usize::from(number.negative);
                quoted == 0 && (len == sign + 1 || self.text.get(start + sign) != Some(&b'0'))
            }
            _ => false,
        };
        if len > 0 && ends {
            self.at = start + len + quoted;
            return Ok(number);
        }
        self.odd_integer()
    }

    #[cold]
    fn odd_integer(&mut self) -> Scan<Integer> {
        let at = self.at;
        let text = match self.peek() {
            b'"' => self.string()?,
            _ => {
                self.number().map_err(|fault| if self.at == at { self.fault("an integer") } else { fault })?
            }
        };
        Integer::parse(text).ok_or_else(|| {
            let text = String::from_utf8_lossy(text);
            Fault::new(at, format!("{text:?} is not an integer of 64 bits"))
        })
    }

    /// A double, as a number or in a string.
    pub(super) fn double(&mut self) -> Scan<f64> {
        if self.peek() != b'"' {
            let at = self.at;
            let value = parse_double(self.number()?);
            return value
                .filter(|value| value.is_finite())
                .ok_or_else(|| Fault::new(at, "the number is out of a double's range"));
        }
        let at = self.at;
        let text = self.string()?;
        // `NaN`, `Infinity` and `-Infinity` by the specification; `nan`, `+Inf` and the like as the Go collector reads
        // them. A number beyond the range is not infinite.
        let is_word = !text.iter().any(u8::is_ascii_digit);
        parse_double(text).filter(|value| is_word || value.is_finite()).ok_or_else(|| {
            let text = String::from_utf8_lossy(text);
            Fault::new(at, format!("{text:?} is not a double"))
        })
    }

    /// The text of a number.
    fn number(&mut self) -> Scan<&'a [u8]> {
        let start = self.at;
        let digits = |at: usize| self.text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let mut at = start + usize::from(self.text.get(start) == Some(&b'-'));
        let whole = digits(at);
        if whole == 0 {
            return Err(self.fault("a number"));
        }
        if whole > 1 && self.text[at] == b'0' {
            return Err(Fault::new(start, "a number has leading zeros"));
        }
        at += whole;
        if self.text.get(at) == Some(&b'.') {
            let fraction = digits(at + 1);
            if fraction == 0 {
                return Err(Fault::new(at, "a number has a point and no digits after it"));
            }
            at += 1 + fraction;
        }
        if let Some(b'e' | b'E') = self.text.get(at) {
            at += 1;
            at += usize::from(matches!(self.text.get(at), Some(b'+' | b'-')));
            let exponent = digits(at);
            if exponent == 0 {
                return Err(Fault::new(at, "a number has an exponent without digits"));
            }
            at += exponent;
        }
        self.at = at;
        Ok(&self.text[start..at])
    }

    /// Steps over any value. It has to be JSON, however deep.
    pub(super) fn skip(&mut self) -> Scan<()> {
        let mut open = Vec::new();
        loop {
            match self.peek() {
                b'{' => {
                    self.step();
                    if !self.ends(b'}') {
                        self.name()?;
                        open.push(b'}');
                        continue;
                    }
                }
                b'[' => {
                    self.step();
                    if !self.ends(b']') {
                        open.push(b']');
                        continue;
                    }
                }
                b'"' => drop(self.string()?),
                b't' | b'f' => drop(self.bool()?),
                b'n' => self.literal(b"null")?,
                b'-' | b'0'..=b'9' => drop(self.number()?),
                _ => return Err(self.fault("a value")),
            }
            loop {
                let Some(close) = open.last().copied() else { return Ok(()) };
                if self.another(close)? {
                    if close == b'}' {
                        self.name()?;
                    }
                    break;
                }
                open.pop();
            }
        }
    }

    /// Fails if anything but white space is left.
    pub(super) fn finish(&mut self) -> Scan<()> {
        self.peek();
        if self.at < self.text.len() { Err(self.fault("the end of the text")) } else { Ok(()) }
    }
}

fn parse_double(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
