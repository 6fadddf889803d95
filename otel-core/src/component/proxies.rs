//! The proxies that the surroundings of a collector name.

use std::fmt;

/// The proxies of an environment, as the variables `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` name them. Clients that a
/// component opens go through them unless its configuration says otherwise.
///
/// Nothing here reads the environment: the command line module does, and code that embeds a collector may.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProxySettings {
    /// The proxy for `http://` URLs; empty for none.
    pub http: String,
    /// The proxy for `https://` URLs and for gRPC; empty for none.
    pub https: String,
    /// Hosts, domains, addresses and networks that are reached directly, with commas between them.
    pub no_proxy: String,
}

impl ProxySettings {
    /// The settings of an environment, which `lookup` knows. A name in upper case wins over the same in lower case.
    pub fn from_variables(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let either = |name: &str| {
            let set = |name: &str| lookup(name).filter(|value| !value.is_empty());
            set(name).or_else(|| set(&name.to_ascii_lowercase())).unwrap_or_default()
        };
        Self { http: either("HTTP_PROXY"), https: either("HTTPS_PROXY"), no_proxy: either("NO_PROXY") }
    }
}

/// The URLs of proxies hold passwords, so only whether there are any prints.
impl fmt::Debug for ProxySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxySettings")
            .field("http", &!self.http.is_empty())
            .field("https", &!self.https.is_empty())
            .field("no_proxy", &self.no_proxy)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_in_either_case_and_passwords_do_not_print() {
        let settings = ProxySettings::from_variables(|name| match name {
            "HTTP_PROXY" => Some(String::new()),
            "HTTPS_PROXY" => Some("http://me:sesame@upper:1".to_owned()),
            "http_proxy" | "https_proxy" => Some("http://lower:1".to_owned()),
            _ => None,
        });
        assert_eq!(settings.http, "http://lower:1");
        assert_eq!(settings.https, "http://me:sesame@upper:1");
        assert_eq!(settings.no_proxy, "");
        assert!(!format!("{settings:?}").contains("sesame"));
    }
}
