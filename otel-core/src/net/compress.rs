//! Compression of what leaves.

use std::fmt;
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use libdeflater::{CompressionError, CompressionLvl};
use zstd::bulk::Compressor as ZstdCompressor;

use crate::config::{Decoder, FromNode, Node, Schema, Value};

/// The level of gzip, zlib and deflate where none is asked for. On spans of 470 bytes full of random values level 1 costs
/// a quarter of the level 6 that other collectors use, for 3 % more bytes (libdeflate, November 2026).
const DEFLATE_LEVEL: i32 = 1;

/// The level of zstd where none is asked for: on the same spans a tenth of gzip's level 6, for 4 % more bytes.
const ZSTD_LEVEL: i32 = 1;

/// Compressors that are kept to be used again: a fresh one costs hundreds of kilobytes of memory to be cleared.
const MOST_IDLE: usize = 8;

/// How messages are compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// gzip.
    Gzip,
    /// zlib.
    Zlib,
    /// zlib too, which is what HTTP means by deflate.
    Deflate,
    /// A block of snappy.
    Snappy,
    /// The framing format of snappy.
    SnappyFramed,
    /// Zstandard.
    Zstd,
    /// The frame format of LZ4.
    Lz4,
}

/// Compresses messages one way, again and again.
pub struct Compressor {
    compression: Compression,
    level: i32,
    idle: Mutex<Vec<Machine>>,
    /// The room that was last needed, in percent of the input.
    percent: AtomicUsize,
}

enum Machine {
    Deflate(Box<libdeflater::Compressor>),
    Snappy(Box<snap::raw::Encoder>),
    Zstd(Box<ZstdCompressor<'static>>),
}

// === impl Compression ===

impl Compression {
    /// The name in configurations and in `Content-Encoding`.
    pub const fn name(self) -> &'static str {
        match self {
            Compression::None => "none",
            Compression::Gzip => "gzip",
            Compression::Zlib => "zlib",
            Compression::Deflate => "deflate",
            Compression::Snappy => "snappy",
            Compression::SnappyFramed => "x-snappy-framed",
            Compression::Zstd => "zstd",
            Compression::Lz4 => "lz4",
        }
    }

    /// Whether it can be asked for a level. Zero always can: it is the default of each.
    pub fn takes_level(self, level: i32) -> bool {
        match self {
            Compression::Gzip | Compression::Zlib | Compression::Deflate => (-2..=9).contains(&level),
            Compression::Zstd => true,
            _ => level == 0,
        }
    }
}

/// The names in configurations.
fn names() -> [(&'static str, Compression); 9] {
    use Compression::{Deflate, Gzip, Lz4, None, Snappy, SnappyFramed, Zlib, Zstd};
    let name = |compression: Compression| (compression.name(), compression);
    [
        name(Gzip),
        name(Zlib),
        name(Deflate),
        name(Snappy),
        name(SnappyFramed),
        name(Zstd),
        name(Lz4),
        name(None),
        ("", None),
    ]
}

impl FromNode for Compression {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        decoder.one_of(node, &names())
    }

    fn schema() -> Schema {
        Schema::one_of(&names())
    }

    fn value(&mut self) -> Value {
        Value::one_of(self, &names())
    }
}

// === impl Compressor ===

impl Compressor {
    /// A compressor. Level 0 is the default of each way, which is cheap rather than thorough; where a way has no
    /// such level the nearest one is taken.
    pub fn new(compression: Compression, level: i32) -> Self {
        Self { compression, level, idle: Mutex::default(), percent: AtomicUsize::new(60) }
    }

    /// How it compresses.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// Compresses slices that follow one another into one message.
    pub fn compress<'a>(&self, slices: impl IntoIterator<Item = &'a Bytes>, len: usize) -> Bytes {
        match self.compression {
            Compression::None => gathered(slices, len),
            Compression::SnappyFramed => {
                let mut encoder = snap::write::FrameEncoder::new(Vec::with_capacity(len / 2));
                for slice in slices {
                    encoder.write_all(slice).expect(IN_MEMORY);
                }
                encoder.into_inner().map(Bytes::from).unwrap_or_default()
            }
            Compression::Lz4 => {
                let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::with_capacity(len / 2));
                for slice in slices {
                    encoder.write_all(slice).expect(IN_MEMORY);
                }
                Bytes::from(encoder.finish().expect(IN_MEMORY))
            }
            _ => self.compress_at_once(&gathered(slices, len)),
        }
    }

    fn compress_at_once(&self, input: &[u8]) -> Bytes {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut machine = idle.unwrap_or_else(|| self.machine());
        let mut output = match &mut machine {
            Machine::Snappy(encoder) => encoder.compress_vec(input).expect(IN_MEMORY),
            Machine::Zstd(compressor) => compressor.compress(input).expect(IN_MEMORY),
            Machine::Deflate(compressor) => {
                let percent = self.percent.load(Ordering::Relaxed);
                let output = deflate(compressor, self.compression, input, percent);
                if !input.is_empty() {
                    self.percent.store(output.len() * 125 / input.len() + 1, Ordering::Relaxed);
                }
                output
            }
        };
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MOST_IDLE {
            idle.push(machine);
        }
        drop(idle);
        output.shrink_to_fit();
        Bytes::from(output)
    }

    fn machine(&self) -> Machine {
        match self.compression {
            Compression::Snappy => Machine::Snappy(Box::new(snap::raw::Encoder::new())),
            Compression::Zstd => {
                let range = zstd::compression_level_range();
                let level = if matches!(self.level, 0 | -1) { ZSTD_LEVEL } else { self.level };
                let level = level.clamp(*range.start(), *range.end());
                let compressor = ZstdCompressor::new(level).expect("every level of the range is valid");
                Machine::Zstd(Box::new(compressor))
            }
            _ => {
                let level = if self.level < 1 { DEFLATE_LEVEL } else { self.level.min(9) };
                let level = CompressionLvl::new(level).expect("the level is from 1 to 9");
                Machine::Deflate(Box::new(libdeflater::Compressor::new(level)))
            }
        }
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressor")
            .field("compression", &self.compression)
            .field("level", &self.level)
            .finish_non_exhaustive()
    }
}

const IN_MEMORY: &str = "compression of memory into memory does not fail";

/// The slices in one piece: shared where there is one, a copy otherwise.
fn gathered<'a>(slices: impl IntoIterator<Item = &'a Bytes>, len: usize) -> Bytes {
    let mut slices = slices.into_iter();
    let (first, second) = (slices.next(), slices.next());
    let Some((first, second)) = first.zip(second) else { return first.cloned().unwrap_or_default() };
    let mut whole = Vec::with_capacity(len);
    whole.extend_from_slice(first);
    whole.extend_from_slice(second);
    slices.for_each(|slice| whole.extend_from_slice(slice));
    Bytes::from(whole)
}

/// Compresses into the room that seems enough, and where it is not, into all that may be needed.
fn deflate(
    compressor: &mut libdeflater::Compressor,
    compression: Compression,
    input: &[u8],
    percent: usize,
) -> Vec<u8> {
    let gzip = compression == Compression::Gzip;
    let bound = if gzip {
        compressor.gzip_compress_bound(input.len())
    } else {
        compressor.zlib_compress_bound(input.len())
    };
    let mut room = bound.min(input.len() / 100 * percent + 1024);
    loop {
        let mut output = vec![0; room];
        let written = if gzip {
            compressor.gzip_compress(input, &mut output)
        } else {
            compressor.zlib_compress(input, &mut output)
        };
        match written {
            Ok(written) => {
                output.truncate(written);
                return output;
            }
            Err(CompressionError::InsufficientSpace) => {
                assert!(room < bound, "the bound of the compressed length holds");
                room = bound;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn inflated(compression: Compression, packed: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        match compression {
            Compression::None => plain.extend_from_slice(packed),
            Compression::Gzip => {
                flate2::read::GzDecoder::new(packed).read_to_end(&mut plain).unwrap();
            }
            Compression::Zlib | Compression::Deflate => {
                flate2::read::ZlibDecoder::new(packed).read_to_end(&mut plain).unwrap();
            }
            Compression::Snappy => plain = snap::raw::Decoder::new().decompress_vec(packed).unwrap(),
            Compression::SnappyFramed => {
                snap::read::FrameDecoder::new(packed).read_to_end(&mut plain).unwrap();
            }
            Compression::Zstd => plain = zstd::stream::decode_all(packed).unwrap(),
            Compression::Lz4 => {
                lz4_flex::frame::FrameDecoder::new(packed).read_to_end(&mut plain).unwrap();
            }
        }
        plain
    }

    fn telemetry_like(len: usize) -> Bytes {
        (0..len).map(|at| ((at * at / 7) % 61) as u8).collect::<Vec<_>>().into()
    }

    fn noise(len: usize) -> Bytes {
        let mut state = 1u64;
        let next = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        };
        (0..len).map(next).collect::<Vec<_>>().into()
    }

    #[test]
    fn slices_come_back_as_one_message_each_way_and_again_and_again() {
        use Compression::{Deflate, Gzip, Lz4, None, Snappy, SnappyFramed, Zlib, Zstd};
        for compression in [None, Gzip, Zlib, Deflate, Snappy, SnappyFramed, Zstd, Lz4] {
            let compressor = Compressor::new(compression, 0);
            for make in [telemetry_like, noise] {
                for len in [0, 1, 100, 300_000] {
                    let slices = [make(len), make(len / 3), make(len / 5)];
                    for count in 0..=slices.len() {
                        let whole = slices[..count].concat();
                        let packed = compressor.compress(&slices[..count], whole.len());
                        assert_eq!(inflated(compression, &packed), whole, "{compression:?} {len} {count}");
                    }
                }
            }
        }
    }

    #[test]
    fn every_level_that_is_taken_works() {
        let input = telemetry_like(10_000);
        for compression in [Compression::Gzip, Compression::Zlib, Compression::Zstd] {
            for level in (-10..=30).filter(|level| compression.takes_level(*level)) {
                let packed = Compressor::new(compression, level).compress([&input], input.len());
                assert_eq!(inflated(compression, &packed), input, "{compression:?} {level}");
            }
        }
        assert!(!Compression::Gzip.takes_level(10) && !Compression::Snappy.takes_level(1));
    }
}
