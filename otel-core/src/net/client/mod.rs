//! Clients of HTTP and gRPC servers.

mod balancer;
mod cookies;
mod credentials;
mod dial;
mod endpoint;
mod grpc;
mod grpc_config;
mod http;
mod http2;
mod http_config;
mod no_proxy;
mod observed;
mod observed_http;
mod pool;
mod proxy;
mod surroundings;
mod url;
mod wire;

pub use balancer::Balancing;
pub use dial::DialError;
pub use endpoint::{Endpoint, InvalidEndpoint};
pub use grpc::GrpcClient;
pub use grpc_config::{GrpcClientConfig, GrpcKeepAliveConfig};
pub use http::{ClientError, HttpAnswer, HttpClient, HttpError};
pub use http_config::{CompressionParams, CookiesConfig, HttpClientConfig};
pub use observed::ObservedCalls;
pub use proxy::InvalidProxy;
pub use surroundings::Surroundings;
pub use url::{HttpUrl, InvalidUrl};

use dial::Dialer;
use wire::Wire;

/// An error with its causes in one line, without those that the one before ends with already.
pub fn error_chain(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !message.ends_with(&text) {
            message = format!("{message}: {text}");
        }
        cause = error.source();
    }
    message
}
