use std::sync::Arc;

use super::{ClientAuthenticator, ServerAuthenticator, ServerMiddleware};
use crate::ComponentId;
use crate::component::Host;
use crate::net::Rpc;

/// Why an extension cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// Nothing is named.
    #[error("no extension is named")]
    Unnamed,
    /// The client does not belong to a component.
    #[error("authentication was configured but this component or its host does not support extensions")]
    NoExtensions,
    /// No extension of that id runs.
    #[error("failed to resolve authenticator \"{0}\": authenticator not found")]
    AuthenticatorNotFound(ComponentId),
    /// It does not authenticate the clients of servers.
    #[error("requested authenticator is not a server authenticator")]
    NotAServerAuthenticator,
    /// It does not authenticate HTTP clients.
    #[error("requested authenticator is not a HTTP client authenticator")]
    NotAnHttpClientAuthenticator,
    /// It does not authenticate gRPC clients.
    #[error("requested authenticator is not a gRPC client authenticator")]
    NotAGrpcClientAuthenticator,
    /// No extension of that id runs.
    #[error("failed to resolve middleware \"{0}\": middleware not found")]
    MiddlewareNotFound(ComponentId),
    /// It does nothing for HTTP servers.
    #[error("requested extension is not an HTTP server middleware")]
    NotAnHttpServerMiddleware,
    /// It does nothing for gRPC servers.
    #[error("requested extension is not a gRPC server middleware")]
    NotAGrpcServerMiddleware,
}

/// What decides who may send to a server.
///
/// # Errors
/// The extension does not run or does something else.
pub fn server_authenticator(
    host: &Host,
    id: &ComponentId,
) -> Result<Arc<dyn ServerAuthenticator>, ResolveError> {
    host.capability(id).ok_or_else(|| {
        otherwise(host, id, ResolveError::AuthenticatorNotFound, ResolveError::NotAServerAuthenticator)
    })
}

/// What authenticates a client.
///
/// # Errors
/// The extension does not run or does something else.
pub fn client_authenticator(
    host: &Host,
    id: &ComponentId,
    protocol: Rpc,
) -> Result<Arc<dyn ClientAuthenticator>, ResolveError> {
    let unfit = match protocol {
        Rpc::Http => ResolveError::NotAnHttpClientAuthenticator,
        Rpc::Grpc => ResolveError::NotAGrpcClientAuthenticator,
    };
    host.capability(id).ok_or_else(|| otherwise(host, id, ResolveError::AuthenticatorNotFound, unfit))
}

/// What sees the requests of a server.
///
/// # Errors
/// The extension does not run or does something else.
pub fn server_middleware(
    host: &Host,
    id: &ComponentId,
    protocol: Rpc,
) -> Result<Arc<dyn ServerMiddleware>, ResolveError> {
    let unfit = match protocol {
        Rpc::Http => ResolveError::NotAnHttpServerMiddleware,
        Rpc::Grpc => ResolveError::NotAGrpcServerMiddleware,
    };
    host.capability(id).ok_or_else(|| otherwise(host, id, ResolveError::MiddlewareNotFound, unfit))
}

fn otherwise(
    host: &Host,
    id: &ComponentId,
    not_found: fn(ComponentId) -> ResolveError,
    unfit: ResolveError,
) -> ResolveError {
    if host.has_extension(id) { unfit } else { not_found(id.clone()) }
}
