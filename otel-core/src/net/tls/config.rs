//! The configuration blocks.

use std::time::Duration;

use documented::DocumentedFieldsOpt;

use super::choices::{TlsCipherSuite, TlsCurve, TlsVersion, VersionBound, leaves_no_curve, leaves_no_suite};
use crate::Invalid;
use crate::config::{Decode, Fields, KeyDocs, Secret};

/// The keys that servers and clients have in common.
#[derive(Debug, Clone, Default, PartialEq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct TlsConfig {
    /// File with the certificates in PEM that a client trusts instead of the system's.
    pub ca_file: String,
    /// The same as text.
    pub ca_pem: Secret,
    /// File with the own certificate in PEM, followed by its issuers.
    pub cert_file: String,
    /// The same as text.
    pub cert_pem: Secret,
    /// File with the key of the certificate in PEM.
    pub key_file: String,
    /// The same as text.
    pub key_pem: Secret,
    /// Lowest version; 1.2 by default.
    pub min_version: Option<TlsVersion>,
    /// Highest version; 1.3 by default.
    pub max_version: Option<TlsVersion>,
    /// Cipher suites of TLS 1.2; empty for all.
    pub cipher_suites: Vec<TlsCipherSuite>,
    /// Curves of the key exchange, best first; empty for all.
    pub curve_preferences: Vec<TlsCurve>,
    /// A client trusts the system's certificates beside those of `ca_file` or `ca_pem`.
    pub include_system_ca_certs_pool: bool,
    /// How often files are read again; zero for never.
    pub reload_interval: Duration,
}

/// The block `tls` of a server.
#[derive(Debug, Clone, Default, PartialEq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct TlsServerConfig {
    /// The keys that clients have too.
    pub common: TlsConfig,
    /// File with certificates in PEM by which those of clients must be signed; empty to ask clients for none.
    pub client_ca_file: String,
    /// Reads `client_ca_file` again when it changes.
    pub client_ca_file_reload: bool,
}

/// The block `tls` of a client.
#[derive(Debug, Clone, Default, PartialEq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct TlsClientConfig {
    /// The keys that servers have too.
    pub common: TlsConfig,
    /// No TLS at all, unless a CA is given.
    pub insecure: bool,
    /// TLS with whoever answers.
    pub insecure_skip_verify: bool,
    /// The name that the server's certificate is for, where it is not the host of the endpoint.
    pub server_name_override: String,
}

// === impl TlsConfig ===

impl TlsConfig {
    /// Whether there is something to trust instead of the system's certificates.
    pub fn has_ca(&self) -> bool {
        !self.ca_file.is_empty() || !self.ca_pem.is_empty()
    }

    /// Whether there is a certificate.
    pub fn has_certificate(&self) -> bool {
        !self.cert_file.is_empty() || !self.cert_pem.is_empty()
    }

    /// Whether there is a key.
    pub fn has_key(&self) -> bool {
        !self.key_file.is_empty() || !self.key_pem.is_empty()
    }

    fn validate(&self) -> Vec<Invalid> {
        let mut broken = Vec::new();
        let pairs = [
            (
                &self.ca_file,
                &self.ca_pem,
                "ca_pem",
                "provide either a CA file or the PEM-encoded string, but not both",
            ),
            (
                &self.cert_file,
                &self.cert_pem,
                "cert_pem",
                "provide either certificate file or PEM, but not both",
            ),
            (&self.key_file, &self.key_pem, "key_pem", "provide either key file or PEM, but not both"),
        ];
        for (file, pem, key, message) in pairs {
            if !file.is_empty() && !pem.is_empty() {
                broken.push(Invalid::new(key, message));
            }
        }
        if let (Some(min), Some(max)) = (self.min_version, self.max_version)
            && min > max
        {
            let message = "invalid TLS configuration: min_version cannot be greater than max_version";
            broken.push(Invalid::new("min_version", message));
        }
        if self.max_version.is_some_and(|max| max < TlsVersion::V1_2) {
            let message = "invalid TLS max_version: TLS below 1.2 is not available here, allowed: 1.2, 1.3";
            broken.push(Invalid::new("max_version", message));
        }
        if leaves_no_suite(&self.cipher_suites) {
            let message =
                "none of these cipher suites is available here, allowed: those with GCM or CHACHA20";
            broken.push(Invalid::new("cipher_suites", message));
        }
        if leaves_no_curve(&self.curve_preferences) {
            let message = "none of these curves is available here, allowed: X25519, P256, P384";
            broken.push(Invalid::new("curve_preferences", message));
        }
        broken
    }
}

impl Decode for TlsConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self {
            ca_file,
            ca_pem,
            cert_file,
            cert_pem,
            key_file,
            key_pem,
            min_version,
            max_version,
            cipher_suites,
            curve_preferences,
            include_system_ca_certs_pool,
            reload_interval,
        } = self;
        fields.take("ca_file", ca_file);
        fields.take("ca_pem", ca_pem);
        fields.take("cert_file", cert_file);
        fields.take("cert_pem", cert_pem);
        fields.take("key_file", key_file);
        fields.take("key_pem", key_pem);
        take_version(fields, "min_version", min_version);
        take_version(fields, "max_version", max_version);
        fields.take("cipher_suites", cipher_suites);
        fields.take("curve_preferences", curve_preferences);
        fields.take("include_system_ca_certs_pool", include_system_ca_certs_pool);
        fields.take("reload_interval", reload_interval);
        fields.tolerated("include_insecure_cipher_suites", "there are no insecure cipher suites here");
        fields.unsupported("tpm", "keys are read from files and texts only");
    }
}

fn take_version(fields: &mut Fields<'_>, key: &'static str, version: &mut Option<TlsVersion>) {
    let mut bound = VersionBound(*version);
    fields.take(key, &mut bound);
    *version = bound.0;
}

// === impl TlsServerConfig ===

impl TlsServerConfig {
    /// The rules between the keys, which paths are relative to this block.
    pub fn validate(&self) -> Vec<Invalid> {
        let mut broken = self.common.validate();
        if !self.common.has_certificate() || !self.common.has_key() {
            let message = "TLS configuration must include both certificate and key for server connections";
            broken.push(Invalid::new("", message));
        }
        broken
    }
}

impl Decode for TlsServerConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { common, client_ca_file, client_ca_file_reload } = self;
        fields.block(common);
        fields.take("client_ca_file", client_ca_file);
        fields.take("client_ca_file_reload", client_ca_file_reload);
    }
}

// === impl TlsClientConfig ===

impl TlsClientConfig {
    /// Whether connections are to be made without TLS.
    pub fn is_plaintext(&self) -> bool {
        self.insecure && !self.common.has_ca()
    }

    /// The rules between the keys, which paths are relative to this block.
    pub fn validate(&self) -> Vec<Invalid> {
        let mut broken = self.common.validate();
        if self.common.has_certificate() != self.common.has_key() {
            let message = "TLS configuration must include both certificate and key (CertFile/CertPem and \
                           KeyFile/KeyPem)";
            broken.push(Invalid::new("", message));
        }
        broken
    }
}

impl Decode for TlsClientConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { common, insecure, insecure_skip_verify, server_name_override } = self;
        fields.block(common);
        fields.take("insecure", insecure);
        fields.take("insecure_skip_verify", insecure_skip_verify);
        fields.take("server_name_override", server_name_override);
    }
}
