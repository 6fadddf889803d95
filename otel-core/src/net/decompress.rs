//! Decompression of messages, within bounds.

use std::cell::RefCell;
use std::io::{self, Read};

use bytes::Bytes;
use flate2::bufread::{MultiGzDecoder, ZlibDecoder};
use libdeflater::Decompressor;
use memchr::memmem;
use zstd::zstd_safe;

use super::Charge;
use super::buffers::Buffer;

/// Room that the output grows by.
const STEP: usize = 32 << 10;
/// The most that deflate makes of a byte.
const MOST_INFLATED: usize = 1032;
/// The largest window of zstd, as a power of two, that is worked with: what the highest usual levels use.
const ZSTD_WINDOW_LOG: u32 = 25;
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b, 8];
const GZIP_LEAST: usize = 18;
const SNAPPY_FRAMING: &[u8] = b"\xff\x06\x00\x00sNaPpY";

/// How a message is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Coding {
    /// gzip.
    Gzip,
    /// zlib, which HTTP also calls deflate.
    Zlib,
    /// zstd.
    Zstd,
    /// snappy, as one block or framed, whichever it begins like.
    Snappy,
    /// snappy, framed.
    SnappyFramed,
    /// The frame format of LZ4.
    Lz4,
}

/// Why a message could not be decompressed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Undecodable {
    /// It is not compressed that way.
    Broken(String),
    /// It is longer than allowed.
    TooLarge,
    /// There is no room for it now.
    NoRoom,
}

/// Decompresses a message of at most `limit` bytes, charging what it grows to.
pub fn decompress(
    coding: Coding,
    packed: &[u8],
    limit: usize,
    charge: &mut Charge,
) -> Result<Bytes, Undecodable> {
    let mut out = Output { limit, charge };
    match coding {
        Coding::Gzip => match gzip_in_one_go(packed, &mut out)? {
            Some(done) => Ok(done),
            None => out.fill(MultiGzDecoder::new(packed), packed.len()),
        },
        Coding::Zlib => out.fill(ZlibDecoder::new(packed), packed.len()),
        // No frame at all is no data. The others begin with a header.
        Coding::Zstd if packed.is_empty() => Ok(Bytes::new()),
        Coding::Zstd => match zstd_in_one_go(packed, &mut out)? {
            Some(done) => Ok(done),
            None => zstd_decoder(packed)
                .map_err(|error| broken(&error))
                .and_then(|decoder| out.fill(decoder, packed.len())),
        },
        Coding::Snappy if !packed.starts_with(SNAPPY_FRAMING) => snappy_block(packed, &mut out),
        Coding::Snappy | Coding::SnappyFramed => {
            out.fill(snap::read::FrameDecoder::new(packed), packed.len())
        }
        Coding::Lz4 => out.fill(Lz4Frames(lz4_flex::frame::FrameDecoder::new(packed)), packed.len()),
    }
}

/// Room for what comes out.
struct Output<'a> {
    limit: usize,
    charge: &'a mut Charge,
}

impl Output<'_> {
    /// Room for a message that claims to have that length.
    fn reserve(&mut self, len: usize) -> Result<(), Undecodable> {
        if len > self.limit {
            return Err(Undecodable::TooLarge);
        }
        if self.charge.add(len) { Ok(()) } else { Err(Undecodable::NoRoom) }
    }

    /// Reads a decoder to its end, into room that grows as it fills.
    fn fill(&mut self, mut decoder: impl Read, packed: usize) -> Result<Bytes, Undecodable> {
        let mut out = Vec::new();
        let mut filled = 0;
        loop {
            if filled == out.len() {
                // One byte past the limit is room enough to see that it is passed.
                let room =
                    (filled * 2).max(packed.saturating_mul(4)).max(STEP).min(self.limit.saturating_add(1));
                if !self.charge.add(room - filled) {
                    return Err(Undecodable::NoRoom);
                }
                out.resize(room, 0);
            }
            let read = decoder.read(&mut out[filled..]).map_err(|error| broken(&error))?;
            filled += read;
            if filled > self.limit {
                return Err(Undecodable::TooLarge);
            }
            if read == 0 {
                out.truncate(filled);
                return Ok(Bytes::from(out));
            }
        }
    }
}

fn broken(error: &dyn std::error::Error) -> Undecodable {
    Undecodable::Broken(error.to_string())
}

thread_local! {
    static INFLATE: RefCell<Decompressor> = RefCell::new(Decompressor::new());
    static ZSTD: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
}

/// A gzip file says at its end how long it is, so that there is room for all of it at once, which takes half the time.
/// Nothing where it is more than one member, or where its end says something else.
fn gzip_in_one_go(packed: &[u8], out: &mut Output<'_>) -> Result<Option<Bytes>, Undecodable> {
    if packed.len() < GZIP_LEAST || memmem::find(&packed[1..], GZIP_MAGIC).is_some() {
        return Ok(None);
    }
    let Some(claim) = packed.last_chunk().map(|len| u32::from_le_bytes(*len) as usize) else {
        return Ok(None);
    };
    if claim > packed.len().saturating_mul(MOST_INFLATED) {
        return Ok(None);
    }
    out.reserve(claim)?;
    let mut bytes = Buffer::of(claim);
    let inflated = INFLATE.with_borrow_mut(|inflate| inflate.gzip_decompress(packed, bytes.first(claim)));
    if inflated == Ok(claim) {
        return Ok(Some(bytes.freeze(claim)));
    }
    out.charge.give_back(claim);
    Ok(None)
}

/// Most frames say at their beginning how long they are. Nothing where that is not so.
fn zstd_in_one_go(packed: &[u8], out: &mut Output<'_>) -> Result<Option<Bytes>, Undecodable> {
    let Ok(Some(claim)) = zstd_safe::get_frame_content_size(packed) else { return Ok(None) };
    let claim = usize::try_from(claim).unwrap_or(usize::MAX);
    out.reserve(claim)?;
    // Only what is written of the room becomes memory, so a claim that is not true costs nothing but the charge.
    let mut bytes = Vec::with_capacity(claim);
    let done = ZSTD.with_borrow_mut(|context| {
        let context = match context {
            Some(context) => context,
            None => context.insert(zstd::bulk::Decompressor::new()?),
        };
        context.decompress_to_buffer(packed, &mut bytes)
    });
    if done.is_ok() {
        return Ok(Some(Bytes::from(bytes)));
    }
    // It is broken, or more than one frame: reading it piece by piece shows which.
    out.charge.give_back(claim);
    Ok(None)
}

fn zstd_decoder(packed: &[u8]) -> io::Result<zstd::stream::read::Decoder<'static, &[u8]>> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(packed)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG)?;
    Ok(decoder)
}

/// A block begins with its length.
fn snappy_block(packed: &[u8], out: &mut Output<'_>) -> Result<Bytes, Undecodable> {
    let claim = snap::raw::decompress_len(packed).map_err(|error| broken(&error))?;
    out.reserve(claim)?;
    let mut bytes = Buffer::of(claim);
    let unpacked = snap::raw::Decoder::new().decompress(packed, bytes.first(claim));
    let len = unpacked.map_err(|error| broken(&error))?;
    Ok(bytes.freeze(len))
}

/// Frames that follow one another, of which the decoder ends at each.
struct Lz4Frames<'a>(lz4_flex::frame::FrameDecoder<&'a [u8]>);

impl Read for Lz4Frames<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let before = self.0.get_ref().len();
            let read = self.0.read(buffer)?;
            let after = self.0.get_ref().len();
            if read > 0 || after == 0 || after == before {
                return Ok(read);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::net::ByteBudget;

    const ALL: [Coding; 6] =
        [Coding::Gzip, Coding::Zlib, Coding::Zstd, Coding::Snappy, Coding::SnappyFramed, Coding::Lz4];

    fn telemetry_like(len: usize) -> Vec<u8> {
        (0..len).map(|at| ((at * at / 7) % 61) as u8).collect()
    }

    fn pack(coding: Coding, bytes: &[u8]) -> Vec<u8> {
        let level = flate2::Compression::fast();
        match coding {
            Coding::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Coding::Zlib => {
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Coding::Zstd => zstd::bulk::compress(bytes, 1).unwrap(),
            Coding::Snappy => snap::raw::Encoder::new().compress_vec(bytes).unwrap(),
            Coding::SnappyFramed => {
                let mut encoder = snap::write::FrameEncoder::new(Vec::new());
                encoder.write_all(bytes).unwrap();
                encoder.into_inner().unwrap()
            }
            Coding::Lz4 => {
                let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
        }
    }

    fn unpack(coding: Coding, packed: &[u8], limit: usize) -> Result<Bytes, Undecodable> {
        decompress(coding, packed, limit, &mut ByteBudget::new(1 << 30).open())
    }

    #[test]
    fn what_was_packed_comes_back_whatever_its_length() {
        for len in [0, 1, 100, 70_000, 1 << 20] {
            let bytes = telemetry_like(len);
            for coding in ALL {
                let packed = pack(coding, &bytes);
                assert_eq!(unpack(coding, &packed, len).as_deref(), Ok(&bytes[..]), "{coding:?} {len}");
            }
            let framed = pack(Coding::SnappyFramed, &bytes);
            if len > 0 {
                assert_eq!(unpack(Coding::Snappy, &framed, len).as_deref(), Ok(&bytes[..]));
            }
        }
    }

    #[test]
    fn parts_that_follow_one_another_are_one_message() {
        for (left, right) in [(3, 50_000), (70_000, 70_000), (9, 9)] {
            let (left, right) = (telemetry_like(left), telemetry_like(right));
            let whole = [&left[..], &right].concat();
            for coding in [Coding::Gzip, Coding::Zstd, Coding::SnappyFramed, Coding::Lz4] {
                let packed = [pack(coding, &left), pack(coding, &right)].concat();
                assert_eq!(unpack(coding, &packed, whole.len()).as_deref(), Ok(&whole[..]), "{coding:?}");
            }
        }
    }

    #[test]
    fn a_zstd_stream_that_does_not_tell_its_length_is_read() {
        let bytes = telemetry_like(300_000);
        let packed = zstd::stream::encode_all(&bytes[..], 3).unwrap();
        assert!(matches!(zstd_safe::get_frame_content_size(&packed), Ok(None)));
        assert_eq!(unpack(Coding::Zstd, &packed, bytes.len()).as_deref(), Ok(&bytes[..]));
        assert_eq!(unpack(Coding::Zstd, &packed, bytes.len() - 1), Err(Undecodable::TooLarge));
    }

    #[test]
    fn zstd_of_no_frames_is_empty() {
        assert_eq!(unpack(Coding::Zstd, b"", 1).as_deref(), Ok(&b""[..]));
    }

    #[test]
    fn a_bomb_stops_at_the_limit_and_at_the_budget() {
        let zeros = vec![0; 8 << 20];
        for coding in ALL {
            let bomb = pack(coding, &zeros);
            assert_eq!(unpack(coding, &bomb, 4 << 20), Err(Undecodable::TooLarge), "{coding:?}");
            let small = ByteBudget::new(1 << 20);
            let refused = decompress(coding, &bomb, 100 << 20, &mut small.open());
            assert_eq!(refused, Err(Undecodable::NoRoom), "{coding:?}");
            assert_eq!(small.used(), 0);
        }
    }

    #[test]
    fn what_is_broken_or_ends_early_is_told() {
        for coding in ALL {
            let cut = pack(coding, &telemetry_like(9999));
            for bytes in [&b"\xff\xff garbage garbage garbage"[..], &cut[..cut.len() / 2]] {
                assert!(matches!(unpack(coding, bytes, 1 << 20), Err(Undecodable::Broken(_))), "{coding:?}");
            }
        }
    }

    #[test]
    fn a_false_claim_about_the_length_is_not_believed() {
        let bytes = telemetry_like(5000);
        for claim in [0_u32, 4999, 5001, u32::MAX] {
            let mut packed = pack(Coding::Gzip, &bytes);
            let at = packed.len() - 4;
            packed[at..].copy_from_slice(&claim.to_le_bytes());
            assert!(matches!(unpack(Coding::Gzip, &packed, 1 << 20), Err(Undecodable::Broken(_))), "{claim}");
        }
    }
}
