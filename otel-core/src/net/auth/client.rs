use std::fmt;

use async_trait::async_trait;
use http::HeaderMap;

use crate::component::{ConsumeError, Context};

/// Puts credentials into the requests of a client. Offered by an extension, asked concurrently.
///
/// # Guarantees
/// - It is asked for each request, after the headers that the client's configuration names were set, and before those that
///   the protocol needs: neither the length nor the encoding of a body can be changed.
/// - The headers that it sets or changes are not sent to another host than the one that the client was made for.
/// - Futures may be dropped at any await.
#[async_trait]
pub trait ClientAuthenticator: fmt::Debug + Send + Sync + 'static {
    /// Sets the headers of a request, whose names are in lower case for gRPC as for HTTP. Values that are secret are
    /// marked with [`HeaderValue::set_sensitive`](http::HeaderValue::set_sensitive). The context is that of the data.
    ///
    /// # Errors
    /// There are no credentials. The request is not sent; retryable where there may be some later.
    async fn authorize(&self, headers: &mut HeaderMap, context: &Context) -> Result<(), ConsumeError>;

    /// Whether requests with these credentials may only go over connections with TLS. gRPC clients without it refuse to
    /// start, as in Go; HTTP clients send them all the same.
    fn needs_secure_transport(&self) -> bool {
        true
    }

    /// The server refused the credentials of a request (HTTP 401, gRPC UNAUTHENTICATED), which had these headers when it
    /// was authorized: by them an authenticator tells what was refused from what it has got since. Refused credentials that
    /// are kept for later are forgotten. Whether there may be better ones now: then the request is sent once more.
    async fn rejected(&self, headers: &HeaderMap) -> bool {
        let _ = headers;
        false
    }
}
