//! What clients tell their servers of who they are.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, header};

use super::Surroundings;
use crate::component::{ConsumeError, Context};
use crate::config::Optional;
use crate::net::auth::{ClientAuthenticator, ResolveError};
use crate::net::{AuthConfig, Rpc};

/// What the protocols need as it is, so that an authenticator cannot change it.
const NECESSARY: [HeaderName; 10] = [
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::UPGRADE,
    header::TE,
    HeaderName::from_static("grpc-encoding"),
    HeaderName::from_static("grpc-accept-encoding"),
    HeaderName::from_static("grpc-timeout"),
];

/// The authenticator of a client, where its configuration names one.
#[derive(Clone, Default)]
pub(super) struct Credentials(Option<Arc<dyn ClientAuthenticator>>);

impl Credentials {
    pub(super) fn resolve(
        config: &Optional<AuthConfig>,
        surroundings: &Surroundings,
        protocol: Rpc,
    ) -> Result<Self, ResolveError> {
        let Some(config) = config.get() else { return Ok(Self(None)) };
        let id = config.authenticator.as_ref().ok_or(ResolveError::Unnamed)?;
        surroundings.authenticator(id, protocol).map(|authenticator| Self(Some(authenticator)))
    }

    /// Whether there never are any.
    pub(super) fn are_none(&self) -> bool {
        self.0.is_none()
    }

    /// Whether they may only go over connections with TLS.
    pub(super) fn need_secure_transport(&self) -> bool {
        self.0.as_ref().is_some_and(|authenticator| authenticator.needs_secure_transport())
    }

    /// The headers with credentials for what is sent in that context.
    pub(super) async fn with(
        &self,
        headers: &HeaderMap,
        context: &Context,
    ) -> Result<HeaderMap, ConsumeError> {
        let mut authorized = headers.clone();
        let Some(authenticator) = &self.0 else { return Ok(authorized) };
        authenticator.authorize(&mut authorized, context).await?;
        for name in NECESSARY {
            match headers.get(&name) {
                Some(value) => authorized.insert(name, value.clone()),
                None => authorized.remove(name),
            };
        }
        Ok(authorized)
    }

    /// The server refused those in the headers. Whether there may be better ones now.
    pub(super) async fn rejected(&self, headers: &HeaderMap) -> bool {
        match &self.0 {
            Some(authenticator) => authenticator.rejected(headers).await,
            None => false,
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
