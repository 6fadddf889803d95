use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, header};
use otel_core::component::{Authentication, Capabilities, Component, Extension, Host, StartError};
use otel_core::net::auth::{AuthenticationError, RequestHead, ServerAuthenticator};
use otel_core::net::{WatchedFile, WatchedFileError};
use otel_core::telemetry::Logger;
use tokio::sync::Semaphore;

use super::HtpasswdConfig;
use super::passwords::{BadLine, LONGEST, Users};
use crate::extensions::headers::only;

/// Slow hashes that are computed at a time, and that wait for it. bcrypt takes tens of milliseconds of a processor.
const CHECKED: usize = 2;
const WAITING: usize = 64;

const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"collector\", charset=\"UTF-8\"");

/// Lets the users of an htpasswd file in.
#[derive(Debug)]
pub struct BasicAuthServer {
    config: HtpasswdConfig,
    host: Host,
    /// Loaded at the start.
    source: OnceLock<Source>,
    waiting: Arc<Semaphore>,
    checked: Arc<Semaphore>,
}

/// Where users are.
#[derive(Debug)]
enum Source {
    Inline(Arc<Users>),
    File(WatchedFile<Users>),
}

/// A user, and the credentials as they came.
struct BasicAuthentication {
    username: String,
    raw: String,
}

impl BasicAuthServer {
    /// An extension that has not started.
    pub fn new(config: HtpasswdConfig, host: &Host) -> Self {
        let (waiting, checked) = (Semaphore::new(WAITING), Semaphore::new(CHECKED));
        Self {
            config,
            host: host.clone(),
            source: OnceLock::new(),
            waiting: Arc::new(waiting),
            checked: Arc::new(checked),
        }
    }

    fn load(&self) -> Result<Source, WatchedFileError> {
        let HtpasswdConfig { file, inline } = self.config.clone();
        let logger = self.host.logger().clone();
        if file.is_empty() {
            let (users, bad) = Users::read(&[inline.expose()]);
            note(&logger, &bad);
            return Ok(Source::Inline(Arc::new(users)));
        }
        let inner = logger.clone();
        let read = move |text: &str| {
            let (users, bad) = Users::read(&[text, inline.expose()]);
            note(&inner, &bad);
            Ok::<_, std::convert::Infallible>(users)
        };
        WatchedFile::load(file, logger, read).map(Source::File)
    }

    /// Whether these are valid, where that can be told now.
    async fn verify(&self, username: String, password: String) -> Result<bool, AuthenticationError> {
        let users = match self.source.get() {
            Some(Source::Inline(users)) => Arc::clone(users),
            Some(Source::File(file)) => file.get(),
            None => return Err(AuthenticationError::unavailable("the authenticator has not started")),
        };
        if password.len() > LONGEST || username.len() > LONGEST {
            return Ok(false);
        }
        if !users.are_slow() {
            return Ok(users.verify(&username, &password));
        }
        if users.remembers(&username, &password) {
            return Ok(true);
        }
        let busy = || AuthenticationError::unavailable("too many credentials are being checked");
        let _place = self.waiting.try_acquire().map_err(|_| busy())?;
        // It goes with the work, which goes on when the client leaves.
        let permit = Arc::clone(&self.checked).acquire_owned().await.map_err(|_| busy())?;
        let checked = self.host.blocking(move || {
            let valid = users.verify(&username, &password);
            drop(permit);
            valid
        });
        checked.await.map_err(|_| busy())
    }
}

#[async_trait]
impl Component for BasicAuthServer {
    async fn start(&self) -> Result<(), StartError> {
        let source = self.load().map_err(|error| StartError::new("open htpasswd file").with_source(error))?;
        // A second start keeps the first source.
        let _ = self.source.set(source);
        Ok(())
    }
}

impl Extension for BasicAuthServer {
    fn provide(self: Arc<Self>, capabilities: &mut Capabilities) {
        capabilities.offer::<dyn ServerAuthenticator>(self);
    }
}

#[async_trait]
impl ServerAuthenticator for BasicAuthServer {
    async fn authenticate(
        &self,
        request: &RequestHead<'_>,
    ) -> Result<Option<Arc<dyn Authentication>>, AuthenticationError> {
        let header = only(request.headers, &header::AUTHORIZATION)?;
        let header = header.ok_or_else(|| refused("no basic auth provided"))?;
        let raw = encoded(header).ok_or_else(|| refused("invalid authorization scheme prefix"))?;
        let (username, password) = decoded(raw).ok_or_else(|| refused("invalid authorization format"))?;
        let raw = String::from_utf8_lossy(raw).into_owned();
        if self.verify(username.clone(), password).await? {
            Ok(Some(Arc::new(BasicAuthentication { username, raw })))
        } else {
            Err(refused("invalid credentials"))
        }
    }
}

impl Authentication for BasicAuthentication {
    fn attribute(&self, name: &str) -> Option<String> {
        match name {
            "username" => Some(self.username.clone()),
            "raw" => Some(self.raw.clone()),
            _ => None,
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The password is in what came.
impl fmt::Debug for BasicAuthentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicAuthentication").field("username", &self.username).finish_non_exhaustive()
    }
}

fn refused(message: &str) -> AuthenticationError {
    AuthenticationError::unauthenticated(message).with_challenge(CHALLENGE)
}

/// What stands behind the scheme.
fn encoded(header: &[u8]) -> Option<&[u8]> {
    let (scheme, encoded) = header.split_at_checked(b"Basic ".len())?;
    scheme.eq_ignore_ascii_case(b"Basic ").then_some(encoded)
}

fn decoded(encoded: &[u8]) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (username, password) = text.split_once(':')?;
    Some((username.to_owned(), password.to_owned()))
}

fn note(logger: &Logger, bad: &[BadLine]) {
    for line in bad {
        logger.warn("A line of htpasswd is left out").error(line).emit();
    }
}
