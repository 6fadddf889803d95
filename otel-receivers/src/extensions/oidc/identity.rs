//! Who a client is, as its token says.

use std::any::Any;
use std::fmt;

use otel_core::component::Authentication;
use otel_core::config::Secret;
use serde_json::{Map, Value};

use super::OidcProviderConfig;

/// What a token says of a client.
pub(super) struct Identity {
    raw: Secret,
    subject: String,
    membership: Vec<String>,
    claims: Map<String, Value>,
}

/// Why a token does not say who the client is.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unidentified {
    #[error(
        "failed to get subject from claims in the token: username claim from the OIDC configuration not found on the token \
         returned by the OIDC provider"
    )]
    NoUsername,
    #[error(
        "failed to get subject from claims in the token: the username returned by the OIDC provider isn't a regular string"
    )]
    UsernameType,
    #[error(
        "failed to get groups from claims in the token: groups claim from the OIDC configuration not found on the token \
         returned by the OIDC provider"
    )]
    NoGroups,
}

impl Identity {
    /// Reads the claims of a token that was verified.
    pub(super) fn new(
        raw: &str,
        claims: Map<String, Value>,
        config: &OidcProviderConfig,
    ) -> Result<Self, Unidentified> {
        let subject = match config.username_claim.as_str() {
            "" => claims.get("sub").and_then(Value::as_str).unwrap_or_default(),
            claim => {
                let username = claims.get(claim).ok_or(Unidentified::NoUsername)?;
                username.as_str().ok_or(Unidentified::UsernameType)?
            }
        };
        let membership = match config.groups_claim.as_str() {
            "" => Vec::new(),
            claim => match claims.get(claim).ok_or(Unidentified::NoGroups)? {
                Value::String(group) => vec![group.clone()],
                Value::Array(groups) => groups.iter().map(text).collect(),
                _ => Vec::new(),
            },
        };
        Ok(Self { raw: Secret::new(raw), subject: subject.to_owned(), membership, claims })
    }
}

impl Authentication for Identity {
    fn attribute(&self, name: &str) -> Option<String> {
        match name {
            "subject" => Some(self.subject.clone()),
            "membership" => Some(Value::from(self.membership.clone()).to_string()),
            "raw" => Some(self.raw.expose().to_owned()),
            claim => self.claims.get(claim).filter(|value| !value.is_null()).map(text),
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// What is claimed of a person is nobody else's business.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let claims: Vec<_> = self.claims.keys().collect();
        f.debug_struct("Identity").field("claims", &claims).finish_non_exhaustive()
    }
}

/// A text as it is, anything else as JSON.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
