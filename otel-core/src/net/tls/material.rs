//! Certificates and keys from files and texts.

use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{TlsConfig, TlsError};
use crate::config::Secret;

/// A certificate with its issuers, and its key.
pub(super) struct Identity {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

/// The own identity, where one is configured.
pub(super) fn identity(config: &TlsConfig) -> Result<Option<Identity>, TlsError> {
    if !config.has_certificate() || !config.has_key() {
        return Ok(None);
    }
    let chain = certificates(&Text::of(&config.cert_file, &config.cert_pem, "cert_pem")?)?;
    let text = Text::of(&config.key_file, &config.key_pem, "key_pem")?;
    let key = PrivateKeyDer::from_pem_slice(&text.bytes).map_err(|error| match error {
        pem::Error::NoItemsFound => TlsError::NoKey(text.origin),
        source => TlsError::Pem { origin: text.origin, source },
    })?;
    Ok(Some(Identity { chain, key }))
}

/// What a client trusts: what is configured, or else the system's certificates, or both.
pub(super) fn roots(config: &TlsConfig) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    if config.has_ca() {
        add(&mut roots, &Text::of(&config.ca_file, &config.ca_pem, "ca_pem")?)?;
    }
    if !config.has_ca() || config.include_system_ca_certs_pool {
        let system = rustls_native_certs::load_native_certs();
        // One broken certificate among the system's is nobody's business here; having none is told by handshakes.
        if let (true, Some(error)) = (system.certs.is_empty(), system.errors.first()) {
            return Err(TlsError::System(error.to_string()));
        }
        roots.add_parsable_certificates(system.certs);
    }
    Ok(roots)
}

/// What the certificates of clients must be signed by.
pub(super) fn client_roots(path: &str) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    add(&mut roots, &Text::read(path)?)?;
    Ok(roots)
}

/// PEM, and where it came from.
struct Text {
    origin: String,
    bytes: Vec<u8>,
}

impl Text {
    fn of(file: &str, pem: &Secret, key: &str) -> Result<Self, TlsError> {
        if file.is_empty() {
            return Ok(Self { origin: key.to_owned(), bytes: pem.expose().as_bytes().to_vec() });
        }
        Self::read(file)
    }

    fn read(path: &str) -> Result<Self, TlsError> {
        let bytes = std::fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })?;
        Ok(Self { origin: path.to_owned(), bytes })
    }
}

fn certificates(text: &Text) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text.bytes).collect();
    let chain = chain.map_err(|source| TlsError::Pem { origin: text.origin.clone(), source })?;
    if chain.is_empty() { Err(TlsError::NoCertificate(text.origin.clone())) } else { Ok(chain) }
}

fn add(roots: &mut RootCertStore, text: &Text) -> Result<(), TlsError> {
    for certificate in certificates(text)? {
        roots
            .add(certificate)
            .map_err(|source| TlsError::Certificate { origin: text.origin.clone(), source })?;
    }
    Ok(())
}
