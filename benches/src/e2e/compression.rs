use std::{
    fmt,
    io::{self, Read as _, Write as _},
};

use bytes::Bytes;
use flate2::{read::GzDecoder, write::GzEncoder};

/// How a message is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// gzip, at level 6.
    Gzip,
    /// zstd, at level 3.
    Zstd,
}

impl Compression {
    /// The name in headers and configurations; nothing where there is no compression.
    pub const fn encoding(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
        }
    }

    /// The compression with this name in a header.
    pub fn of_encoding(name: &[u8]) -> Option<Self> {
        match name {
            b"" | b"identity" => Some(Self::None),
            b"gzip" => Some(Self::Gzip),
            b"zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Compresses a message.
    pub fn compress(self, message: &Bytes) -> Bytes {
        let compressed = match self {
            Self::None => return message.clone(),
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::new(6));
                encoder.write_all(message).and_then(|()| encoder.finish())
            }
            Self::Zstd => zstd::bulk::compress(message, 3),
        };
        compressed.expect("compressing in memory cannot fail").into()
    }

    /// Decompresses a message that some collector made.
    pub fn decompress(self, message: &[u8]) -> io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        match self {
            Self::None => plain.extend_from_slice(message),
            Self::Gzip => {
                GzDecoder::new(message).read_to_end(&mut plain)?;
            }
            Self::Zstd => plain = zstd::decode_all(message)?,
        }
        Ok(plain)
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.encoding().unwrap_or("uncompressed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compressed_comes_back() {
        let message = Bytes::from("the same and the same again and the same again".repeat(9));
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            let compressed = compression.compress(&message);
            assert_eq!(compression.decompress(&compressed).unwrap(), message, "{compression}");
            assert_eq!(
                Compression::of_encoding(compression.encoding().unwrap_or_default().as_bytes()),
                Some(compression)
            );
        }
    }
}
