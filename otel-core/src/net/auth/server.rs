use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::{AuthenticationError, RequestHead};
use crate::component::Authentication;
use crate::net::Refused;

/// Decides who may send to a server. Offered by an extension, asked concurrently.
///
/// # Guarantees
/// - It is asked once for each request, but for preflight requests of CORS, before anything of the body is read.
/// - Futures may be dropped at any await, as when the client goes away.
///
/// # Assumptions
/// - What costs CPU time goes elsewhere than the runtime's threads, and is bounded.
#[async_trait]
pub trait ServerAuthenticator: fmt::Debug + Send + Sync + 'static {
    /// What is found out about the client, which travels with its data, or nothing where the client may come in and there
    /// is nothing to say of it.
    ///
    /// # Errors
    /// The request is refused; the message is told to the client.
    async fn authenticate(
        &self,
        request: &RequestHead<'_>,
    ) -> Result<Option<Arc<dyn Authentication>>, AuthenticationError>;
}

/// Sees requests of a server before they are read, after authentication. Offered by an extension, asked concurrently.
#[async_trait]
pub trait ServerMiddleware: fmt::Debug + Send + Sync + 'static {
    /// Lets a request in.
    ///
    /// # Errors
    /// It is refused with this status, and counted by this reason; nothing of it is read. A delay is told to the client as
    /// `Retry-After` and `RetryInfo`.
    async fn admit(&self, request: &RequestHead<'_>) -> Result<(), Refused>;
}
