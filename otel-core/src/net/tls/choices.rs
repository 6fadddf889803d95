//! Versions, cipher suites and curves, by the names that Go gives them.

use rustls::crypto::ring::{cipher_suite, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::{SupportedCipherSuite, SupportedProtocolVersion};

use crate::config::{Decoder, FromNode, Node, Schema, Value};

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TlsVersion {
    /// 1.0, which can be named but is not spoken.
    V1_0,
    /// 1.1, which can be named but is not spoken.
    V1_1,
    /// 1.2.
    V1_2,
    /// 1.3.
    V1_3,
}

/// A cipher suite of TLS 1.2 or 1.3 that Go knows. Those of 1.3 are always on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TlsCipherSuite(Option<SupportedCipherSuite>);

/// A curve of the key exchange that Go knows.
#[derive(Debug, Clone, Copy)]
pub struct TlsCurve(Option<&'static dyn SupportedKxGroup>);

/// A bound on versions, which may be empty.
pub(super) struct VersionBound(pub(super) Option<TlsVersion>);

const VERSIONS: [(&str, Option<TlsVersion>); 5] = [
    ("", None),
    ("1.0", Some(TlsVersion::V1_0)),
    ("1.1", Some(TlsVersion::V1_1)),
    ("1.2", Some(TlsVersion::V1_2)),
    ("1.3", Some(TlsVersion::V1_3)),
];

const SUITES: [(&str, Option<SupportedCipherSuite>); 13] = [
    ("TLS_AES_128_GCM_SHA256", Some(cipher_suite::TLS13_AES_128_GCM_SHA256)),
    ("TLS_AES_256_GCM_SHA384", Some(cipher_suite::TLS13_AES_256_GCM_SHA384)),
    ("TLS_CHACHA20_POLY1305_SHA256", Some(cipher_suite::TLS13_CHACHA20_POLY1305_SHA256)),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", Some(cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", Some(cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384)),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        Some(cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
    ),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", Some(cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", Some(cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384)),
    (
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        Some(cipher_suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
    ),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", None),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", None),
    ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", None),
    ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", None),
];

/// What Go only allows with `include_insecure_cipher_suites`.
const INSECURE_SUITES: [&str; 13] = [
    "TLS_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA",
];

fn curves() -> [(&'static str, Option<&'static dyn SupportedKxGroup>); 5] {
    [
        ("X25519", Some(kx_group::X25519)),
        ("P256", Some(kx_group::SECP256R1)),
        ("P384", Some(kx_group::SECP384R1)),
        ("P521", None),
        ("X25519MLKEM768", None),
    ]
}

impl FromNode for VersionBound {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        let version = decoder.one_of(node, &VERSIONS)?;
        if version.is_some_and(|version| version < TlsVersion::V1_2) {
            decoder.warning(node, "TLS below 1.2 is not available here: 1.2 is the lowest version");
        }
        Some(Self(version))
    }

    fn schema() -> Schema {
        Schema::one_of(&VERSIONS)
    }

    fn value(&mut self) -> Value {
        Value::one_of(&self.0, &VERSIONS)
    }
}

impl FromNode for TlsCipherSuite {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        if let Some(name) = node.text().filter(|name| INSECURE_SUITES.contains(name)) {
            decoder.warning(node, format!("{name} is not secure and not available here"));
            return Some(Self(None));
        }
        let suite = decoder.one_of(node, &SUITES)?;
        if suite.is_none() {
            let name = node.text().unwrap_or_default();
            decoder.warning(node, format!("{name} is not available here: suites with CBC are not"));
        }
        Some(Self(suite))
    }

    fn schema() -> Schema {
        let insecure = INSECURE_SUITES.map(|name| (name, None));
        Schema::one_of(&[SUITES.as_slice(), &insecure].concat())
    }

    fn value(&mut self) -> Value {
        // What is not available has no name any more, and no effect.
        self.0.map_or(Value::Null, |_| Value::one_of(&self.0, &SUITES))
    }
}

impl FromNode for TlsCurve {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        let curve = decoder.one_of(node, &curves())?;
        if curve.is_none() {
            let name = node.text().unwrap_or_default();
            decoder.warning(node, format!("the curve {name} is not available here"));
        }
        Some(Self(curve))
    }

    fn schema() -> Schema {
        Schema::one_of(&curves())
    }

    fn value(&mut self) -> Value {
        let choices = curves().map(|(name, curve)| (name, Self(curve)));
        self.0.map_or(Value::Null, |_| Value::one_of(self, &choices))
    }
}

impl PartialEq for TlsCurve {
    fn eq(&self, other: &Self) -> bool {
        self.0.map(SupportedKxGroup::name) == other.0.map(SupportedKxGroup::name)
    }
}

/// Whether names were given, and nothing that they name is there.
pub(super) fn leaves_no_curve(curves: &[TlsCurve]) -> bool {
    !curves.is_empty() && curves.iter().all(|curve| curve.0.is_none())
}

/// The same for cipher suites.
pub(super) fn leaves_no_suite(suites: &[TlsCipherSuite]) -> bool {
    !suites.is_empty() && suites.iter().all(|suite| suite.0.is_none())
}

/// ring with what the configuration leaves of it. As in Go, the suites of TLS 1.3 cannot be chosen.
pub(super) fn provider(suites: &[TlsCipherSuite], curves: &[TlsCurve]) -> CryptoProvider {
    let mut provider = ring::default_provider();
    if !suites.is_empty() {
        let named = |suite: &SupportedCipherSuite| suites.contains(&TlsCipherSuite(Some(*suite)));
        provider.cipher_suites.retain(|suite| suite.tls13().is_some() || named(suite));
    }
    if !curves.is_empty() {
        provider.kx_groups = curves.iter().filter_map(|curve| curve.0).collect();
    }
    provider
}

/// The versions within bounds that have a cipher suite.
pub(super) fn versions(
    min: Option<TlsVersion>,
    max: Option<TlsVersion>,
    provider: &CryptoProvider,
) -> Vec<&'static SupportedProtocolVersion> {
    let within = |version| min.is_none_or(|min| min <= version) && max.is_none_or(|max| version <= max);
    let all = [(TlsVersion::V1_3, &rustls::version::TLS13), (TlsVersion::V1_2, &rustls::version::TLS12)];
    let spoken = |version: &SupportedProtocolVersion| {
        provider.cipher_suites.iter().any(|suite| suite.version() == version)
    };
    all.into_iter().filter(|(name, version)| within(*name) && spoken(version)).map(|(_, it)| it).collect()
}
