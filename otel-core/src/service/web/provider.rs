use std::time::Duration;

use crate::config::{MAX_BYTES, Provider, ProviderError, Retrieved, without_user_info};
use crate::net::tls::{TlsClient, TlsClientConfig};
use crate::net::{FetchError, fetch};
use crate::telemetry::{Logger, with_causes};

/// How long a server may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// `http://…` and `https://…`: what is there when it is asked for, once. Servers are authenticated by the certificates
/// that the system trusts.
#[derive(Clone, Debug)]
pub struct WebProvider {
    scheme: &'static str,
    tls: TlsClientConfig,
}

impl WebProvider {
    /// The provider of `http`.
    pub fn http() -> Self {
        Self { scheme: "http", tls: TlsClientConfig::default() }
    }

    /// The provider of `https`.
    pub fn https() -> Self {
        Self { scheme: "https", tls: TlsClientConfig::default() }
    }

    /// The same with other settings of TLS, such as a certificate authority of its own.
    pub fn with_tls(self, tls: TlsClientConfig) -> Self {
        Self { tls, ..self }
    }

    fn get(&self, url: &str) -> Result<String, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let tls = TlsClient::load(&self.tls, &[b"http/1.1"], Logger::none())
            .map_err(|error| with_causes(&error))?;
        let body = runtime.block_on(async {
            let fetched = tokio::time::timeout(TIMEOUT, fetch(url, &tls, MAX_BYTES)).await;
            fetched.map_err(|_| format!("no answer within {} s", TIMEOUT.as_secs()))?.map_err(|error| {
                match error {
                    FetchError::Status(_) => error.to_string(),
                    _ => with_causes(&error),
                }
            })
        })?;
        String::from_utf8(body.into()).map_err(|_| "the answer is not valid UTF-8".to_owned())
    }
}

impl Provider for WebProvider {
    fn scheme(&self) -> &'static str {
        self.scheme
    }

    fn retrieve(&self, locator: &str) -> Result<Retrieved, ProviderError> {
        let url = format!("{}:{locator}", self.scheme);
        // On a thread of its own, because the caller may be inside a runtime.
        let got = std::thread::scope(|scope| scope.spawn(|| self.get(&url)).join());
        let got = got.unwrap_or_else(|_| Err("reading it panicked".to_owned()));
        match got {
            Ok(text) => Ok(Retrieved::new(without_user_info(&url), text)),
            Err(why) => {
                let separator = if why.starts_with("status code") { "." } else { ":" };
                Err(ProviderError::new(format!("failed to load resource from uri {url:?}{separator} {why}")))
            }
        }
    }
}
