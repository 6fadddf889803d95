//! Asking for a token.

use std::io;
use std::sync::OnceLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use form_urlencoded::{Serializer, byte_serialize};
use http::{HeaderMap, HeaderValue, header};
use otel_core::component::{Context, Host, StartError};
use otel_core::config::Secret;
use otel_core::net::{HttpClient, HttpClientConfig, HttpError, HttpUrl, Outgoing};
use tokio::time::timeout;

use super::assertion::{self, AssertionError};
use super::config::{NO_CLIENT_ID, NO_CLIENT_SECRET, NO_KEY};
use super::token::{AccessToken, NoToken};
use super::{GrantType, OAuth2ClientConfig};

/// How long a request may take where the configuration sets no bound.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Asks a server for tokens.
pub(super) struct TokenServer {
    config: OAuth2ClientConfig,
    host: Host,
    client: HttpClient,
    url: HttpUrl,
    /// How the server takes the credentials of clients, once one got a token.
    way: OnceLock<Way>,
}

/// Where the credentials of a client are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Header,
    Body,
}

/// Why there is no token. Says nothing that is secret.
#[derive(Debug, thiserror::Error)]
pub(super) enum TokenError {
    #[error("{missing}; failed to read credentials file {path:?}")]
    File { missing: &'static str, path: String, source: io::Error },
    #[error("{missing}; empty credentials file {path:?}")]
    Empty { missing: &'static str, path: String },
    #[error("cannot sign the assertion")]
    Assertion(#[from] AssertionError),
    #[error("oauth2: cannot fetch token")]
    Http(#[source] HttpError),
    #[error("oauth2: cannot fetch token: no answer within {0:?}")]
    Timeout(Duration),
    #[error(transparent)]
    Answer(#[from] NoToken),
}

type Form = Vec<(String, Secret)>;

// === impl TokenServer ===

impl TokenServer {
    pub(super) fn new(config: &OAuth2ClientConfig, host: &Host) -> Result<Self, StartError> {
        let url = HttpUrl::parse(&config.token_url)
            .map_err(|error| StartError::new("token_url").with_source(error))?;
        let mut settings = HttpClientConfig::default();
        settings.tls = config.tls.clone();
        let client = HttpClient::new(&settings, host)
            .map_err(|error| StartError::new("failed to make a client for token_url").with_source(error))?;
        Ok(Self { config: config.clone(), host: host.clone(), client, url, way: OnceLock::new() })
    }

    pub(super) fn url(&self) -> &HttpUrl {
        &self.url
    }

    /// Gets a token.
    pub(super) async fn token(&self) -> Result<AccessToken, TokenError> {
        let config = &self.config;
        let client_id = credential(&config.client_id, &config.client_id_file, NO_CLIENT_ID)?;
        let mut form: Form = vec![("grant_type".to_owned(), config.grant_type.name().into())];
        if !config.scopes.is_empty() {
            form.push(("scope".to_owned(), config.scopes.join(" ").into()));
        }
        match config.grant_type {
            GrantType::ClientCredentials => {
                let secret = config.client_secret.expose();
                let secret = credential(secret, &config.client_secret_file, NO_CLIENT_SECRET)?;
                self.with_credentials(&client_id, &Secret::new(secret), form).await
            }
            GrantType::JwtBearer => {
                let key = config.client_certificate_key.expose();
                let key = credential(key, &config.client_certificate_key_file, NO_KEY)?;
                let now = self.host.telemetry().now();
                let assertion = Secret::from(assertion::sign(config, &client_id, &key, now)?);
                form.push(("assertion".to_owned(), assertion.clone()));
                self.ask(form, None, &assertion).await
            }
        }
    }

    /// Asks with a secret. How the server wants it is found out by trying, as Go does: there are servers for either way
    /// that take no other.
    async fn with_credentials(
        &self,
        client_id: &str,
        secret: &Secret,
        form: Form,
    ) -> Result<AccessToken, TokenError> {
        let known = self.way.get().copied();
        if known != Some(Way::Body) {
            let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
            let both = format!("{}:{}", encode(client_id), encode(secret.expose()));
            let basic = Secret::new(format!("Basic {}", STANDARD.encode(both)));
            match self.ask(form.clone(), Some(&basic), secret).await {
                Err(TokenError::Answer(_)) if known.is_none() => {}
                Ok(token) => {
                    self.way.get_or_init(|| Way::Header);
                    return Ok(token);
                }
                other => return other,
            }
        }
        let mut form = form;
        form.push(("client_id".to_owned(), client_id.into()));
        form.push(("client_secret".to_owned(), secret.clone()));
        let token = self.ask(form, None, secret).await?;
        self.way.get_or_init(|| Way::Body);
        Ok(token)
    }

    /// Asks for a token; `secret` is what an answer may not tell on, whatever the server says.
    async fn ask(
        &self,
        form: Form,
        authorization: Option<&Secret>,
        secret: &Secret,
    ) -> Result<AccessToken, TokenError> {
        let mut headers = HeaderMap::new();
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, kind);
        if let Some(authorization) = authorization {
            // What is encoded is always a header.
            if let Ok(mut value) = HeaderValue::try_from(authorization.expose()) {
                value.set_sensitive(true);
                headers.insert(header::AUTHORIZATION, value);
            }
        }
        let body = Outgoing::new([Bytes::from(self.encode(&form))]);
        let limit = Some(self.config.timeout).filter(|limit| !limit.is_zero()).unwrap_or(TIMEOUT);
        let answer = timeout(limit, self.client.post(&self.url, &headers, &body, &Context::new())).await;
        let answer = answer.map_err(|_| TokenError::Timeout(limit))?.map_err(TokenError::Http)?;
        let secrets = self.config.endpoint_params.values().flatten().chain([secret]);
        let secrets: Vec<_> = secrets.map(Secret::expose).collect();
        let token = AccessToken::read(&answer, self.config.expiry_buffer, &secrets)?;
        Ok(token)
    }

    /// The form with the parameters of the configuration, of which one may replace the grant type.
    fn encode(&self, form: &Form) -> String {
        let params = &self.config.endpoint_params;
        let own = form.iter().filter(|(name, _)| !params.contains_key(name));
        let own = own.map(|(name, value)| (name, value));
        let further = params.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
        let mut serializer = Serializer::new(String::new());
        for (name, value) in own.chain(further) {
            serializer.append_pair(name, value.expose());
        }
        serializer.finish()
    }
}

/// A value, or what is in a file, which wins.
fn credential(value: &str, path: &str, missing: &'static str) -> Result<String, TokenError> {
    if path.is_empty() {
        return Ok(value.to_owned());
    }
    let path = || path.to_owned();
    let text = std::fs::read_to_string(path());
    let text = text.map_err(|source| TokenError::File { missing, path: path(), source })?;
    match text.trim() {
        "" => Err(TokenError::Empty { missing, path: path() }),
        text => Ok(text.to_owned()),
    }
}
