//! Signed tokens in the compact form of RFC 7515, and what they claim.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Number, Value};

/// The longest token that is looked at.
const MAX_TOKEN: usize = 64 << 10;
/// How far the clocks of issuers may be ahead, for the begin of a token's time. Its end is exact.
const LEEWAY: Duration = Duration::from_secs(5 * 60);

/// How a token is signed. There is no way to ask for none, and none with a shared secret, which a public key would become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    EdDsa,
}

/// A token that was taken apart; nothing of it is verified.
pub(super) struct Token<'t> {
    pub(super) algorithm: Algorithm,
    pub(super) key_id: Option<String>,
    /// What the signature is of.
    pub(super) signed: &'t str,
    pub(super) signature: Vec<u8>,
    pub(super) claims: Map<String, Value>,
}

/// Why a text is no token.
#[derive(Debug, thiserror::Error)]
pub(super) enum Malformed {
    #[error("oidc: malformed jws: it is longer than {MAX_TOKEN} bytes")]
    TooLong,
    #[error("oidc: malformed jws: compact JWS format must have three parts")]
    Parts,
    #[error("oidc: malformed jws: a part is not base64url")]
    Base64,
    #[error("oidc: malformed jws: the header is no JSON object with an algorithm")]
    Header,
    #[error("oidc: malformed jws: unexpected signature algorithm {0:?}")]
    Algorithm(String),
    #[error("oidc: malformed jws: unsupported crit header")]
    Critical,
    #[error("oidc: failed to unmarshal claims")]
    Claims,
}

/// What is expected of claims.
#[derive(Debug)]
pub(super) struct Expected<'e> {
    /// Nothing for any.
    pub(super) issuer: Option<&'e str>,
    /// Nothing for any.
    pub(super) audience: Option<&'e str>,
    pub(super) now: SystemTime,
}

/// Why claims are not accepted.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unacceptable {
    #[error("oidc: id token issued by a different provider, expected {expected:?} got {got:?}")]
    Issuer { expected: String, got: String },
    #[error("oidc: expected audience {expected:?} got {got:?}")]
    Audience { expected: String, got: Vec<String> },
    #[error("oidc: token is expired (Token Expiry: {0})")]
    Expired(String),
    #[error("oidc: current time {now} before the nbf (not before) time: {begin}")]
    TooEarly { now: String, begin: String },
    #[error("oidc: failed to unmarshal claims: {0} is of the wrong type")]
    Type(&'static str),
}

// === impl Algorithm ===

impl Algorithm {
    const NAMES: [(&'static str, Self); 9] = [
        ("RS256", Self::Rs256),
        ("RS384", Self::Rs384),
        ("RS512", Self::Rs512),
        ("PS256", Self::Ps256),
        ("PS384", Self::Ps384),
        ("PS512", Self::Ps512),
        ("ES256", Self::Es256),
        ("ES384", Self::Es384),
        ("EdDSA", Self::EdDsa),
    ];

    pub(super) fn of(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, algorithm)| *algorithm)
    }

    pub(super) fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| name)
    }
}

// === impl Token ===

impl<'t> Token<'t> {
    /// Takes a token apart.
    pub(super) fn parse(text: &'t str) -> Result<Self, Malformed> {
        #[derive(Deserialize)]
        struct Header {
            alg: String,
            kid: Option<String>,
            crit: Option<Value>,
        }

        if text.len() > MAX_TOKEN {
            return Err(Malformed::TooLong);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(Malformed::Parts)?;
        let (header, payload) = signed.split_once('.').ok_or(Malformed::Parts)?;
        if payload.contains('.') {
            return Err(Malformed::Parts);
        }
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| Malformed::Header)?;
        if header.crit.is_some() {
            return Err(Malformed::Critical);
        }
        let algorithm = Algorithm::of(&header.alg).ok_or_else(|| Malformed::Algorithm(cut(&header.alg)))?;
        let signature = decode(signature)?;
        let claims = serde_json::from_slice(&decode(payload)?).map_err(|_| Malformed::Claims)?;
        Ok(Self { algorithm, key_id: header.kid.filter(|id| !id.is_empty()), signed, signature, claims })
    }

    /// Who issued it, or says so.
    pub(super) fn issuer(&self) -> Result<&str, Unacceptable> {
        text(&self.claims, "iss")
    }

    /// Checks the claims that every token has.
    pub(super) fn accept(&self, expected: &Expected<'_>) -> Result<(), Unacceptable> {
        let claims = &self.claims;
        let issuer = text(claims, "iss")?;
        // Google leaves out the scheme at times, which the Go collector accepts.
        let google =
            |expected: &str| expected == "https://accounts.google.com" && issuer == "accounts.google.com";
        if let Some(expected) = expected.issuer.filter(|expected| *expected != issuer && !google(expected)) {
            return Err(Unacceptable::Issuer { expected: expected.to_owned(), got: cut(issuer) });
        }
        let audience = audience(claims)?;
        if let Some(expected) = expected.audience.filter(|expected| !audience.contains(expected)) {
            let got = audience.into_iter().take(10).map(cut).collect();
            return Err(Unacceptable::Audience { expected: expected.to_owned(), got });
        }
        let end = time(claims, "exp")?.unwrap_or(SystemTime::UNIX_EPOCH);
        if end < expected.now {
            return Err(Unacceptable::Expired(written(end)));
        }
        if let Some(begin) = time(claims, "nbf")?.filter(|begin| expected.now + LEEWAY < *begin) {
            return Err(Unacceptable::TooEarly { now: written(expected.now), begin: written(begin) });
        }
        time(claims, "iat")?;
        text(claims, "sub")?;
        Ok(())
    }
}

/// The audience, be it one or several.
fn audience(claims: &Map<String, Value>) -> Result<Vec<&str>, Unacceptable> {
    match claims.get("aud") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one]),
        Some(Value::Array(several)) => {
            several.iter().map(|one| one.as_str().ok_or(Unacceptable::Type("aud"))).collect()
        }
        Some(_) => Err(Unacceptable::Type("aud")),
    }
}

fn text<'c>(claims: &'c Map<String, Value>, name: &'static str) -> Result<&'c str, Unacceptable> {
    match claims.get(name) {
        None | Some(Value::Null) => Ok(""),
        Some(value) => value.as_str().ok_or(Unacceptable::Type(name)),
    }
}

/// A time in seconds; one beyond what the clock can show is as late as can be.
fn time(claims: &Map<String, Value>, name: &'static str) -> Result<Option<SystemTime>, Unacceptable> {
    let seconds = match claims.get(name) {
        None | Some(Value::Null) => return Ok(None),
        // Some issuers write the number as a text, which the Go collector accepts.
        Some(Value::String(text)) => text.parse().ok().as_ref().and_then(Number::as_f64),
        Some(value) => value.as_f64(),
    };
    let seconds = seconds.ok_or(Unacceptable::Type(name))?;
    let latest = Duration::from_secs(u64::from(u32::MAX) * 50);
    let since = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(latest).min(latest);
    Ok(Some(SystemTime::UNIX_EPOCH + since))
}

fn decode(part: &str) -> Result<Vec<u8>, Malformed> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Malformed::Base64)
}

fn written(time: SystemTime) -> String {
    Timestamp::try_from(time).map_or_else(|_| "beyond all calendars".to_owned(), |time| time.to_string())
}

/// As much of what somebody claims as a message needs.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(200).collect()
}
