use super::TraceContext;

/// The headers in which a trace comes with a request and goes on with those that follow from it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Propagation {
    /// `traceparent`, of W3C Trace Context.
    pub trace_context: bool,
    /// `b3`, or `x-b3-traceid` and its like, of Zipkin; `x-b3-*` go out.
    pub b3: bool,
}

impl Propagation {
    /// No headers.
    pub const NONE: Self = Self { trace_context: false, b3: false };

    /// The trace that headers tell of. Where two do, B3 wins, which the Go collector's composite reads last.
    pub fn extract<'h>(self, header: impl Fn(&'static str) -> Option<&'h str>) -> Option<TraceContext> {
        let b3 = || {
            let single = header("b3").and_then(read_b3);
            single.or_else(|| {
                let flags = match header("x-b3-flags") {
                    Some("1") => 1,
                    _ => flag(header("x-b3-sampled").unwrap_or_default()),
                };
                read_ids(header("x-b3-traceid")?, header("x-b3-spanid")?, flags)
            })
        };
        let found = if self.b3 { b3() } else { None };
        found.or_else(|| if self.trace_context { read_traceparent(header("traceparent")?) } else { None })
    }

    /// Tells headers of a trace.
    pub fn inject(self, trace: &TraceContext, mut header: impl FnMut(&'static str, String)) {
        let (trace_id, span_id, flags) = (hex(&trace.trace_id), hex(&trace.span_id), trace.flags);
        if self.b3 {
            header("x-b3-sampled", (flags & 1).to_string());
            header("x-b3-traceid", trace_id.clone());
            header("x-b3-spanid", span_id.clone());
        }
        if self.trace_context {
            header("traceparent", format!("00-{trace_id}-{span_id}-{flags:02x}"));
        }
    }
}

fn read_traceparent(text: &str) -> Option<TraceContext> {
    let mut parts = text.trim().split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let known = match version {
        "ff" => false,
        "00" => parts.next().is_none(),
        version => version.len() == 2,
    };
    let flags: [u8; 1] = bytes(flags)?;
    if known && trace.len() == 32 { read_ids(trace, span, flags[0] & 1) } else { None }
}

/// `traceid-spanid[-sampled[-parent]]`.
fn read_b3(text: &str) -> Option<TraceContext> {
    let mut parts = text.trim().split('-');
    read_ids(parts.next()?, parts.next()?, flag(parts.next().unwrap_or_default()))
}

fn flag(sampled: &str) -> u8 {
    u8::from(matches!(sampled, "1" | "d" | "true"))
}

fn read_ids(trace: &str, span: &str, flags: u8) -> Option<TraceContext> {
    let trace_id = match trace.len() {
        16 => {
            let mut id = [0; 16];
            id[8..].copy_from_slice(&bytes::<8>(trace)?);
            id
        }
        _ => bytes(trace)?,
    };
    let span_id = bytes(span)?;
    (trace_id != [0; 16] && span_id != [0; 8]).then_some(TraceContext { trace_id, span_id, flags })
}

fn bytes<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let mut out = [0; N];
    if hex.len() != 2 * N || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, digits) in out.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(out)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: Propagation = Propagation { trace_context: true, b3: true };
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    fn extracted(propagation: Propagation, headers: &[(&str, &str)]) -> Option<TraceContext> {
        propagation.extract(|name| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value))
    }

    #[test]
    fn what_is_injected_is_extracted() {
        let trace = TraceContext { trace_id: [0xab; 16], span_id: [7; 8], flags: 1 };
        for propagation in [
            BOTH,
            Propagation { trace_context: true, b3: false },
            Propagation { trace_context: false, b3: true },
        ] {
            let mut headers = Vec::new();
            propagation.inject(&trace, |name, value| headers.push((name, value)));
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            assert_eq!(extracted(propagation, &headers), Some(trace), "{propagation:?}");
            assert_eq!(extracted(Propagation::NONE, &headers), None);
        }
    }

    #[test]
    fn every_form_of_the_headers_is_read() {
        let sampled = |headers: &[(&str, &str)]| extracted(BOTH, headers).map(|trace| trace.flags);
        assert_eq!(sampled(&[("traceparent", &format!("00-{TRACE}-{SPAN}-00"))]), Some(0));
        assert_eq!(sampled(&[("traceparent", &format!("cc-{TRACE}-{SPAN}-01-more"))]), Some(1));
        assert_eq!(sampled(&[("b3", &format!("{TRACE}-{SPAN}-d"))]), Some(1));
        assert_eq!(sampled(&[("b3", &format!("{TRACE}-{SPAN}"))]), Some(0));
        assert_eq!(sampled(&[("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN), ("x-b3-flags", "1")]), Some(1));
        let short = extracted(BOTH, &[("b3", &format!("{}-{SPAN}-1", &TRACE[16..]))]).unwrap();
        assert_eq!(short.trace_id[..8], [0; 8]);
    }

    #[test]
    fn what_is_no_trace_is_none() {
        let zeros = "0".repeat(32);
        for wrong in [
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{zeros}-{SPAN}-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{}-{SPAN}-01", &TRACE[16..]),
            "00-zz-1-1".to_owned(),
            String::new(),
        ] {
            assert_eq!(extracted(BOTH, &[("traceparent", &wrong)]), None, "{wrong}");
        }
    }
}
