//! Pages that send telemetry.

use super::support::{Answer, Running, raw, request, start, traces};

const PROTOBUF: &str = "content-type: application/x-protobuf";

async fn with_cors(cors: &str) -> Running {
    let http =
        format!("{{ endpoint: '127.0.0.1:0', cors: {cors}, response_headers: {{ x-served-by: us }} }}");
    start(&format!("protocols: {{ http: {http} }}")).await
}

async fn preflight(running: &Running, origin: &str, method: &str, headers: &str) -> Answer {
    let headers = [
        format!("origin: {origin}"),
        format!("access-control-request-method: {method}"),
        format!("access-control-request-headers: {headers}"),
    ];
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    raw(running.http(), &request("OPTIONS", "/v1/traces", &headers, b"")).await
}

/// The headers of an answer that are about sharing.
fn shared(answer: &Answer) -> Vec<&str> {
    let mut lines: Vec<&str> = answer.head.lines().filter(|line| line.starts_with("access-")).collect();
    lines.sort_unstable();
    lines
}

#[tokio::test]
async fn preflight_requests_of_allowed_origins_are_answered() {
    let cors = "{ allowed_origins: ['https://a.example', 'https://*.b.example'], max_age: 7200 }";
    let running = with_cors(cors).await;
    for origin in ["https://a.example", "https://deep.in.b.example"] {
        let answer = preflight(&running, origin, "POST", "content-type,X-Requested-With").await;
        assert_eq!((answer.status, &answer.body[..]), (204, &b""[..]));
        let expected = [
            "access-control-allow-credentials: true",
            "access-control-allow-headers: content-type,x-requested-with",
            "access-control-allow-methods: post",
            &format!("access-control-allow-origin: {origin}"),
            "access-control-max-age: 7200",
        ];
        assert_eq!(shared(&answer), expected);
        assert!(
            answer
                .head
                .contains("vary: origin, access-control-request-method, access-control-request-headers")
        );
        assert!(answer.head.contains("x-served-by: us"));
    }
    for (origin, method, headers) in [
        ("https://c.example", "POST", "content-type"),
        ("https://.b.exampl", "POST", "content-type"),
        ("https://a.example", "DELETE", "content-type"),
        ("https://a.example", "POST", "content-type, x-tenant"),
    ] {
        let answer = preflight(&running, origin, method, headers).await;
        assert_eq!((answer.status, shared(&answer)), (204, vec![]), "{origin} {method} {headers}");
    }
    running.stop().await;
}

#[tokio::test]
async fn answers_are_shared_with_allowed_origins() {
    let cors = "{ allowed_origins: ['*'], allowed_headers: ['*'], exposed_headers: [x-served-by] }";
    let running = with_cors(cors).await;
    let origin = "origin: https://anywhere.example";
    let answer = raw(running.http(), &request("POST", "/v1/traces", &[PROTOBUF, origin], &traces(1))).await;
    let expected = [
        "access-control-allow-credentials: true",
        "access-control-allow-origin: *",
        "access-control-expose-headers: x-served-by",
    ];
    assert_eq!((answer.status, shared(&answer)), (200, expected.to_vec()));
    assert!(answer.head.contains("vary: origin") && answer.head.contains("x-served-by: us"));
    let answer = preflight(&running, "https://anywhere.example", "POST", "x-anything").await;
    assert!(shared(&answer).contains(&"access-control-allow-headers: x-anything"));
    let answer = raw(running.http(), &request("POST", "/v1/traces", &[PROTOBUF], &traces(1))).await;
    assert_eq!((answer.status, shared(&answer)), (200, vec![]));
    running.stop().await;
}

#[tokio::test]
async fn nothing_is_shared_unless_origins_are_allowed() {
    for cors in ["{ allowed_headers: [x] }", "{}", ""] {
        let running = with_cors(cors).await;
        let answer = preflight(&running, "https://a.example", "POST", "x").await;
        assert_eq!((answer.status, shared(&answer)), (405, vec![]));
        running.stop().await;
    }
}
