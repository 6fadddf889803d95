//! An issuer of tokens and its keys.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use otel_core::component::Host;
use otel_core::net::auth::AuthenticationError;
use otel_core::net::{
    ClientError, HttpClient, HttpClientConfig, HttpError, HttpUrl, InvalidUrl, WatchedFile, WatchedFileError,
};
use serde::Deserialize;
use tokio::time::timeout;

use super::OidcProviderConfig;
use super::identity::Identity;
use super::jwks::{Keys, Verdict};
use super::token::{Algorithm, Expected, Token};
use crate::extensions::refresh::Refreshed;

/// How long an issuer may take for an answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The longest answer of an issuer that is read.
const MAX_ANSWER: usize = 1 << 20;
/// An issuer is not asked for its keys again before.
pub(super) const PAUSE: Duration = Duration::from_secs(5);
/// How old keys get before they are fetched again, so that those which the issuer has withdrawn are forgotten.
const MAX_AGE: Duration = Duration::from_secs(60 * 60);

/// Verifies the tokens of an issuer.
#[derive(Debug)]
pub(super) struct Provider {
    config: OidcProviderConfig,
    host: Host,
    keys: Source,
}

#[derive(Debug)]
enum Source {
    File(WatchedFile<Keys>),
    Issuer { keys: Arc<Refreshed<Keys>>, algorithms: Vec<Algorithm> },
}

/// Why the tokens of an issuer cannot be verified at all.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProviderError {
    #[error("failed to load JWKS file {path:?}")]
    File { path: String, source: WatchedFileError },
    #[error("failed to create OIDC provider for {issuer:?}")]
    Issuer { issuer: String, source: IssuerError },
}

/// What is wrong with an issuer.
#[derive(Debug, thiserror::Error)]
pub(super) enum IssuerError {
    #[error("its URL cannot be used")]
    Url(#[source] InvalidUrl),
    #[error("there is no client for it")]
    Client(#[source] ClientError),
    #[error("it cannot be reached")]
    Http(#[source] HttpError),
    #[error("it did not answer within {} seconds", TIMEOUT.as_secs())]
    Timeout,
    #[error("it answered with {0}")]
    Status(StatusCode),
    #[error("oidc: failed to decode provider discovery object")]
    Discovery,
    #[error(
        "oidc: issuer URL provided to client ({expected:?}) did not match the issuer URL returned by provider ({got:?})"
    )]
    Mismatch { expected: String, got: String },
    #[error("oidc: failed to decode keys")]
    Keys,
}

// === impl Provider ===

impl Provider {
    /// Reads the keys of an issuer, or asks the issuer where they are; they are fetched when this has returned.
    pub(super) async fn start(config: &OidcProviderConfig, host: &Host) -> Result<Self, ProviderError> {
        let keys = match config.public_keys_file.as_str() {
            "" => {
                let issuer = config.issuer_url.clone();
                discover(config, host).await.map_err(|source| ProviderError::Issuer { issuer, source })?
            }
            path => {
                let file = WatchedFile::load(path, host.logger().clone(), Keys::read_some);
                let file = file.map_err(|source| ProviderError::File { path: path.to_owned(), source })?;
                Source::File(file)
            }
        };
        Ok(Self { config: config.clone(), host: host.clone(), keys })
    }

    /// Ends what runs for it.
    pub(super) async fn shutdown(&self) {
        if let Source::Issuer { keys, .. } = &self.keys {
            keys.shutdown().await;
        }
    }

    /// The issuer as it is configured.
    pub(super) fn issuer(&self) -> &str {
        &self.config.issuer_url
    }

    /// Finds out who has a token.
    pub(super) async fn identify(
        &self,
        raw: &str,
        token: Token<'_>,
    ) -> Result<Identity, AuthenticationError> {
        let refused = |why: &dyn std::fmt::Display| {
            AuthenticationError::unauthenticated(format!("failed to verify token: {why}"))
        };
        match &self.keys {
            Source::File(keys) => {
                if keys.get().verify_with_any(&token) != Verdict::Signed {
                    return Err(refused(&"failed to verify signature: no public keys able to verify jwt"));
                }
            }
            Source::Issuer { keys, algorithms } => {
                if !algorithms.contains(&token.algorithm) {
                    let name = token.algorithm.name();
                    return Err(refused(&format!(
                        "oidc: malformed jwt: unexpected signature algorithm {name:?}"
                    )));
                }
                verify(keys, &token).await?;
            }
        }
        let OidcProviderConfig { issuer_url, audience, ignore_issuer, ignore_audience, .. } = &self.config;
        let expected = Expected {
            issuer: (!ignore_issuer).then_some(issuer_url),
            audience: (!ignore_audience).then_some(audience),
            now: self.host.telemetry().now(),
        };
        token.accept(&expected).map_err(|why| refused(&why))?;
        let identity = Identity::new(raw, token.claims, &self.config);
        identity.map_err(|why| AuthenticationError::unauthenticated(why.to_string()))
    }
}

/// Verifies a token with the keys of an issuer, which are fetched anew where they do not do.
async fn verify(keys: &Refreshed<Keys>, token: &Token<'_>) -> Result<(), AuthenticationError> {
    let ask = |keys: Option<&Arc<Keys>>| keys.map_or(Verdict::Unknown, |keys| keys.verify(token));
    let known = keys.current();
    let before = ask(known.value.as_ref());
    if before == Verdict::Signed {
        return Ok(());
    }
    let fetched = keys.refreshed().await;
    let verdict = ask(fetched.value.as_ref());
    match (verdict, fetched.failure) {
        (Verdict::Signed, _) => Ok(()),
        // Without the keys of today nobody knows whether there is one of that name.
        (Verdict::Unknown, Some(_)) => Err(AuthenticationError::unavailable(
            "failed to verify token: failed to verify signature: fetching keys oidc: get keys failed",
        )),
        (Verdict::Unknown | Verdict::Forged, _) => Err(AuthenticationError::unauthenticated(
            "failed to verify token: failed to verify signature: failed to verify id token signature",
        )),
    }
}

/// Asks an issuer where its keys are, and begins to fetch them.
async fn discover(config: &OidcProviderConfig, host: &Host) -> Result<Source, IssuerError> {
    #[derive(Deserialize)]
    struct Document {
        issuer: String,
        jwks_uri: String,
        #[serde(default)]
        id_token_signing_alg_values_supported: Vec<String>,
    }

    let mut settings = HttpClientConfig::default();
    settings.tls.common.ca_file.clone_from(&config.issuer_ca_path);
    let client = HttpClient::new(&settings, host).map_err(IssuerError::Client)?;
    let issuer = &config.issuer_url;
    let url = format!("{}/.well-known/openid-configuration", issuer.strip_suffix('/').unwrap_or(issuer));
    let answer = fetch(&client, &url).await?;
    let document: Document = serde_json::from_slice(&answer).map_err(|_| IssuerError::Discovery)?;
    if document.issuer != *issuer {
        return Err(IssuerError::Mismatch { expected: issuer.clone(), got: document.issuer });
    }
    let named = document.id_token_signing_alg_values_supported;
    let mut algorithms: Vec<_> = named.iter().filter_map(|name| Algorithm::of(name)).collect();
    if algorithms.is_empty() {
        algorithms.push(Algorithm::Rs256);
    }
    let keys = Refreshed::new(PAUSE);
    let (logger, issuer, url) = (host.logger().clone(), issuer.clone(), document.jwks_uri);
    keys.start(host, "oidc keys", Some(MAX_AGE), move || {
        let (client, logger, issuer, url) = (client.clone(), logger.clone(), issuer.clone(), url.clone());
        async move {
            let answer = fetch(&client, &url).await;
            let keys = answer.and_then(|answer| Keys::read(&answer).map_err(|_| IssuerError::Keys));
            keys.map_err(|error| {
                let event = logger.warn("Failed to fetch the keys of an issuer");
                event.field("issuer", issuer).field("url", url).error(&error).emit();
                error.to_string()
            })
        }
    });
    keys.want();
    Ok(Source::Issuer { keys, algorithms })
}

async fn fetch(client: &HttpClient, url: &str) -> Result<Bytes, IssuerError> {
    let url = HttpUrl::parse(url).map_err(IssuerError::Url)?;
    let headers = HeaderMap::new();
    let answer = timeout(TIMEOUT, client.get(&url, &headers, MAX_ANSWER)).await;
    let answer = answer.map_err(|_| IssuerError::Timeout)?.map_err(IssuerError::Http)?;
    match answer.status {
        StatusCode::OK => Ok(answer.body),
        status => Err(IssuerError::Status(status)),
    }
}
