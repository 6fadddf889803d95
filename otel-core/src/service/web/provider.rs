use std::time::Duration;

use http::{HeaderMap, StatusCode};

use crate::component::ProxySettings;
use crate::config::{MAX_BYTES, Provider, ProviderError, Retrieved, without_user_info};
use crate::net::tls::TlsClientConfig;
use crate::net::{HttpAnswer, HttpClient, HttpClientConfig, HttpUrl, Surroundings, error_chain};

/// How long a server may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// `http://…` and `https://…`: what is there when it is asked for, once. Servers are authenticated by the certificates
/// that the system trusts.
#[derive(Clone, Debug)]
pub struct WebProvider {
    scheme: &'static str,
    tls: TlsClientConfig,
    proxies: ProxySettings,
}

impl WebProvider {
    /// The provider of `http`.
    pub fn http() -> Self {
        Self::of("http")
    }

    /// The provider of `https`.
    pub fn https() -> Self {
        Self::of("https")
    }

    fn of(scheme: &'static str) -> Self {
        Self { scheme, tls: TlsClientConfig::default(), proxies: ProxySettings::default() }
    }

    /// The same behind proxies.
    pub fn with_proxies(self, proxies: ProxySettings) -> Self {
        Self { proxies, ..self }
    }

    /// The same with other settings of TLS, such as a certificate authority of its own.
    pub fn with_tls(self, tls: TlsClientConfig) -> Self {
        Self { tls, ..self }
    }

    fn get(&self, url: &str) -> Result<String, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let answer = runtime.block_on(async {
            let late = |_| format!("no answer within {} s", TIMEOUT.as_secs());
            tokio::time::timeout(TIMEOUT, self.ask(url)).await.map_err(late)?
        })?;
        if answer.status != StatusCode::OK {
            return Err(format!("status code: {}", answer.status.as_u16()));
        }
        String::from_utf8(answer.body.into()).map_err(|_| "the answer is not valid UTF-8".to_owned())
    }

    async fn ask(&self, url: &str) -> Result<HttpAnswer, String> {
        let url = HttpUrl::parse(url).map_err(|error| error.to_string())?;
        let config = HttpClientConfig {
            tls: self.tls.clone(),
            disable_keep_alives: true,
            ..HttpClientConfig::default()
        };
        let surroundings = Surroundings::behind(self.proxies.clone());
        let client = HttpClient::new(&config, surroundings).map_err(|error| error_chain(&error))?;
        client.get(&url, &HeaderMap::new(), MAX_BYTES).await.map_err(|error| error_chain(&error))
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
