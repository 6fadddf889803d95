use std::sync::Arc;

use documented::DocumentedFieldsOpt;
use otel_core::Invalid;
use otel_core::component::{BuildError, ComponentConfig, Extension, ExtensionFactory, Host};
use otel_core::config::{Decode, Fields, KeyDocs, Optional, Secret};

use super::{BasicAuthClient, BasicAuthServer};

const NO_SOURCE: &str = "no credential source provided";

/// The configuration of the `basicauth` extension: of servers or of clients, not of both.
#[derive(Debug, Clone, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct BasicAuthConfig {
    /// Who may send to servers.
    pub htpasswd: Optional<HtpasswdConfig>,
    /// Who clients are.
    pub client_auth: Optional<ClientAuthConfig>,
}

/// Users and their passwords, a line `user:password` each, as `htpasswd` writes them.
#[derive(Debug, Clone, Default, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct HtpasswdConfig {
    /// A file of such lines, which is followed.
    pub file: String,
    /// Such lines, which win over those of the file.
    pub inline: Secret,
}

/// A user and the password.
#[derive(Debug, Clone, Default, DocumentedFieldsOpt)]
#[non_exhaustive]
pub struct ClientAuthConfig {
    /// The user, without a colon.
    pub username: String,
    /// A file with the user instead, which is followed.
    pub username_file: String,
    /// The password.
    pub password: Secret,
    /// A file with the password instead, which is followed.
    pub password_file: String,
}

impl Default for BasicAuthConfig {
    fn default() -> Self {
        Self { htpasswd: Optional::none(), client_auth: Optional::none() }
    }
}

impl Decode for BasicAuthConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { htpasswd, client_auth } = self;
        fields.take("htpasswd", htpasswd);
        fields.take("client_auth", client_auth);
    }
}

impl Decode for HtpasswdConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { file, inline } = self;
        fields.take("file", file);
        fields.take("inline", inline);
    }
}

impl Decode for ClientAuthConfig {
    const DOCS: KeyDocs = KeyDocs::of::<Self>();

    fn decode(&mut self, fields: &mut Fields<'_>) {
        let Self { username, username_file, password, password_file } = self;
        fields.take("username", username);
        fields.take("username_file", username_file);
        fields.take("password", password);
        fields.take("password_file", password_file);
    }
}

impl ComponentConfig for BasicAuthConfig {
    const TYPE: &'static str = "basicauth";

    fn validate(&self) -> Vec<Invalid> {
        match (self.htpasswd.get(), self.client_auth.get()) {
            (Some(_), Some(_)) => {
                let message = "only one of `htpasswd` or `client_auth` can be specified";
                vec![Invalid::new("client_auth", message)]
            }
            (None, None) => vec![Invalid::new("", NO_SOURCE)],
            (Some(htpasswd), None) if htpasswd.file.is_empty() && htpasswd.inline.is_empty() => {
                vec![Invalid::new("htpasswd", NO_SOURCE)]
            }
            (None, Some(client)) => client.validate(),
            (Some(_), None) => Vec::new(),
        }
    }
}

impl ClientAuthConfig {
    fn validate(&self) -> Vec<Invalid> {
        let Self { username, username_file, password, password_file } = self;
        if username.is_empty() && username_file.is_empty() && password.is_empty() && password_file.is_empty()
        {
            return vec![Invalid::new("client_auth", NO_SOURCE)];
        }
        if username.contains(':') {
            let message = "invalid authorization format: the name of a user has no colon";
            return vec![Invalid::new("client_auth::username", message)];
        }
        Vec::new()
    }
}

impl ExtensionFactory for BasicAuthConfig {
    fn create(&self, host: &Host) -> Result<Arc<dyn Extension>, BuildError> {
        match (self.htpasswd.get(), self.client_auth.get()) {
            (Some(htpasswd), _) => Ok(Arc::new(BasicAuthServer::new(htpasswd.clone(), host))),
            (None, Some(client)) => Ok(Arc::new(BasicAuthClient::new(client.clone(), host))),
            (None, None) => Err(BuildError::new(NO_SOURCE)),
        }
    }
}
