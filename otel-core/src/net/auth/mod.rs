//! Who may send to a server, and how a client says who it is.
//!
//! An extension offers what it can do as a capability, by which servers and clients find it under its id:
//!
//! ```
//! use std::sync::Arc;
//!
//! use async_trait::async_trait;
//! use otel_core::component::{Authentication, Capabilities, Component, Extension};
//! use otel_core::net::auth::{AuthenticationError, RequestHead, ServerAuthenticator};
//!
//! #[derive(Debug)]
//! struct Nobody;
//!
//! #[async_trait]
//! impl ServerAuthenticator for Nobody {
//!     async fn authenticate(
//!         &self,
//!         _: &RequestHead<'_>,
//!     ) -> Result<Option<Arc<dyn Authentication>>, AuthenticationError> {
//!         Err(AuthenticationError::unauthenticated("nobody gets in"))
//!     }
//! }
//!
//! impl Component for Nobody {}
//!
//! impl Extension for Nobody {
//!     fn provide(self: Arc<Self>, capabilities: &mut Capabilities) {
//!         capabilities.offer::<dyn ServerAuthenticator>(self);
//!     }
//! }
//! ```
//!
//! Components ask with [`server_authenticator`], [`client_authenticator`] and [`server_middleware`] when they start,
//! which is when all extensions of a collector exist.

mod client;
mod error;
mod head;
mod resolve;
mod server;

pub use client::ClientAuthenticator;
pub use error::{AuthenticationError, AuthenticationFailure};
pub use head::RequestHead;
pub use resolve::{ResolveError, client_authenticator, server_authenticator, server_middleware};
pub use server::{ServerAuthenticator, ServerMiddleware, ServerMiddlewares};
