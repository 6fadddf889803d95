use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method};

use crate::net::Peer;

/// What is known of a request before its body is read.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct RequestHead<'a> {
    /// The method; `POST` for gRPC.
    pub method: &'a Method,
    /// The path without the query; `/package.Service/Method` for gRPC.
    pub path: &'a str,
    /// The headers, or the metadata of gRPC. Where the server's `request_params` name parameters of the query, they are
    /// among them and replace headers of the same name.
    pub headers: &'a HeaderMap,
    /// Who sent it.
    pub peer: Peer,
    /// The certificates that the client presented and the server verified, its own first, in DER.
    pub certificates: &'a [Bytes],
}

impl<'a> RequestHead<'a> {
    /// A head without certificates.
    pub fn new(method: &'a Method, path: &'a str, headers: &'a HeaderMap, peer: Peer) -> Self {
        Self { method, path, headers, peer, certificates: &[] }
    }
}

/// Headers hold credentials, so only their names print.
impl fmt::Debug for RequestHead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.keys().collect();
        f.debug_struct("RequestHead")
            .field("method", self.method)
            .field("path", &self.path)
            .field("headers", &names)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}
