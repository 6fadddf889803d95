//! Which hosts are reached directly.

use std::net::IpAddr;

/// The hosts, domains, addresses and networks of `NO_PROXY`, by the rules of the Go library.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct NoProxy {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    what: What,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Everything,
    Address(IpAddr),
    Network(IpAddr, u8),
    /// A domain with everything below it, and where true, itself.
    Domain(String, bool),
}

impl NoProxy {
    pub(super) fn parse(text: &str) -> Self {
        Self { rules: text.split(',').filter_map(|rule| Rule::parse(rule.trim())).collect() }
    }

    /// Whether a host, given without brackets, is reached directly. The own machine always is.
    pub(super) fn covers(&self, host: &str, port: u16) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let address: Option<IpAddr> = host.parse().ok();
        host == "localhost"
            || address.is_some_and(|address| address.is_loopback())
            || self.rules.iter().any(|rule| rule.covers(&host, address, port))
    }
}

impl Rule {
    fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        if text.is_empty() {
            return None;
        }
        if text == "*" {
            return Some(Self { what: What::Everything, port: None });
        }
        if let Some((address, bits)) = text.split_once('/') {
            let (address, bits): (IpAddr, u8) = (address.parse().ok()?, bits.parse().ok()?);
            let most = if address.is_ipv4() { 32 } else { 128 };
            return (bits <= most).then_some(Self { what: What::Network(address, bits), port: None });
        }
        let bare = |text: &str| text.trim_matches(['[', ']']).parse::<IpAddr>().ok();
        if let Some(address) = bare(&text) {
            return Some(Self { what: What::Address(address), port: None });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (text.as_str(), None),
        };
        if let Some(address) = bare(host) {
            return Some(Self { what: What::Address(address), port });
        }
        let host = host.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(host);
        let what = match host.strip_prefix('.') {
            Some(domain) => What::Domain(domain.to_owned(), false),
            None => What::Domain(host.to_owned(), true),
        };
        Some(Self { what, port })
    }

    fn covers(&self, host: &str, address: Option<IpAddr>, port: u16) -> bool {
        if self.port.is_some_and(|only| only != port) {
            return false;
        }
        match &self.what {
            What::Everything => true,
            What::Address(only) => address == Some(*only),
            What::Network(network, bits) => address.is_some_and(|address| within(address, *network, *bits)),
            What::Domain(domain, itself) => match host.strip_suffix(domain.as_str()) {
                Some("") => *itself,
                Some(rest) => rest.ends_with('.'),
                None => false,
            },
        }
    }
}

fn within(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let differing = address.to_bits() ^ network.to_bits();
            differing.leading_zeros() >= u32::from(bits)
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let differing = address.to_bits() ^ network.to_bits();
            differing.leading_zeros() >= u32::from(bits)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_cover_what_they_do_in_go() {
        for (rules, host, port, covered) in [
            ("", "collector", 4317, false),
            ("", "localhost", 4317, true),
            ("", "127.0.0.9", 4317, true),
            ("", "::1", 4317, true),
            ("*", "collector", 4317, true),
            ("a.example, b.example", "b.example", 1, true),
            ("b.example", "x.b.example", 1, true),
            ("b.example", "xb.example", 1, false),
            (".b.example", "x.b.example", 1, true),
            (".b.example", "b.example", 1, false),
            ("*.b.example", "x.b.example", 1, true),
            ("*.b.example", "b.example", 1, false),
            ("B.Example", "b.EXAMPLE.", 1, true),
            ("b.example:80", "b.example", 80, true),
            ("b.example:80", "b.example", 81, false),
            ("10.0.0.0/8", "10.9.8.7", 1, true),
            ("10.0.0.0/8", "11.9.8.7", 1, false),
            ("10.1.2.3", "10.1.2.3", 1, true),
            ("10.1.2.3:80", "10.1.2.3", 81, false),
            ("fd00::/8", "fd12::1", 1, true),
            ("[fd12::1]:80", "fd12::1", 80, true),
            ("0.0.0.0/0", "10.1.2.3", 1, true),
            ("10.0.0.0/33", "10.1.2.3", 1, false),
        ] {
            assert_eq!(NoProxy::parse(rules).covers(host, port), covered, "{rules} {host}:{port}");
        }
    }
}
