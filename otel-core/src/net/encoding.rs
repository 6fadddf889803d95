//! Which compressions requests may have.

use http::{HeaderMap, HeaderValue, header};

use super::{Coding, Refused};
use crate::component::Code;
#[cfg(feature = "tls")]
use crate::config::{Decoder, FromNode, Node, Schema, Value};

/// The names of `Content-Encoding`. The empty one is that of a body that is not compressed.
const NAMES: [(&str, Option<Coding>); 8] = [
    ("", None),
    ("gzip", Some(Coding::Gzip)),
    ("zstd", Some(Coding::Zstd)),
    ("zlib", Some(Coding::Zlib)),
    ("snappy", Some(Coding::Snappy)),
    ("deflate", Some(Coding::Zlib)),
    ("lz4", Some(Coding::Lz4)),
    ("x-snappy-framed", Some(Coding::SnappyFramed)),
];

/// The compressions that an HTTP server takes: all by default. With none at all, bodies are taken as they are whatever
/// their headers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentEncodings(Vec<&'static str>);

impl ContentEncodings {
    /// How the body of a request is compressed, by its headers.
    ///
    /// # Errors
    /// In a way that is not taken.
    pub fn coding(&self, headers: &HeaderMap) -> Result<Option<Coding>, Refused> {
        let name = headers.get(header::CONTENT_ENCODING).map_or(&b""[..], HeaderValue::as_bytes);
        if self.0.is_empty() {
            return Ok(None);
        }
        let known = NAMES.iter().find(|(known, _)| known.as_bytes() == name && self.0.contains(known));
        known.map(|(_, coding)| *coding).ok_or_else(|| {
            let name = String::from_utf8_lossy(name);
            Refused::new("encoding", Code::InvalidArgument, format!("unsupported Content-Encoding: {name}"))
        })
    }
}

impl Default for ContentEncodings {
    fn default() -> Self {
        Self(NAMES.iter().map(|(name, _)| *name).collect())
    }
}

#[cfg(feature = "tls")]
impl FromNode for ContentEncodings {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        if node.is_null() {
            return Some(Self::default());
        }
        let names = Vec::<Name>::from_node(node, decoder)?;
        Some(Self(names.into_iter().map(|Name(name)| name).collect()))
    }

    fn schema() -> Schema {
        Vec::<Name>::schema()
    }

    fn value(&mut self) -> Value {
        Value::List(self.0.iter().map(|name| Value::from(*name)).collect())
    }
}

#[cfg(feature = "tls")]
struct Name(&'static str);

#[cfg(feature = "tls")]
impl FromNode for Name {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        decoder.one_of(node, &NAMES.map(|(name, _)| (name, name))).map(Name)
    }

    fn schema() -> Schema {
        Schema::one_of(&NAMES)
    }

    fn value(&mut self) -> Value {
        self.0.into()
    }
}

/// How the message of a gRPC request is compressed, by its headers.
///
/// # Errors
/// In a way that is not taken.
pub fn grpc_coding(headers: &HeaderMap) -> Result<Option<Coding>, Refused> {
    match headers.get("grpc-encoding").map(HeaderValue::as_bytes) {
        None | Some(b"" | b"identity") => Ok(None),
        Some(b"gzip") => Ok(Some(Coding::Gzip)),
        Some(b"zstd") => Ok(Some(Coding::Zstd)),
        Some(b"snappy") => Ok(Some(Coding::SnappyFramed)),
        Some(other) => {
            let name = String::from_utf8_lossy(other);
            let message = format!("grpc: Decompressor is not installed for grpc-encoding \"{name}\"");
            Err(Refused::new("encoding", Code::Unimplemented, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str) -> HeaderMap {
        [(header::CONTENT_ENCODING, HeaderValue::from_static(name))].into_iter().collect()
    }

    #[test]
    fn what_is_not_listed_is_refused_and_without_a_list_everything_passes() {
        let all = ContentEncodings::default();
        assert_eq!(all.coding(&headers("deflate")), Ok(Some(Coding::Zlib)));
        assert_eq!(all.coding(&HeaderMap::new()), Ok(None));
        let told = all.coding(&headers("rot13")).unwrap_err().status;
        assert_eq!(
            (told.code, &*told.message),
            (Code::InvalidArgument, "unsupported Content-Encoding: rot13")
        );
        let only_gzip = ContentEncodings(vec!["gzip"]);
        assert_eq!(only_gzip.coding(&headers("gzip")), Ok(Some(Coding::Gzip)));
        assert!(only_gzip.coding(&headers("zstd")).is_err());
        assert!(only_gzip.coding(&HeaderMap::new()).is_err());
        assert_eq!(ContentEncodings(Vec::new()).coding(&headers("rot13")), Ok(None));
    }

    #[test]
    fn an_empty_name_is_that_of_a_message_that_is_not_compressed() {
        let grpc = |name| grpc_coding(&[("grpc-encoding".parse().unwrap(), name)].into_iter().collect());
        assert_eq!(grpc(HeaderValue::from_static("")), Ok(None));
        assert_eq!(grpc(HeaderValue::from_static("zstd")), Ok(Some(Coding::Zstd)));
        assert_eq!(grpc(HeaderValue::from_static("lz4")).unwrap_err().status.code, Code::Unimplemented);
    }
}
