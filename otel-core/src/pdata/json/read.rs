//! JSON to wire bytes, in one pass over the text.
//!
//! What is written is what validation would have made of it: every singular field once, so it needs no second look. Only
//! where a name was given twice, validation merges what was written.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;

use super::error::{Fault, InvalidJson, Scan};
use super::number::Integer;
use super::scan::Scanner;
use super::text::parse_hex;
use crate::pdata::payload::Payload;
use crate::pdata::schema::{Field, KEY_VALUE, Kind, Label, Message, NESTING};
use crate::pdata::validate::validate;
use crate::pdata::view::{AggregationTemporality, SeverityNumber, SpanKind, StatusCode};
use crate::pdata::wire::{OpenField, put_len_field, put_len_header, put_tag, put_varint, varint_len};

/// Reads a request of the given shape.
pub(in crate::pdata) fn read(schema: &'static Message, json: &[u8]) -> Result<Payload, InvalidJson> {
    let request = Scanner::new(json).and_then(|scan| {
        // Wire bytes are 30 to 45 % of their JSON.
        let out = Vec::with_capacity(json.len() / 2);
        let mut reader = Reader { scan, out, items: 0, repeats: false, old_scope: false };
        if !reader.scan.null()? {
            reader.object(Open { schema, seen: 0, again: false, depth: 0, old_scopes: None })?;
        }
        reader.scan.finish()?;
        Ok(reader)
    });
    let Reader { out: mut bytes, items, repeats, .. } = request.map_err(|fault| fault.locate(json))?;
    if bytes.len() < bytes.capacity() / 2 {
        bytes.shrink_to_fit();
    }
    let bytes = Bytes::from(bytes);
    if repeats {
        return Ok(validate(schema, bytes).expect("what is read from JSON is valid"));
    }
    Ok(Payload::from_segment(bytes, items))
}

struct Reader<'a> {
    scan: Scanner<'a>,
    out: Vec<u8>,
    /// Items written so far.
    items: usize,
    /// Whether a singular field was written twice somewhere. Merging what it holds each time would take quadratic time.
    repeats: bool,
    /// Whether the scopes are those of early OTLP, where they had another name.
    old_scope: bool,
}

/// A message that is being written.
struct Open {
    schema: &'static Message,
    /// A bit per place in the schema: fields that were written.
    seen: u32,
    /// Whether it is to be merged into one before it, of which nothing is known here.
    again: bool,
    depth: u32,
    /// Where the first list of scopes in its early notation starts.
    old_scopes: Option<usize>,
}

/// A number as it stands on the wire.
enum Scalar {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
}

impl Reader<'_> {
    fn object(&mut self, mut open: Open) -> Scan<()> {
        self.scan.expect(b'{', "an object")?;
        if self.scan.ends(b'}') {
            return Ok(());
        }
        let mut next = 0;
        loop {
            match self.name(&mut open, next)? {
                Some(place) => {
                    next = place + 1;
                    self.member(&mut open, place)
                        .map_err(|fault| fault.in_field(open.schema.fields[place].json.plain()))?;
                }
                None => self.scan.skip()?,
            }
            if !self.scan.another(b'}')? {
                break;
            }
        }
        match open.old_scopes {
            Some(at) if open.seen & (1 << SCOPES) == 0 => self.old_scopes(&mut open, at),
            _ => Ok(()),
        }
    }

    /// The place in the schema of the name that comes next; `next` is a guess.
    #[inline]
    fn name(&mut self, open: &mut Open, next: usize) -> Scan<Option<usize>> {
        let fields = open.schema.fields;
        // Encoders write the fields of a message in the same order as everybody.
        self.scan.peek();
        for (place, field) in fields.iter().enumerate().skip(next).take(3) {
            if self.scan.take(field.json.quoted()) {
                return Ok(Some(place));
            }
        }
        let old_scope = self.old_scope;
        let name = self.scan.name()?;
        let place = fields
            .iter()
            .position(|field| field.json.plain() == name)
            .or_else(|| fields.iter().position(|field| field.name.as_bytes() == name))
            .or_else(|| (old_scope && is_old_scope(open.schema, name)).then_some(0));
        if place.is_none() && is_old_scope_list(open.schema, name) && open.old_scopes.is_none() {
            let at = self.scan.at();
            if !self.scan.null()? {
                open.old_scopes = Some(at);
            }
            // Skipped like any other, for now.
            self.scan.go_to(at);
        }
        Ok(place)
    }

    /// Reads the list of scopes that was skipped at `at`.
    fn old_scopes(&mut self, open: &mut Open, at: usize) -> Scan<()> {
        let back = self.scan.at();
        self.scan.go_to(at);
        self.old_scope = true;
        let field = &open.schema.fields[SCOPES];
        self.list(open, SCOPES).map_err(|fault| fault.in_field(field.json.plain()))?;
        self.old_scope = false;
        self.scan.go_to(back);
        Ok(())
    }

    /// Reads the value of the field at `place`.
    #[inline]
    fn member(&mut self, open: &mut Open, place: usize) -> Scan<()> {
        if self.scan.null()? {
            return Ok(());
        }
        let field = &open.schema.fields[place];
        if field.label == Label::Many {
            return self.list(open, place);
        }
        let rivals = if field.label == Label::Oneof { oneof(open.schema) } else { 1 << place };
        let again = open.seen & rivals != 0;
        if again {
            self.repeat(open.schema, field);
        }
        // A zero is not written, unless it comes after something else.
        let again = again || open.again;
        let zero = again || field.label != Label::One;
        let before = self.out.len();
        match field.kind {
            Kind::Message(of) => self.message(field, of, open.depth, 60, again)?,
            Kind::Str => {
                let text = self.scan.string()?;
                if zero || !text.is_empty() {
                    put_len_field(&mut self.out, field.number, text);
                }
            }
            Kind::TraceId => self.id::<16>(field.number, zero)?,
            Kind::SpanId => self.id::<8>(field.number, zero)?,
            Kind::Bytes => self.bytes(field.number)?,
            kind => {
                let scalar = self.scalar(kind)?;
                if zero || !scalar.is_zero() {
                    put_tag(&mut self.out, field.number, kind.wire());
                    scalar.put(&mut self.out);
                }
            }
        }
        if self.out.len() > before {
            open.seen |= 1 << place;
        }
        Ok(())
    }

    /// Notes that a singular field is written again, which is a matter of merging later.
    #[cold]
    fn repeat(&mut self, schema: &'static Message, field: &Field) {
        self.repeats = true;
        // Messages are merged, but not as members of a oneof: there another one between them supersedes the first.
        let rival = |other: &&Field| {
            other.label == Label::Oneof
                && other.number != field.number
                && matches!(other.kind, Kind::Message(_))
        };
        if field.label == Label::Oneof
            && let Some(rival) = schema.fields.iter().find(rival)
        {
            put_len_field(&mut self.out, rival.number, &[]);
        }
    }

    /// Reads an object as a field.
    #[inline]
    fn message(
        &mut self,
        field: &Field,
        schema: &'static Message,
        depth: u32,
        guess: usize,
        again: bool,
    ) -> Scan<()> {
        if depth >= NESTING {
            return Err(Fault::new(self.scan.at(), "more than 100 messages are nested in one another"));
        }
        let header = OpenField::open(&mut self.out, field.number, guess);
        self.object(Open { schema, seen: 0, again, depth: depth + 1, old_scopes: None })?;
        header.close(&mut self.out);
        Ok(())
    }

    fn list(&mut self, open: &mut Open, place: usize) -> Scan<()> {
        let field = &open.schema.fields[place];
        self.scan.expect(b'[', "a list")?;
        if self.scan.ends(b']') {
            return Ok(());
        }
        open.seen |= 1 << place;
        let mut index = 0;
        if let Kind::Message(of) = field.kind {
            // Neighbours are of about the same size, so the room for their length fits.
            let pairs = std::ptr::eq(of, &raw const KEY_VALUE);
            let mut guess = if open.depth < 2 { self.scan.remaining() / 3 } else { 60 };
            loop {
                let before = self.out.len();
                if self.scan.null()? {
                    put_len_field(&mut self.out, field.number, &[]);
                } else if !pairs || open.depth + 2 > NESTING || !self.key_value(field.number) {
                    self.message(field, of, open.depth, guess, false)
                        .map_err(|fault| fault.in_element(index))?;
                }
                guess = self.out.len() - before;
                index += 1;
                if !self.scan.another(b']')? {
                    break;
                }
            }
            if matches!(field.name, "spans" | "log_records" | "data_points") {
                self.items += index;
            }
            return Ok(());
        }
        let packed = field
            .kind
            .is_packable()
            .then(|| OpenField::open(&mut self.out, field.number, self.scan.remaining().min(100)));
        loop {
            self.element(field).map_err(|fault| fault.in_element(index))?;
            index += 1;
            if !self.scan.another(b']')? {
                break;
            }
        }
        if let Some(packed) = packed {
            packed.close(&mut self.out);
        }
        Ok(())
    }

    /// Reads a pair as nearly all are written: `{"key":"…","value":{"stringValue":"…"}}`, or `intValue`, without
    /// white space or escapes. False, with nothing read or written, for any other.
    ///
    /// Attributes are most of a request, and here their lengths are known before they are written.
    #[inline]
    fn key_value(&mut self, number: u32) -> bool {
        let start = self.scan.at();
        if self.try_key_value(number).is_some() {
            return true;
        }
        self.scan.go_to(start);
        false
    }

    #[inline]
    fn try_key_value(&mut self, number: u32) -> Option<()> {
        let scan = &mut self.scan;
        scan.take(b"{\"key\":\"").then_some(())?;
        let key = scan.plain()?;
        scan.take(b"\",\"value\":{\"").then_some(())?;
        let head = key.len() + 2;
        if key.is_empty() || key.len() >= 0x80 {
            return None;
        }
        if scan.take(b"stringValue\":\"") {
            let text = scan.plain()?;
            let value = text.len() + 2;
            if value >= 0x80 {
                return None;
            }
            scan.take(b"\"}}").then_some(())?;
            put_len_header(&mut self.out, number, head + 2 + value);
            self.out.extend_from_slice(&[0x0a, key.len() as u8]);
            self.out.extend_from_slice(key);
            self.out.extend_from_slice(&[0x12, value as u8, 0x0a, text.len() as u8]);
            self.out.extend_from_slice(text);
        } else {
            scan.take(b"intValue\":\"").then_some(())?;
            let integer = scan.digits()?.to_i64()? as u64;
            scan.take(b"\"}}").then_some(())?;
            let value = 1 + varint_len(integer);
            put_len_header(&mut self.out, number, head + 2 + value);
            self.out.extend_from_slice(&[0x0a, key.len() as u8]);
            self.out.extend_from_slice(key);
            self.out.extend_from_slice(&[0x12, value as u8, 0x18]);
            put_varint(&mut self.out, integer);
        }
        Some(())
    }

    /// Reads one of a list of strings or numbers.
    fn element(&mut self, field: &Field) -> Scan<()> {
        if field.kind.is_packable() {
            self.scalar(field.kind)?.put(&mut self.out);
        } else if self.scan.null()? {
            put_len_field(&mut self.out, field.number, &[]);
        } else {
            put_len_field(&mut self.out, field.number, self.scan.string()?);
        }
        Ok(())
    }

    #[inline]
    fn id<const N: usize>(&mut self, number: u32, zero: bool) -> Scan<()> {
        self.scan.peek();
        let at = self.scan.at();
        let text = self.scan.string()?;
        if text.is_empty() {
            if zero {
                put_len_field(&mut self.out, number, &[]);
            }
            return Ok(());
        }
        let Some(id) = parse_hex::<N>(text) else {
            return Err(Fault::new(at, format!("an identifier needs {} hexadecimal digits, or none", 2 * N)));
        };
        put_len_field(&mut self.out, number, &id);
        Ok(())
    }

    /// The one field of bytes is a member of a oneof: it is written even if empty.
    fn bytes(&mut self, number: u32) -> Scan<()> {
        const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true);
        const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
        const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);
        self.scan.peek();
        let at = self.scan.at();
        let text = self.scan.string()?;
        let engine = if text.iter().any(|byte| matches!(byte, b'-' | b'_')) { URL_SAFE } else { STANDARD };
        let header = OpenField::open(&mut self.out, number, text.len() / 4 * 3);
        if engine.decode_vec(text, &mut self.out).is_err() {
            return Err(Fault::new(at, "the string is not base64"));
        }
        header.close(&mut self.out);
        Ok(())
    }

    #[inline]
    fn scalar(&mut self, kind: Kind) -> Scan<Scalar> {
        self.scan.peek();
        let at = self.scan.at();
        let fits = |scalar: Option<Scalar>| {
            scalar.ok_or_else(|| Fault::new(at, "the number is out of the range of its type"))
        };
        let to_i32 = |number: Integer| number.to_i64().and_then(|number| i32::try_from(number).ok());
        let to_u32 = |number: Integer| number.to_u64().and_then(|number| u32::try_from(number).ok());
        match kind {
            Kind::Bool => self.scan.bool().map(|value| Scalar::Varint(value.into())),
            Kind::Double => self.scan.double().map(|value| Scalar::Fixed64(value.to_bits())),
            Kind::Int32 => self.enumeration().map(|value| Scalar::Varint(i64::from(value) as u64)),
            Kind::Sint32 => fits(to_i32(self.scan.integer()?).map(|value| {
                let zigzag = (value << 1) ^ (value >> 31);
                Scalar::Varint(u64::from(zigzag as u32))
            })),
            Kind::Uint32 => fits(to_u32(self.scan.integer()?).map(|value| Scalar::Varint(value.into()))),
            Kind::Fixed32 => fits(to_u32(self.scan.integer()?).map(Scalar::Fixed32)),
            Kind::Int64 => fits(self.scan.integer()?.to_i64().map(|value| Scalar::Varint(value as u64))),
            Kind::Sfixed64 => fits(self.scan.integer()?.to_i64().map(|value| Scalar::Fixed64(value as u64))),
            Kind::Uint64 => fits(self.scan.integer()?.to_u64().map(Scalar::Varint)),
            Kind::Fixed64 => fits(self.scan.integer()?.to_u64().map(Scalar::Fixed64)),
            Kind::Str | Kind::Bytes | Kind::TraceId | Kind::SpanId | Kind::Message(_) => {
                unreachable!("only numbers are scalars")
            }
        }
    }

    /// The number of an enumeration's value, by number or by name.
    fn enumeration(&mut self) -> Scan<i32> {
        self.scan.peek();
        let at = self.scan.at();
        if let Ok(number) = self.scan.integer() {
            return number
                .to_i64()
                .and_then(|number| i32::try_from(number).ok())
                .ok_or_else(|| Fault::new(at, "the number is out of the range of its type"));
        }
        self.scan.go_to(at);
        let name =
            self.scan.string().map_err(|_| Fault::new(at, "expected a number or the name of a value"))?;
        let name = String::from_utf8_lossy(name);
        // The names start with that of their type, so that they cannot be taken for one another.
        None.or_else(|| SpanKind::from_name(&name).map(|value| value.0))
            .or_else(|| StatusCode::from_name(&name).map(|value| value.0))
            .or_else(|| SeverityNumber::from_name(&name).map(|value| value.0))
            .or_else(|| AggregationTemporality::from_name(&name).map(|value| value.0))
            .ok_or_else(|| Fault::new(at, format!("there is no value of the name {name:?}")))
    }
}

impl Scalar {
    #[inline]
    fn is_zero(&self) -> bool {
        match self {
            Scalar::Varint(value) | Scalar::Fixed64(value) => *value == 0,
            Scalar::Fixed32(value) => *value == 0,
        }
    }

    #[inline]
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Scalar::Varint(value) => put_varint(out, *value),
            Scalar::Fixed64(value) => out.extend_from_slice(&value.to_le_bytes()),
            Scalar::Fixed32(value) => out.extend_from_slice(&value.to_le_bytes()),
        }
    }
}

/// Where a resource group has its list of scopes: its second field.
const SCOPES: usize = 1;

/// The members of the message's oneof.
fn oneof(schema: &'static Message) -> u32 {
    let bit = |(place, field): (usize, &Field)| u32::from(field.label == Label::Oneof) << place;
    schema.fields.iter().enumerate().map(bit).sum()
}

/// Whether early OTLP called the resource group's list of scopes so: `instrumentationLibrarySpans`.
fn is_old_scope_list(schema: &'static Message, name: &[u8]) -> bool {
    let rest = [&b"instrumentationLibrary"[..], b"instrumentation_library_"]
        .into_iter()
        .find_map(|prefix| name.strip_prefix(prefix));
    let (Some(rest), Some(scopes)) = (rest, schema.fields.get(SCOPES)) else { return false };
    scopes.name.strip_prefix("scope_").is_some_and(|of| rest.eq_ignore_ascii_case(of.as_bytes()))
}

/// Whether early OTLP called the scope so.
fn is_old_scope(schema: &'static Message, name: &[u8]) -> bool {
    schema.fields[0].name == "scope" && matches!(name, b"instrumentationLibrary" | b"instrumentation_library")
}
