use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderMap, header};
use otel_core::component::{Capabilities, Component, ConsumeError, Context, Extension, Host, StartError};
use otel_core::net::HttpUrl;
use otel_core::net::auth::ClientAuthenticator;
use otel_core::net::error_chain;
use tokio::time::Instant;

use super::OAuth2ClientConfig;
use super::request::TokenServer;
use super::token::AccessToken;
use crate::extensions::refresh::Refreshed;

/// After an answer the server is not asked again before, so that a wrong secret does not turn into a flood.
const PAUSE: Duration = Duration::from_secs(2);
/// A token that is refused although it is younger is not replaced: another would hardly do better.
const YOUNG: Duration = Duration::from_secs(10);
const FAILED: &str = "failed to get security token from token endpoint";

/// Authenticates clients with tokens that it gets by OAuth 2.0.
pub struct OAuth2Client {
    config: OAuth2ClientConfig,
    host: Host,
    tokens: Arc<Refreshed<AccessToken>>,
    url: OnceLock<HttpUrl>,
}

impl OAuth2Client {
    /// An extension that has no token yet. It asks for one with the first request that needs it.
    pub fn new(config: OAuth2ClientConfig, host: &Host) -> Self {
        Self { config, host: host.clone(), tokens: Refreshed::new(PAUSE), url: OnceLock::new() }
    }

    async fn token(&self) -> Result<Arc<AccessToken>, ConsumeError> {
        if let Some(token) = self.tokens.current().value.filter(|token| token.is_valid()) {
            if token.is_old() {
                self.tokens.want();
            }
            return Ok(token);
        }
        let fetched = self.tokens.refreshed().await;
        if let Some(token) = fetched.value.filter(|token| token.is_valid()) {
            return Ok(token);
        }
        let endpoint = self.url.get().map(ToString::to_string).unwrap_or_default();
        let why = fetched.failure.as_deref().unwrap_or("the token has ended");
        let message = format!("{FAILED} (endpoint {endpoint:?}): {why}");
        Err(ConsumeError::retryable(message).with_reason("unauthenticated"))
    }
}

#[async_trait]
impl Component for OAuth2Client {
    async fn start(&self) -> Result<(), StartError> {
        let server = Arc::new(TokenServer::new(&self.config, &self.host)?);
        // An instance is started once.
        let _ = self.url.set(server.url().clone());
        let logger = self.host.logger().clone();
        self.tokens.start(&self.host, "oauth2 tokens", None, move || {
            let (server, logger) = (Arc::clone(&server), logger.clone());
            async move {
                server.token().await.map_err(|error| {
                    logger.warn(FAILED).text("endpoint", server.url()).error(&error).emit();
                    error_chain(&error)
                })
            }
        });
        Ok(())
    }

    async fn shutdown(&self, _: Instant) {
        self.tokens.shutdown().await;
    }
}

impl Extension for OAuth2Client {
    fn provide(self: Arc<Self>, capabilities: &mut Capabilities) {
        capabilities.offer::<dyn ClientAuthenticator>(self);
    }
}

#[async_trait]
impl ClientAuthenticator for OAuth2Client {
    async fn authorize(&self, headers: &mut HeaderMap, _: &Context) -> Result<(), ConsumeError> {
        let token = self.token().await?;
        headers.insert(header::AUTHORIZATION, token.header.clone());
        Ok(())
    }

    async fn rejected(&self, headers: &HeaderMap) -> bool {
        let Some(token) = self.tokens.current().value else { return true };
        if headers.get(header::AUTHORIZATION) != Some(&token.header) {
            // It has been replaced meanwhile.
            return true;
        }
        if token.since.elapsed() < YOUNG {
            return false;
        }
        self.tokens.forget(&token);
        true
    }
}

impl fmt::Debug for OAuth2Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth2Client").field("config", &self.config).finish_non_exhaustive()
    }
}
