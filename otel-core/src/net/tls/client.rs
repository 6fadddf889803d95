use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::error::in_plain_words;
use super::{RELOAD_FAILED, TlsClientConfig, TlsError, choices, material, trusted};
use crate::net::reload::Reloading;
use crate::telemetry::Logger;

/// A client's side of TLS.
pub struct TlsClient {
    config: Reloading<ClientConfig>,
    server_name: String,
}

impl TlsClient {
    /// Loads what the configuration names. Protocols such as `h2` are offered in this order.
    ///
    /// # Errors
    /// Something cannot be read or used.
    pub fn load(
        config: &TlsClientConfig,
        protocols: &'static [&'static [u8]],
        logger: Logger,
    ) -> Result<Self, TlsError> {
        let config = config.clone();
        let (interval, server_name) = (config.common.reload_interval, config.server_name_override.clone());
        let config =
            Reloading::new(interval, None, logger, RELOAD_FAILED, move || build(&config, protocols))?;
        Ok(Self { config, server_name })
    }

    /// Shakes hands with the server of a host, given as a name or an address without a port.
    ///
    /// # Errors
    /// The server is not who it should be, refused, or went away; or the host is not a name.
    pub async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        host: &str,
        stream: S,
    ) -> io::Result<TlsStream<S>> {
        let host = if self.server_name.is_empty() { host } else { &self.server_name };
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let connected = TlsConnector::from(self.config.get()).connect(name, stream).await;
        connected.map_err(in_plain_words)
    }
}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsClient").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}

fn build(config: &TlsClientConfig, protocols: &[&[u8]]) -> Result<ClientConfig, TlsError> {
    let common = &config.common;
    let provider = Arc::new(choices::provider(&common.cipher_suites, &common.curve_preferences));
    let versions = choices::versions(common.min_version, common.max_version, &provider);
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions)
        .map_err(TlsError::Parameters)?;
    let builder = if config.insecure_skip_verify {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(Anyone(provider)))
    } else {
        match material::roots(common)? {
            // Who never speaks TLS needs none.
            none if none.is_empty() => builder.with_root_certificates(none),
            roots => {
                let verifier = trusted::servers(roots, provider).map_err(TlsError::Authorities)?;
                builder.dangerous().with_custom_certificate_verifier(verifier)
            }
        }
    };
    let mut built = match material::identity(common)? {
        Some(own) => builder.with_client_auth_cert(own.chain, own.key).map_err(TlsError::Identity)?,
        None => builder.with_no_client_auth(),
    };
    built.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(built)
}

/// Takes every certificate, whose key the server must nevertheless have.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
