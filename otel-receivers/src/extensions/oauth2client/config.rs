use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use documented::DocumentedFieldsOpt;
use otel_core::Invalid;
use otel_core::component::{BuildError, ComponentConfig, Extension, ExtensionFactory, Host};
use otel_core::config::{Decode, Decoder, Fields, FromNode, KeyDocs, Node, Schema, Secret, Serde, Value};
use otel_core::net::HttpUrl;
use otel_core::net::tls::TlsClientConfig;

use super::OAuth2Client;

/// The configuration of the `oauth2client` extension.
#[derive(Debug, Clone, PartialEq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct OAuth2ClientConfig {
    /// Who the client is.
    pub client_id: String,
    /// File with that, which wins; read for each token.
    pub client_id_file: String,
    /// The secret by which the client shows that it is.
    pub client_secret: Secret,
    /// File with that, which wins; read for each token.
    pub client_secret_file: String,
    /// How the client asks for tokens.
    pub grant_type: GrantType,
    /// The RSA key that signs assertions, in PEM.
    pub client_certificate_key: Secret,
    /// File with that, which wins; read for each token.
    pub client_certificate_key_file: String,
    /// The id of the key, for the header of assertions; empty for none.
    pub client_certificate_key_id: String,
    /// How assertions are signed.
    pub signature_algorithm: SignatureAlgorithm,
    /// The issuer of assertions; empty for the client.
    pub iss: String,
    /// Whom assertions are for; empty for `token_url`.
    pub audience: String,
    /// Further claims of assertions, which win over others of the same name.
    pub claims: BTreeMap<String, Claim>,
    /// Further parameters of requests for tokens. They may be secret.
    pub endpoint_params: BTreeMap<String, Vec<Secret>>,
    /// Where tokens are given out.
    pub token_url: String,
    /// What tokens are to allow.
    pub scopes: Vec<String>,
    /// Security of the connection to `token_url`.
    pub tls: TlsClientConfig,
    /// How long a request for a token may take; 0 for 30 seconds.
    pub timeout: Duration,
    /// How long before its end a token is replaced; half its time at most.
    pub expiry_buffer: Duration,
}

/// How a client asks for tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum GrantType {
    /// With its secret.
    #[default]
    ClientCredentials,
    /// With an assertion that it has signed, by RFC 7523.
    JwtBearer,
}

/// How assertions are signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureAlgorithm {
    /// RSA with SHA-256.
    #[default]
    Rs256,
    /// RSA with SHA-384.
    Rs384,
    /// RSA with SHA-512.
    Rs512,
}

/// The value of a claim, whatever it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Claim(pub serde_json::Value);

const GRANT_TYPES: [(&str, GrantType); 3] = [
    ("client_credentials", GrantType::ClientCredentials),
    ("urn:ietf:params:oauth:grant-type:jwt-bearer", GrantType::JwtBearer),
    ("", GrantType::ClientCredentials),
];
const SIGNATURE_ALGORITHMS: [(&str, SignatureAlgorithm); 4] = [
    ("RS256", SignatureAlgorithm::Rs256),
    ("RS384", SignatureAlgorithm::Rs384),
    ("RS512", SignatureAlgorithm::Rs512),
    ("", SignatureAlgorithm::Rs256),
];

// === impl OAuth2ClientConfig ===

impl Default for OAuth2ClientConfig {
    fn default() -> Self {
        Self {
            client_id: String::new(),
            client_id_file: String::new(),
            client_secret: Secret::default(),
            client_secret_file: String::new(),
            grant_type: GrantType::default(),
            client_certificate_key: Secret::default(),
            client_certificate_key_file: String::new(),
            client_certificate_key_id: String::new(),
            signature_algorithm: SignatureAlgorithm::default(),
            iss: String::new(),
            audience: String::new(),
            claims: BTreeMap::new(),
            endpoint_params: BTreeMap::new(),
            token_url: String::new(),
            scopes: Vec::new(),
            tls: TlsClientConfig::default(),
            timeout: Duration::ZERO,
            expiry_buffer: Duration::from_secs(5 * 60),
        }
    }
}

impl Decode for OAuth2ClientConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self {
            client_id,
            client_id_file,
            client_secret,
            client_secret_file,
            grant_type,
            client_certificate_key,
            client_certificate_key_file,
            client_certificate_key_id,
            signature_algorithm,
            iss,
            audience,
            claims,
            endpoint_params,
            token_url,
            scopes,
            tls,
            timeout,
            expiry_buffer,
        } = self;
        fields.take("client_id", client_id);
        fields.take("client_id_file", client_id_file);
        fields.take("client_secret", client_secret);
        fields.take("client_secret_file", client_secret_file);
        fields.take("grant_type", grant_type);
        fields.take("client_certificate_key", client_certificate_key);
        fields.take("client_certificate_key_file", client_certificate_key_file);
        fields.take("client_certificate_key_id", client_certificate_key_id);
        fields.take("signature_algorithm", signature_algorithm);
        fields.take("iss", iss);
        fields.take("audience", audience);
        fields.take("claims", claims);
        fields.take("endpoint_params", endpoint_params);
        fields.take("token_url", token_url);
        fields.take("scopes", scopes);
        fields.take("tls", tls);
        fields.take("timeout", timeout);
        fields.take("expiry_buffer", expiry_buffer);
    }
}

impl ComponentConfig for OAuth2ClientConfig {
    const TYPE: &'static str = "oauth2client";

    fn validate(&self) -> Vec<Invalid> {
        let mut broken = Vec::new();
        if self.client_id.is_empty() && self.client_id_file.is_empty() {
            broken.push(Invalid::new("client_id", NO_CLIENT_ID));
        }
        match self.grant_type {
            GrantType::ClientCredentials => {
                if self.client_secret.is_empty() && self.client_secret_file.is_empty() {
                    broken.push(Invalid::new("client_secret", NO_CLIENT_SECRET));
                }
            }
            GrantType::JwtBearer => {
                if self.client_certificate_key.is_empty() && self.client_certificate_key_file.is_empty() {
                    broken.push(Invalid::new("client_certificate_key", NO_KEY));
                }
            }
        }
        if self.token_url.is_empty() {
            let message = "no TokenURL provided in OAuth Client Credentials configuration";
            broken.push(Invalid::new("token_url", message));
        } else if let Err(error) = HttpUrl::parse(&self.token_url) {
            broken.push(Invalid::new("token_url", error.to_string()));
        }
        for key in self.endpoint_params.keys() {
            let taken = match key.as_str() {
                "scope" => !self.scopes.is_empty(),
                "assertion" => self.grant_type == GrantType::JwtBearer,
                _ => false,
            };
            if taken {
                let message = format!("oauth2: cannot overwrite parameter {key:?}");
                broken.push(Invalid::new("endpoint_params", message));
            }
        }
        broken.extend(self.tls.validate().into_iter().map(|rule| rule.within("tls")));
        broken
    }
}

impl ExtensionFactory for OAuth2ClientConfig {
    fn create(&self, host: &Host) -> Result<Arc<dyn Extension>, BuildError> {
        Ok(Arc::new(OAuth2Client::new(self.clone(), host)))
    }
}

pub(super) const NO_CLIENT_ID: &str = "no ClientID provided in the OAuth2 exporter configuration";
pub(super) const NO_CLIENT_SECRET: &str =
    "no ClientSecret provided in OAuth Client Credentials configuration";
pub(super) const NO_KEY: &str = "no ClientCertificateKey provided in the OAuth2 exporter configuration";

// === words ===

impl GrantType {
    /// As requests have it.
    pub(super) fn name(self) -> &'static str {
        GRANT_TYPES.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| name)
    }
}

impl SignatureAlgorithm {
    /// As the header of an assertion has it.
    pub(super) fn name(self) -> &'static str {
        SIGNATURE_ALGORITHMS.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| name)
    }
}

impl FromNode for GrantType {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        decoder.one_of(node, &GRANT_TYPES)
    }

    fn schema() -> Schema {
        Schema::one_of(&GRANT_TYPES)
    }

    fn value(&mut self) -> Value {
        Value::one_of(self, &GRANT_TYPES)
    }
}

impl FromNode for SignatureAlgorithm {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        decoder.one_of(node, &SIGNATURE_ALGORITHMS)
    }

    fn schema() -> Schema {
        Schema::one_of(&SIGNATURE_ALGORITHMS)
    }

    fn value(&mut self) -> Value {
        Value::one_of(self, &SIGNATURE_ALGORITHMS)
    }
}

impl FromNode for Claim {
    fn from_node(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        Serde::from_node(node, decoder).map(|Serde(value)| Self(value))
    }

    fn schema() -> Schema {
        Schema::any()
    }

    fn value(&mut self) -> Value {
        self.0.clone().into()
    }
}
