//! Certificates that last as long as a test.

use std::fmt;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};

/// Signs certificates for tests. Everything is PEM.
///
/// ```
/// use otel_core::testing::TestAuthority;
///
/// let authority = TestAuthority::new();
/// let server = authority.issue("localhost");
/// assert!(server.certificate.starts_with("-----BEGIN CERTIFICATE-----"));
/// assert!(server.key.starts_with("-----BEGIN PRIVATE KEY-----"));
/// ```
pub struct TestAuthority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

/// A certificate and its key.
#[derive(Clone)]
#[non_exhaustive]
pub struct TestIdentity {
    /// The certificate.
    pub certificate: String,
    /// The key.
    pub key: String,
}

impl TestAuthority {
    /// An authority of its own.
    ///
    /// # Panics
    /// Where no key can be made.
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a certificate of sound parts").pem();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// The certificate by which others are verified.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// A certificate for a host name or an address, for servers and clients.
    pub fn issue(&self, name: &str) -> TestIdentity {
        self.sign(name, |_| {})
    }

    /// The same, but it ended long ago.
    pub fn issue_expired(&self, name: &str) -> TestIdentity {
        self.sign(name, expire)
    }

    fn sign(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> TestIdentity {
        let key = KeyPair::generate().expect("a key");
        let mut params = params(name);
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate of sound parts");
        TestIdentity { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

impl TestIdentity {
    /// A certificate that is its own authority, as `openssl req -x509` makes them.
    pub fn self_signed(name: &str) -> Self {
        Self::sign_itself(name, |_| {})
    }

    /// The same, but it ended long ago.
    pub fn self_signed_expired(name: &str) -> Self {
        Self::sign_itself(name, expire)
    }

    fn sign_itself(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = params(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        change(&mut params);
        let certificate = params.self_signed(&key).expect("a certificate of sound parts");
        Self { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

impl Default for TestAuthority {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TestAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestAuthority").finish_non_exhaustive()
    }
}

impl fmt::Debug for TestIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestIdentity").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new([name.to_owned()]).expect("a test names a host or an address");
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn expire(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2001, 1, 1);
    params.not_after = date_time_ymd(2002, 1, 1);
}
