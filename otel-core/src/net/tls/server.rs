use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::error::in_plain_words;
use super::{RELOAD_FAILED, TlsError, TlsServerConfig, choices, material, trusted};
use crate::net::reload::Reloading;
use crate::telemetry::Logger;

/// A server's side of TLS.
pub struct TlsServer(Reloading<ServerConfig>);

impl TlsServer {
    /// Loads what the configuration names. Protocols such as `h2` are offered in this order.
    ///
    /// # Errors
    /// Something cannot be read or used.
    pub fn load(
        config: &TlsServerConfig,
        protocols: &'static [&'static [u8]],
        logger: Logger,
    ) -> Result<Self, TlsError> {
        let config = config.clone();
        let watched = Some(config.client_ca_file.clone())
            .filter(|path| config.client_ca_file_reload && !path.is_empty());
        let interval = config.common.reload_interval;
        Reloading::new(interval, watched, logger, RELOAD_FAILED, move || build(&config, protocols)).map(Self)
    }

    /// Shakes hands with a client.
    ///
    /// # Errors
    /// The client is not what is asked for, or went away.
    pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> io::Result<TlsStream<S>> {
        TlsAcceptor::from(self.0.get()).accept(stream).await.map_err(in_plain_words)
    }
}

impl fmt::Debug for TlsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsServer").finish_non_exhaustive()
    }
}

fn build(config: &TlsServerConfig, protocols: &[&[u8]]) -> Result<ServerConfig, TlsError> {
    let common = &config.common;
    let provider = Arc::new(choices::provider(&common.cipher_suites, &common.curve_preferences));
    let versions = choices::versions(common.min_version, common.max_version, &provider);
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions)
        .map_err(TlsError::Parameters)?;
    let builder = if config.client_ca_file.is_empty() {
        builder.with_no_client_auth()
    } else {
        let verifier = trusted::clients(material::client_roots(&config.client_ca_file)?, provider);
        builder.with_client_cert_verifier(verifier.map_err(TlsError::ClientCa)?)
    };
    let identity =
        material::identity(common)?.ok_or_else(|| TlsError::NoCertificate("the configuration".to_owned()))?;
    let mut built = builder.with_single_cert(identity.chain, identity.key).map_err(TlsError::Identity)?;
    built.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(built)
}
