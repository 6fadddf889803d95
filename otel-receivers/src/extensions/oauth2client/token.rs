//! Tokens, and how a server answers with one.

use std::time::Duration;

use http::HeaderValue;
use otel_core::net::HttpAnswer;
use serde_json::Value;
use tokio::time::Instant;

/// A token is not used that shortly before its end, for requests need a while to arrive.
const MARGIN: Duration = Duration::from_secs(10);
/// As long as a token may be, in seconds.
const FOREVER: u64 = i32::MAX as u64;

/// A token that requests are sent with.
pub(super) struct AccessToken {
    /// The value of `authorization`.
    pub(super) header: HeaderValue,
    /// When it was given out.
    pub(super) since: Instant,
    /// From when on there should be another, and from when on this one does not do; nothing for never.
    times: Option<(Instant, Instant)>,
}

/// Why an answer holds no token.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoToken {
    #[error("oauth2: {code:?}{description}")]
    Refused { code: String, description: String },
    #[error("oauth2: cannot fetch token: {0}")]
    Status(http::StatusCode),
    #[error("oauth2: cannot parse the answer")]
    Unreadable,
    #[error("oauth2: server response missing access_token")]
    Missing,
    #[error("oauth2: the token cannot be sent in a header")]
    Unsendable,
}

// === impl AccessToken ===

impl AccessToken {
    /// Reads the answer of a token server. What it says of its reasons gets into errors, unless it repeats a secret.
    pub(super) fn read(
        answer: &HttpAnswer,
        expiry_buffer: Duration,
        secrets: &[&str],
    ) -> Result<Self, NoToken> {
        let form = answer.is_of_type("application/x-www-form-urlencoded") || answer.is_of_type("text/plain");
        let fields = if form { Some(from_form(&answer.body)) } else { from_json(&answer.body) };
        if !answer.status.is_success() {
            let refused = fields.as_ref().and_then(|fields| fields.refusal(secrets));
            return Err(refused.unwrap_or(NoToken::Status(answer.status)));
        }
        let fields = fields.ok_or(NoToken::Unreadable)?;
        if let Some(refused) = fields.refusal(secrets) {
            return Err(refused);
        }
        if fields.access_token.is_empty() {
            return Err(NoToken::Missing);
        }
        let kind = match fields.token_type.to_ascii_lowercase().as_str() {
            "" | "bearer" => "Bearer",
            "mac" => "MAC",
            "basic" => "Basic",
            _ => &fields.token_type,
        };
        let header = HeaderValue::try_from(format!("{kind} {}", fields.access_token));
        let mut header = header.map_err(|_| NoToken::Unsendable)?;
        header.set_sensitive(true);
        let since = Instant::now();
        let lifetime = Some(fields.expires_in.min(FOREVER)).filter(|seconds| *seconds > 0);
        let times = lifetime.map(Duration::from_secs).map(|lifetime| {
            let end = since + lifetime;
            (end - expiry_buffer.min(lifetime / 2), end - MARGIN.min(lifetime / 4))
        });
        Ok(Self { header, since, times })
    }

    /// Whether there should be another one.
    pub(super) fn is_old(&self) -> bool {
        self.times.is_some_and(|(old, _)| old <= Instant::now())
    }

    /// Whether requests can be sent with it.
    pub(super) fn is_valid(&self) -> bool {
        self.times.is_none_or(|(_, end)| Instant::now() < end)
    }
}

/// What an answer says.
#[derive(Default)]
struct Fields {
    access_token: String,
    token_type: String,
    /// In seconds; 0 for no end.
    expires_in: u64,
    error: String,
    error_description: String,
}

impl Fields {
    fn refusal(&self, secrets: &[&str]) -> Option<NoToken> {
        if self.error.is_empty() {
            return None;
        }
        let tells = |text: &str| secrets.iter().any(|secret| !secret.is_empty() && text.contains(secret));
        let cut = |text: &str| {
            if tells(text) { "[REDACTED]".to_owned() } else { text.chars().take(200).collect() }
        };
        let description = match cut(&self.error_description).as_str() {
            "" => String::new(),
            text => format!(" {text:?}"),
        };
        Some(NoToken::Refused { code: cut(&self.error), description })
    }
}

fn from_form(body: &[u8]) -> Fields {
    let mut fields = Fields::default();
    for (name, value) in form_urlencoded::parse(body) {
        let value = value.into_owned();
        match name.as_ref() {
            "access_token" => fields.access_token = value,
            "token_type" => fields.token_type = value,
            "expires_in" => fields.expires_in = value.parse().unwrap_or_default(),
            "error" => fields.error = value,
            "error_description" => fields.error_description = value,
            _ => {}
        }
    }
    fields
}

fn from_json(body: &[u8]) -> Option<Fields> {
    let json: Value = serde_json::from_slice(body).ok()?;
    let json = json.as_object()?;
    let text = |name: &str| json.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    // Some servers write the number as a text.
    let expires_in = match json.get("expires_in") {
        None | Some(Value::Null) => 0,
        Some(Value::String(text)) => text.parse().ok()?,
        // What had ended before it began is used until a server refuses it.
        Some(number) => number.as_f64()? as u64,
    };
    Some(Fields {
        access_token: text("access_token"),
        token_type: text("token_type"),
        expires_in,
        error: text("error"),
        error_description: text("error_description"),
    })
}
