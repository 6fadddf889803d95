use std::io;

/// Why certificates and keys could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A text is not PEM.
    #[error("{origin} is not valid PEM")]
    Pem {
        /// The file, or the key of the configuration.
        origin: String,
        /// Why.
        source: rustls::pki_types::pem::Error,
    },
    /// There is no key where there should be one.
    #[error("{0} has no private key that can be read; those with a passphrase cannot")]
    NoKey(String),
    /// There is no certificate where there should be one.
    #[error("{0} has no certificate")]
    NoCertificate(String),
    /// A certificate cannot be used.
    #[error("{origin} has a certificate that cannot be used")]
    Certificate {
        /// The file, or the key of the configuration.
        origin: String,
        /// Why.
        source: rustls::Error,
    },
    /// The certificates of the system cannot be read.
    #[error("the certificates of the system cannot be read: {0}")]
    System(String),
    /// The certificate and the key do not make an identity.
    #[error("failed to load TLS cert and key")]
    Identity(#[source] rustls::Error),
    /// Clients cannot be verified.
    #[error("client_ca_file cannot be used")]
    ClientCa(#[source] rustls::server::VerifierBuilderError),
    /// Servers cannot be verified.
    #[error("the certificates to trust cannot be used")]
    Authorities(#[source] rustls::server::VerifierBuilderError),
    /// Versions, cipher suites and curves leave nothing to speak.
    #[error("versions, cipher suites and curves leave nothing to speak")]
    Parameters(#[source] rustls::Error),
}

/// What rustls calls a corrupt message is most often another protocol, which is said as Go does.
pub(super) fn in_plain_words(error: io::Error) -> io::Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        Some(rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType)) => {
            io::Error::new(error.kind(), "first record does not look like a TLS handshake")
        }
        _ => error,
    }
}
