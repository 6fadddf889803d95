//! No, wrong, malformed, overlong, repeated and others' credentials.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::support::client::Ask;
use super::{PATIENCE, WAYS, Way, accepted, refusals, refused, spans, start, status};

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// An authenticator, the credentials that it takes, and some that it does not, with what they are told.
struct Scheme {
    name: &'static str,
    extensions: &'static str,
    good: Vec<String>,
    bad: Vec<(Vec<String>, &'static str)>,
}

fn basicauth() -> Scheme {
    let alone = |value: &str| vec![value.to_owned()];
    Scheme {
        name: "basicauth",
        extensions: "{ basicauth: { htpasswd: { inline: \"carol:$$2y$$05$$bWBMg3oUStnhfy5rFvoyreviPySU6hvEmBub5wIlM/D.c5FeYJQ6O\\ndave:secret\" } }, \
                      basicauth/other: { htpasswd: { inline: 'erin:other' } } }",
        good: vec![basic("carol", "bar"), basic("dave", "secret")],
        bad: vec![
            (vec![], "no basic auth provided"),
            (alone(&basic("carol", "wrong")), "invalid credentials"),
            (alone(&basic("carol", "")), "invalid credentials"),
            (alone(&basic("nobody", "bar")), "invalid credentials"),
            // Another user's password, and a user of another extension.
            (alone(&basic("carol", "secret")), "invalid credentials"),
            (alone(&basic("erin", "other")), "invalid credentials"),
            // What is stored is not the password.
            (
                alone(&basic("carol", "$2y$05$bWBMg3oUStnhfy5rFvoyreviPySU6hvEmBub5wIlM/D.c5FeYJQ6O")),
                "invalid credentials",
            ),
            (alone(&basic("dave", &"x".repeat(40_000))), "invalid credentials"),
            (alone(&"x".repeat(60_000)), "invalid authorization scheme prefix"),
            (alone("Bearer carol:bar"), "invalid authorization scheme prefix"),
            (alone("Basic"), "invalid authorization scheme prefix"),
            (alone("Basic !!!"), "invalid authorization format"),
            (alone("Basic carol:bar"), "invalid authorization format"),
            (alone(&format!("Basic {}", STANDARD.encode("carol"))), "invalid authorization format"),
            (
                alone(&format!("Basic {}", STANDARD.encode([0xff, b':', 0xff]))),
                "invalid authorization format",
            ),
            (
                vec![basic("carol", "bar"), basic("carol", "bar")],
                "the header authorization occurs more than once",
            ),
            (
                vec![basic("carol", "wrong"), basic("carol", "bar")],
                "the header authorization occurs more than once",
            ),
        ],
    }
}

fn bearer() -> Scheme {
    const WRONG: &str = "provided authorization does not match expected scheme or token";
    let alone = |value: &str| vec![value.to_owned()];
    Scheme {
        name: "bearertokenauth",
        extensions: "{ bearertokenauth: { tokens: [first-token, second-token] }, \
                      bearertokenauth/other: { token: other-token } }",
        good: vec!["Bearer first-token".to_owned(), "Bearer second-token".to_owned()],
        bad: vec![
            (vec![], "missing or empty authorization header: Authorization"),
            (alone("Bearer wrong"), WRONG),
            (alone("Bearer other-token"), WRONG),
            (alone("Bearer first-tokens"), WRONG),
            (alone("Bearer first-toke"), WRONG),
            (alone("Bearer first-token,second-token"), WRONG),
            (alone("bearer first-token"), WRONG),
            (alone("first-token"), WRONG),
            (alone("Bearer"), WRONG),
            (alone(&basic("first-token", "")), WRONG),
            (alone(&"x".repeat(60_000)), WRONG),
            (
                vec!["Bearer first-token".to_owned(), "Bearer second-token".to_owned()],
                "the header authorization occurs more than once",
            ),
        ],
    }
}

fn with(way: Way, values: &[String]) -> Ask {
    values.iter().fold(way.ask(), |ask, value| ask.header("authorization", value))
}

#[tokio::test]
async fn whoever_has_no_valid_credentials_is_refused_and_counted() {
    for Scheme { name, extensions, good, bad } in [basicauth(), bearer()] {
        let server = format!("auth: {{ authenticator: {name} }}");
        let mut collector = start(&server, extensions, &format!("{name}, {name}/other")).await;
        for way in WAYS {
            let before = refusals(&collector, way.transport()).await;
            for (values, message) in &bad {
                let answer = way.send(&collector, with(way, values)).await;
                assert_eq!(status(&answer), (refused(way), (*message).to_owned()), "{way:?} {values:?}");
                let challenged = answer.headers.contains_key("www-authenticate");
                assert_eq!(challenged, !message.contains("more than once"), "{way:?} {values:?}");
            }
            let counted = refusals(&collector, way.transport()).await - before;
            assert!((counted - bad.len() as f64).abs() < 0.5, "{way:?}: {counted}");
            for value in &good {
                let answer = way.send(&collector, with(way, std::slice::from_ref(value))).await;
                assert_eq!(status(&answer).0, accepted(way), "{way:?} {value}: {answer:?}");
            }
        }
        let came = spans(&collector).await;
        assert!((came - (WAYS.len() * good.len()) as f64).abs() < 0.5, "{came}");
        // What was tried is nobody's business.
        collector.wait_for_log("Request rejected").await;
        let log = collector.log();
        for secret in ["first-token", "secret", "bWBMg3oU", &STANDARD.encode("carol:bar"), "other"] {
            let told = log
                .lines()
                .filter(|line| !line.contains("otelcol.component.id"))
                .any(|line| line.contains(secret));
            assert!(!told, "{secret}: {log}");
        }
    }
}

#[tokio::test]
async fn headers_longer_than_a_server_takes_get_nobody_in() {
    let scheme = bearer();
    let collector =
        start("auth: { authenticator: bearertokenauth }", scheme.extensions, "bearertokenauth").await;
    let long = "x".repeat(2 << 20);
    for way in WAYS {
        let ask = with(way, std::slice::from_ref(&scheme.good[0])).header("x-long", &long);
        let answer = match way {
            Way::Http1 => tokio::time::timeout(PATIENCE, ask.http1(collector.http())).await,
            _ => tokio::time::timeout(PATIENCE, ask.http2(way.address(&collector))).await,
        };
        // The answer may be a broken connection.
        if let Ok(answer) = answer.expect("it ends") {
            assert_eq!(answer.status, 431, "{way:?} {answer:?}");
        }
        let answer = way.send(&collector, with(way, &scheme.good[..1])).await;
        assert_eq!(status(&answer).0, accepted(way), "{way:?}");
    }
    assert!((spans(&collector).await - 3.0).abs() < 0.5);
}

#[tokio::test]
async fn parameters_of_a_query_are_credentials_only_where_that_is_configured() {
    let extensions = "{ bearertokenauth: { header: token, scheme: '', token: first-token } }";
    let asked = |query: &str, header: Option<&str>| {
        let mut ask = Way::Http1.ask();
        ask.path = format!("/v1/traces?{query}");
        header.into_iter().fold(ask, |ask, value| ask.header("token", value))
    };
    let cases = [
        ("token=first-token", None, true),
        ("a=b&token=first%2Dtoken", None, true),
        // What is in the query counts instead of a header, and of two nobody knows which.
        ("token=wrong", Some("first-token"), false),
        ("token=first-token", Some("wrong"), true),
        ("token=first-token&token=first-token", None, false),
        ("token=first-token%0d%0a", None, false),
        ("Token=first-token", None, false),
        ("", Some("first-token"), true),
    ];
    for (server, on) in [("request_params: [token]", true), ("request_params: [other]", false)] {
        let mut yaml = super::Forwarding::to("nop", "").measured().yaml();
        yaml = yaml
            .replace("http: {", &format!("http: {{ auth: {{ authenticator: bearertokenauth, {server} }},"));
        let mut command = super::otelcol();
        command.args(["--config", &format!("yaml:{yaml}")]);
        let service = format!("extensions: {extensions}\nservice: {{ extensions: [bearertokenauth] }}");
        command.args(["--config", &format!("yaml:{service}")]);
        let collector = super::Collector::spawn(command).await;
        for (query, header, by_query) in cases {
            let answer = Way::Http1.send(&collector, asked(query, header)).await;
            let expected = if on { by_query } else { header == Some("first-token") };
            assert_eq!(answer.status, if expected { 200 } else { 401 }, "{on} {query} {header:?}");
        }
    }
}

#[tokio::test]
async fn servers_of_extensions_are_guarded_too() {
    let extensions = "{ bearertokenauth: { token: first-token }, \
                      zpages: { endpoint: '127.0.0.1:0', auth: { authenticator: bearertokenauth } }, \
                      health_check: { endpoint: '127.0.0.1:0', auth: { authenticator: bearertokenauth } } }";
    // Those that ask come before the one that is asked.
    let collector = start("", extensions, "zpages, health_check, bearertokenauth").await;
    for (message, path) in
        [("Starting zPages extension", "/debug/servicez"), ("Starting health_check extension", "/")]
    {
        let address = collector.endpoint(message);
        let mut ask = Ask::http("text/plain", "");
        (ask.method, ask.path) = (http::Method::GET, path.to_owned());
        let answer = ask.clone().http1(address).await.unwrap();
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
        assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8");
        assert_eq!(answer.body, "missing or empty authorization header: Authorization\n");
        let answer = ask.header("authorization", "Bearer first-token").http1(address).await.unwrap();
        assert_eq!(answer.status, 200, "{path}");
    }
    let counted = collector.metric("otelcol_extension_rejected_requests", "reason=\"unauthenticated\"").await;
    assert!((counted - 2.0).abs() < 0.5, "{counted}");
}
