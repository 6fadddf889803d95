//! Servers and clients that components share: gRPC and HTTP, gzip, bounds. Only this module opens sockets.
//!
//! Messages cross it as [`Bytes`](bytes::Bytes): what comes in is handed over in one piece without being decoded,
//! what goes out leaves as the slices that it consists of.
//!
//! - [`Listener`] binds, [`serve`] answers requests with a [`Handler`] until [`Stop`] says when to end.
//! - [`read_grpc_message`] and [`read_http_body`] read requests within [`ReadLimits`], which share a
//!   [`ByteBudget`].
//! - With the feature `tls`, `HttpServerConfig` and `GrpcServerConfig` are the configuration blocks of servers.
//! - [`Status`] is an answer other than success, for both protocols.
//! - [`HttpClient`] sends requests over HTTP, compressed by a [`Compressor`], and reads what is at a URL.
//! - [`auth`] is how extensions say who may send to a server, and add credentials to what clients send.
//! - [`GrpcClient`] calls unary methods; [`PartialSuccess`] is what an OTLP server may say in its answer.

pub mod auth;
mod body;
mod budget;
mod buffers;
#[cfg(feature = "client")]
mod client;
#[cfg(feature = "client")]
mod compress;
#[cfg(feature = "tls")]
mod config;
mod connection;
mod decompress;
mod encoding;
#[cfg(feature = "tls")]
mod guarded;
mod handover;
#[cfg(feature = "tls")]
mod http_service;
mod listener;
mod observed;
mod partial;
mod read;
mod rejections;
#[cfg(feature = "tls")]
mod reload;
mod server;
mod sparing;
mod status;
mod stream;
mod tcp;
#[cfg(test)]
mod tests;
mod timeout;
#[cfg(feature = "tls")]
pub mod tls;
mod watch;
#[cfg(feature = "tls")]
mod watched_file;

pub use body::{Outgoing, Reply};
pub use budget::{ByteBudget, Charge};
#[cfg(feature = "client")]
pub use client::{
    Balancing, ClientError, CompressionParams, CookiesConfig, DialError, Endpoint, GrpcClient,
    GrpcClientConfig, GrpcKeepAliveConfig, HttpAnswer, HttpClient, HttpClientConfig, HttpError, HttpUrl,
    InvalidEndpoint, InvalidProxy, InvalidUrl, ObservedCalls, Surroundings, error_chain,
};
#[cfg(feature = "client")]
pub use compress::{Compression, Compressor};
#[cfg(feature = "tls")]
pub use config::{
    AuthConfig, CorsConfig, GrpcServerConfig, HttpServerAuthConfig, HttpServerConfig, MiddlewareConfig,
    ServerKeepaliveConfig,
};
pub use decompress::{Coding, Undecodable, decompress};
pub use encoding::{ContentEncodings, grpc_coding};
#[cfg(feature = "tls")]
pub use guarded::GrpcService;
#[cfg(feature = "tls")]
pub use http_service::HttpService;
pub use listener::{Bound, Listener, Transport, is_listen_address};
pub use observed::{Observed, Rpc};
pub use partial::{PartialSuccess, UnreadableResponse};
pub use read::{Message, ReadLimits, Refused, read_grpc_message, read_http_body};
pub use rejections::Rejections;
pub use server::{ConnectionFailures, Handler, ServerOptions, Stop, Stopper, serve};
pub use status::Status;
pub use stream::Peer;
pub use timeout::{format_grpc_timeout, parse_grpc_timeout};
#[cfg(feature = "tls")]
pub use watched_file::{WatchedFile, WatchedFileError};
