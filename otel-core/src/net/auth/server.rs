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

    /// Lets more of a request come that it has let in. It is asked before the body is read and every 64 KiB of it, and does
    /// not wait for anything.
    ///
    /// # Errors
    /// As of [`admit`](Self::admit).
    fn admit_more(&self) -> Result<(), Refused> {
        Ok(())
    }
}

/// Those that have let a request in, among its extensions.
#[derive(Debug, Clone)]
pub struct ServerMiddlewares(pub(in crate::net) Arc<[Arc<dyn ServerMiddleware>]>);

impl ServerMiddlewares {
    /// Whether all let more of the request come.
    ///
    /// # Errors
    /// One does not.
    pub fn admit_more(&self) -> Result<(), Refused> {
        self.0.iter().try_for_each(|middleware| middleware.admit_more())
    }
}
