use std::fmt;

use http::HeaderValue;

use crate::component::Code;
use crate::net::{Refused, Status};

/// Why a request does not get in. Carries no credentials.
#[derive(Debug, Clone)]
pub struct AuthenticationError {
    failure: AuthenticationFailure,
    message: String,
    challenge: Option<HeaderValue>,
}

/// The kinds of [`AuthenticationError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthenticationFailure {
    /// There are no credentials, or they are not valid: HTTP 401, gRPC UNAUTHENTICATED.
    Unauthenticated,
    /// The client is known and may not: HTTP 403, gRPC PERMISSION_DENIED.
    PermissionDenied,
    /// Nobody can tell now, such as without the keys of the issuer: HTTP 503, gRPC UNAVAILABLE.
    Unavailable,
}

impl AuthenticationError {
    /// No or wrong credentials.
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(AuthenticationFailure::Unauthenticated, message.into())
    }

    /// A known client that may not.
    pub fn permission_denied(message: impl Into<String>) -> Self {
        Self::new(AuthenticationFailure::PermissionDenied, message.into())
    }

    /// Credentials that cannot be checked now.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(AuthenticationFailure::Unavailable, message.into())
    }

    fn new(failure: AuthenticationFailure, message: String) -> Self {
        Self { failure, message, challenge: None }
    }

    /// The same with what an HTTP client is told in `WWW-Authenticate`, such as `Bearer`.
    pub fn with_challenge(mut self, challenge: HeaderValue) -> Self {
        self.challenge = Some(challenge);
        self
    }

    /// The kind.
    pub fn failure(&self) -> AuthenticationFailure {
        self.failure
    }

    /// The value of `WWW-Authenticate`.
    pub fn challenge(&self) -> Option<&HeaderValue> {
        self.challenge.as_ref()
    }
}

impl AuthenticationFailure {
    /// The status code of an answer.
    pub fn code(self) -> Code {
        match self {
            AuthenticationFailure::Unauthenticated => Code::Unauthenticated,
            AuthenticationFailure::PermissionDenied => Code::PermissionDenied,
            AuthenticationFailure::Unavailable => Code::Unavailable,
        }
    }

    /// The short constant by which refused requests are counted.
    pub fn reason(self) -> &'static str {
        match self {
            AuthenticationFailure::Unauthenticated => "unauthenticated",
            AuthenticationFailure::PermissionDenied => "permission_denied",
            AuthenticationFailure::Unavailable => "authenticator_unavailable",
        }
    }
}

impl fmt::Display for AuthenticationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for AuthenticationError {}

impl From<&AuthenticationError> for Refused {
    fn from(error: &AuthenticationError) -> Self {
        let failure = error.failure;
        Self { status: Status::new(failure.code(), &*error.message), reason: failure.reason() }
    }
}
