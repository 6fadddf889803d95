//! Certificates that are trusted themselves, and not only what they have signed.
//!
//! Who makes a certificate with `openssl req -x509` gets one that is its own authority, puts it into the server and into
//! the `ca_file` of clients, and Go's verification agrees. That of webpki has no authority stand for itself.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, VerifierBuilderError, WebPkiClientVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};

/// Servers with a certificate that one of the roots has signed, or that is one of them.
///
/// # Errors
/// There are no roots.
pub(super) fn servers(
    roots: RootCertStore,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, VerifierBuilderError> {
    let roots = Arc::new(roots);
    let signed = WebPkiServerVerifier::builder_with_provider(Arc::clone(&roots), provider).build()?;
    Ok(Arc::new(Trusted { signed: signed as Arc<dyn ServerCertVerifier>, roots }))
}

/// The same of clients.
///
/// # Errors
/// There are no roots.
pub(super) fn clients(
    roots: RootCertStore,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, VerifierBuilderError> {
    let roots = Arc::new(roots);
    let signed = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), provider).build()?;
    Ok(Arc::new(Trusted { signed, roots }))
}

/// A verifier that also takes the roots themselves.
#[derive(Debug)]
struct Trusted<V: ?Sized> {
    signed: Arc<V>,
    roots: Arc<RootCertStore>,
}

impl<V: ?Sized> Trusted<V> {
    /// Nothing where all that is wrong with a certificate is that it is an authority, but one that is trusted. That it
    /// is valid at this time was found before that; that the peer has its key is verified with the handshake.
    fn unless_root(&self, wrong: Error, certificate: &CertificateDer<'_>) -> Result<(), Error> {
        if !is_for_an_authority(&wrong) {
            return Err(wrong);
        }
        let mut own = RootCertStore::empty();
        own.add(certificate.clone().into_owned())?;
        let trusted = own.roots.iter().all(|own| self.roots.roots.contains(own));
        if trusted { Ok(()) } else { Err(CertificateError::UnknownIssuer.into()) }
    }
}

/// Whether a certificate was refused because it is one of an authority, which rustls has no name for.
fn is_for_an_authority(wrong: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(other)) = wrong else { return false };
    other.0.to_string() == "CaUsedAsEndEntity"
}

impl ServerCertVerifier for Trusted<dyn ServerCertVerifier> {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let signed =
            self.signed.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match signed {
            Err(wrong) => {
                self.unless_root(wrong, end_entity)?;
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            signed => signed,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.signed.supported_verify_schemes()
    }
}

impl ClientCertVerifier for Trusted<dyn ClientCertVerifier> {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.signed.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        match self.signed.verify_client_cert(end_entity, intermediates, now) {
            Err(wrong) => {
                self.unless_root(wrong, end_entity)?;
                Ok(ClientCertVerified::assertion())
            }
            signed => signed,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.signed.supported_verify_schemes()
    }
}
