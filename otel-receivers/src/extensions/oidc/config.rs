use std::sync::Arc;

use documented::DocumentedFieldsOpt;
use http::HeaderName;
use otel_core::Invalid;
use otel_core::component::{BuildError, ComponentConfig, Extension, ExtensionFactory, Host};
use otel_core::config::{Decode, Fields, KeyDocs};

use super::Oidc;

/// The configuration of the `oidc` extension.
#[derive(Debug, Clone, PartialEq, Eq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct OidcConfig {
    /// The header with the token; empty for `authorization`.
    pub attribute: String,
    /// The provider whose keys are written beside `attribute`, which is one where any of them is set.
    pub provider: OidcProviderConfig,
    /// Providers beside it.
    pub providers: Vec<OidcProviderConfig>,
}

/// Whose tokens are accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct OidcProviderConfig {
    /// The URL of the issuer, exactly as its tokens have it.
    pub issuer_url: String,
    /// File with the certificates in PEM by which the issuer is trusted; empty for the system's.
    pub issuer_ca_path: String,
    /// Whom tokens have to be for.
    pub audience: String,
    /// Accepts tokens for anybody.
    pub ignore_audience: bool,
    /// Accepts tokens that say to be of another issuer, as long as they are signed by this one.
    pub ignore_issuer: bool,
    /// The claim with the name of the client; empty for `sub`.
    pub username_claim: String,
    /// The claim with the groups of the client; empty for none.
    pub groups_claim: String,
    /// File with the keys of the issuer, which is then not asked for them; empty for none.
    pub public_keys_file: String,
}

// === impl OidcConfig ===

impl OidcConfig {
    /// All providers.
    pub fn all_providers(&self) -> impl Iterator<Item = &OidcProviderConfig> {
        self.outer().into_iter().chain(&self.providers)
    }

    fn outer(&self) -> Option<&OidcProviderConfig> {
        Some(&self.provider).filter(|provider| **provider != OidcProviderConfig::default())
    }

    /// The name of the header with the token.
    pub(super) fn header(&self) -> Option<HeaderName> {
        match self.attribute.as_str() {
            "" => Some(http::header::AUTHORIZATION),
            name => HeaderName::try_from(name).ok(),
        }
    }
}

impl Default for OidcConfig {
    fn default() -> Self {
        Self {
            attribute: "authorization".to_owned(),
            provider: OidcProviderConfig::default(),
            providers: Vec::new(),
        }
    }
}

impl Decode for OidcConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { attribute, provider, providers } = self;
        fields.take("attribute", attribute);
        provider.decode_common(fields);
        fields.take("providers", providers);
    }
}

impl ComponentConfig for OidcConfig {
    const TYPE: &'static str = "oidc";

    fn validate(&self) -> Vec<Invalid> {
        let mut broken = Vec::new();
        if self.header().is_none() {
            let message = format!("{:?} is not the name of a header", self.attribute);
            broken.push(Invalid::new("attribute", message));
        }
        let several = self.all_providers().count() > 1;
        let paths = (0..self.providers.len()).map(|index| format!("providers::{index}"));
        let paths = self.outer().map(|_| String::new()).into_iter().chain(paths);
        let mut issuers = Vec::new();
        for (path, provider) in paths.zip(self.all_providers()) {
            let mut problems = provider.validate();
            let issuer = provider.issuer_url.as_str();
            if issuers.contains(&issuer) {
                problems = vec![Invalid::new("issuer_url", format!("duplicate issuer URL found: {issuer}"))];
            }
            issuers.push(issuer);
            if several && provider.ignore_issuer {
                let message = "ignore_issuer cannot be true when multiple providers are configured";
                problems.push(Invalid::new("ignore_issuer", message));
            }
            broken.extend(problems.into_iter().map(|problem| match path.as_str() {
                "" => problem,
                path => problem.within(path),
            }));
        }
        broken
    }
}

impl ExtensionFactory for OidcConfig {
    fn create(&self, host: &Host) -> Result<Arc<dyn Extension>, BuildError> {
        let extension = Oidc::new(self.clone(), host);
        Ok(Arc::new(extension))
    }
}

// === impl OidcProviderConfig ===

impl OidcProviderConfig {
    /// Tokens of an issuer for an audience.
    pub fn new(issuer_url: impl Into<String>, audience: impl Into<String>) -> Self {
        Self { issuer_url: issuer_url.into(), audience: audience.into(), ..Self::default() }
    }

    fn validate(&self) -> Vec<Invalid> {
        let mut broken = Vec::new();
        if self.audience.is_empty() && !self.ignore_audience {
            broken.push(Invalid::new("audience", "no Audience provided for the OIDC configuration"));
        }
        if self.issuer_url.is_empty() {
            broken.push(Invalid::new("issuer_url", "no IssuerURL provided for the OIDC configuration"));
        }
        broken
    }

    fn decode_common(&mut self, fields: &mut Fields<'_>) {
        fields.take("issuer_url", &mut self.issuer_url);
        fields.take("issuer_ca_path", &mut self.issuer_ca_path);
        fields.take("audience", &mut self.audience);
        fields.take("ignore_audience", &mut self.ignore_audience);
        fields.take("username_claim", &mut self.username_claim);
        fields.take("groups_claim", &mut self.groups_claim);
        fields.document(Self::DOCS);
    }
}

impl Decode for OidcProviderConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        self.decode_common(fields);
        fields.take("ignore_issuer", &mut self.ignore_issuer);
        fields.take("public_keys_file", &mut self.public_keys_file);
    }
}
