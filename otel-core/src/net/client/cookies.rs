//! Cookies, for load balancers that keep a client with one server by them.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue, header};
use tokio::time::Instant;

use super::HttpUrl;

/// The most that is kept, so that a server cannot fill memory.
const MOST: usize = 100;
const LONGEST: usize = 4096;

/// What servers asked to be told again, as far as RFC 6265 lets them, for the host that asked alone: a cookie for a whole
/// domain is given back to its host only.
#[derive(Debug, Default)]
pub(super) struct Cookies(Mutex<Vec<Cookie>>);

struct Cookie {
    host: String,
    path: String,
    secure: bool,
    name: String,
    value: String,
    until: Option<Instant>,
}

impl Cookies {
    /// Remembers what an answer sets. The time of day is for dates.
    pub(super) fn take_from(&self, headers: &HeaderMap, url: &HttpUrl, now: SystemTime) {
        for value in headers.get_all(header::SET_COOKIE) {
            let parsed = value.to_str().ok().and_then(|text| Cookie::parse(text, url, now));
            let Some((cookie, age)) = parsed else { continue };
            let mut all = self.all();
            all.retain(|known| !known.is_same(&cookie));
            if age != Some(Duration::ZERO) && all.len() < MOST {
                all.push(cookie);
            }
        }
    }

    /// Adds what is remembered to a request.
    pub(super) fn add_to(&self, headers: &mut HeaderMap, url: &HttpUrl) {
        let now = Instant::now();
        let mut all = self.all();
        all.retain(|cookie| cookie.until.is_none_or(|until| until > now));
        let fitting = all.iter().filter(|cookie| cookie.is_for(url));
        let pairs: Vec<_> = fitting.map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        if !pairs.is_empty()
            && let Ok(mut value) = HeaderValue::try_from(pairs.join("; "))
        {
            value.set_sensitive(true);
            headers.append(header::COOKIE, value);
        }
    }

    fn all(&self) -> MutexGuard<'_, Vec<Cookie>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cookie {
    /// Reads a `Set-Cookie` header; the second part is the age that it names, zero to forget the cookie.
    fn parse(text: &str, url: &HttpUrl, now: SystemTime) -> Option<(Self, Option<Duration>)> {
        let mut parts = text.split(';').map(str::trim);
        let (name, value) = parts.next()?.split_once('=')?;
        if name.is_empty() || text.len() > LONGEST {
            return None;
        }
        let base = url.path().rsplit_once('/').map_or("", |(base, _)| base);
        let path = if base.is_empty() { "/".to_owned() } else { base.to_owned() };
        let mut cookie = Self {
            host: url.host().to_ascii_lowercase(),
            path,
            secure: false,
            name: name.trim().to_owned(),
            value: value.trim().to_owned(),
            until: None,
        };
        let mut age = None;
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            match key.trim().to_ascii_lowercase().as_str() {
                "secure" => cookie.secure = true,
                "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
                "max-age" => {
                    let seconds: i64 = value.parse().ok()?;
                    age = Some(Duration::from_secs(seconds.clamp(0, 400 * 86_400).unsigned_abs()));
                }
                "expires" if age.is_none() => {
                    let date = httpdate::parse_http_date(value).ok()?;
                    age = Some(date.duration_since(now).unwrap_or_default());
                }
                "domain" => {
                    let domain = value.trim_start_matches('.').to_ascii_lowercase();
                    let within = cookie
                        .host
                        .strip_suffix(&domain)
                        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
                    if !domain.is_empty() && !within {
                        return None;
                    }
                }
                _ => {}
            }
        }
        cookie.until = age.map(|age| Instant::now() + age);
        Some((cookie, age))
    }

    fn is_same(&self, other: &Self) -> bool {
        (&self.host, &self.path, &self.name) == (&other.host, &other.path, &other.name)
    }

    fn is_for(&self, url: &HttpUrl) -> bool {
        let path = url.path();
        let below = path
            .strip_prefix(&self.path)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || self.path.ends_with('/'));
        below && url.host().eq_ignore_ascii_case(&self.host) && (!self.secure || url.origin.secure)
    }
}

/// Cookies identify sessions, so their values do not print.
impl std::fmt::Debug for Cookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cookie").field("host", &self.host).field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(set: &[&str], from: &str, to: &str) -> Option<String> {
        let cookies = Cookies::default();
        for set in set {
            let mut headers = HeaderMap::new();
            headers.insert(header::SET_COOKIE, HeaderValue::from_str(set).unwrap());
            cookies.take_from(&headers, &HttpUrl::parse(from).unwrap(), SystemTime::now());
        }
        let mut headers = HeaderMap::new();
        cookies.add_to(&mut headers, &HttpUrl::parse(to).unwrap());
        headers.get(header::COOKIE).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn cookies_go_back_to_where_they_came_from() {
        let (here, there) = ("http://a:1/v1/traces", "http://b:1/v1/traces");
        for (set, to, told) in [
            (&["s=1"][..], here, Some("s=1")),
            (&["s=1", "t=2; HttpOnly"], here, Some("s=1; t=2")),
            (&["s=1", "s=2"], here, Some("s=2")),
            (&["s=1"], there, None),
            (&["s=1"], "http://a:1/v2", None),
            (&["s=1; Path=/"], "http://a:1/v2", Some("s=1")),
            (&["s=1; Secure"], here, None),
            (&["s=1; Secure"], "https://a:1/v1/traces", Some("s=1")),
            (&["s=1", "s=; Max-Age=0"], here, None),
            (&["s=1", "s=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], here, None),
            (&["s=1; Domain=b"], here, None),
            (&["garbage"], here, None),
        ] {
            assert_eq!(after(set, here, to).as_deref(), told, "{set:?} {to}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn cookies_end_with_their_age() {
        let cookies = Cookies::default();
        let url = HttpUrl::parse("http://a/x").unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(header::SET_COOKIE, HeaderValue::from_static("s=1; Max-Age=5"));
        cookies.take_from(&headers, &url, SystemTime::now());
        tokio::time::advance(Duration::from_secs(6)).await;
        let mut headers = HeaderMap::new();
        cookies.add_to(&mut headers, &url);
        assert!(headers.is_empty());
    }
}
