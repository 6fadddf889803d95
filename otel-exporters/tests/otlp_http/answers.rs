use std::time::{Duration, SystemTime};

use otel_core::component::{Code, ConsumeError, Context};
use otel_core::net::Status;
use otel_core::pdata::Traces;

use super::round_trip::exporter;
use super::server::{Answer, Backend};
use super::support::{Seen, spans};

const ONCE: &str = "retry_on_failure: { enabled: false }";

async fn answered(answers: impl IntoIterator<Item = Answer>) -> (Result<(), ConsumeError>, Seen) {
    let (backend, seen) = (Backend::default(), Seen::new());
    let address = backend.start().await;
    backend.answer(answers);
    let exporter = exporter::<Traces>(&format!("endpoint: 'http://{address}', {ONCE}"), &seen).await;
    (exporter.export(spans(3), Context::new()).await, seen)
}

#[tokio::test]
async fn statuses_are_success_or_retryable_or_permanent() {
    for status in [200, 202, 204] {
        answered([Answer::new(status)]).await.0.unwrap();
    }
    for (status, retryable, code) in [
        (429, true, Code::ResourceExhausted),
        (502, true, Code::Unavailable),
        (503, true, Code::Unavailable),
        (504, true, Code::Unavailable),
        (400, false, Code::InvalidArgument),
        (401, false, Code::Unauthenticated),
        (403, false, Code::PermissionDenied),
        (404, false, Code::Unimplemented),
        (413, false, Code::Unknown),
        (500, false, Code::Unknown),
        (501, false, Code::Unknown),
        (301, false, Code::Unknown),
        (302, false, Code::Unknown),
        (304, false, Code::Unknown),
    ] {
        let error = answered([Answer::new(status).with("location", "/elsewhere")]).await.0.unwrap_err();
        assert_eq!((error.is_retryable(), error.code()), (retryable, Some(code)), "{status}");
        assert!(error.to_string().contains(&format!("responded with HTTP Status Code {status}")), "{error}");
        assert!(
            error.to_string().starts_with(&format!("rpc error: code = {} desc = error exp", code.as_str()))
        );
    }
}

#[tokio::test]
async fn a_status_in_the_body_is_told() {
    let status = Status::new(Code::InvalidArgument, "no such tenant");
    for answer in [
        Answer::new(400).body("application/x-protobuf", status.encode()),
        Answer::new(400).body("application/json; charset=utf-8", status.to_json()),
    ] {
        let error = answered([answer]).await.0.unwrap_err();
        assert!(error.to_string().ends_with("400, Message=no such tenant, Details=[]"), "{error}");
    }
    let error = answered([Answer::new(400).body("text/html", "<html>")]).await.0.unwrap_err();
    assert!(error.to_string().ends_with("HTTP Status Code 400"), "{error}");
}

#[tokio::test]
async fn delays_are_seconds_or_dates_and_count_for_overload_only() {
    // The host's clock stands at the beginning of 2026.
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    let date = httpdate::fmt_http_date(now + Duration::from_secs(90));
    for (status, value, delay) in [
        (429, "7", Some(7)),
        (503, "7", Some(7)),
        (503, &date, Some(90)),
        (503, "18446744073709551615", Some(24 * 60 * 60)),
        (503, "Thu, 01 Jan 1970 00:00:00 GMT", None),
        (503, "soon", None),
        (503, "0", None),
        (502, "7", None),
        (400, "7", None),
    ] {
        let error = answered([Answer::new(status).with("retry-after", value)]).await.0.unwrap_err();
        assert_eq!(error.retry_after(), delay.map(Duration::from_secs), "{status} {value}");
    }
}

#[tokio::test]
async fn a_partial_success_is_logged_and_counted_as_sent() {
    let protobuf = &b"\x0a\x0b\x08\x02\x12\x07too old"[..];
    let json = &br#"{"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}}"#[..];
    for (content_type, body) in [("application/x-protobuf", protobuf), ("application/json", json)] {
        let (sent, seen) = answered([Answer::new(200).body(content_type, body)]).await;
        sent.unwrap();
        assert!(seen.logged("warn Partial success response message=\"too old\" dropped_spans=2"));
        assert_eq!(seen.counted("otelcol_exporter_sent_spans"), 3);
    }
}

#[tokio::test]
async fn a_success_that_is_no_export_response_is_permanent() {
    for content_type in ["application/x-protobuf", "application/json"] {
        let error = answered([Answer::new(200).body(content_type, "<html>")]).await.0.unwrap_err();
        assert!(error.is_permanent());
        assert!(error.to_string().starts_with("error parsing "), "{error}");
    }
    answered([Answer::new(200).body("text/html", "<html>")]).await.0.unwrap();
}

#[tokio::test]
async fn an_endless_answer_is_cut() {
    let endless = vec![b' '; 10 << 20];
    let (sent, _) = answered([Answer::new(200).body("text/plain", endless)]).await;
    sent.unwrap();
}

#[tokio::test]
async fn redirections_that_keep_the_request_are_followed() {
    for status in [307, 308] {
        let (backend, seen) = (Backend::default(), Seen::new());
        let address = backend.start().await;
        backend.answer([Answer::new(status).with("location", "/there"), Answer::new(200)]);
        let yaml = format!("endpoint: 'http://{address}', headers: {{ authorization: sesame }}");
        exporter::<Traces>(&yaml, &seen).await.export(spans(1), Context::new()).await.unwrap();
        let got = backend.got();
        assert_eq!(got[1].target, "/there");
        assert_eq!(got[0].body, got[1].body);
        assert_eq!(got[1].header("authorization"), Some("sesame"));
    }
}

#[tokio::test]
async fn another_host_does_not_get_what_is_confidential() {
    let (here, there, seen) = (Backend::default(), Backend::default(), Seen::new());
    let (address, target) = (here.start().await, there.start().await);
    here.answer([Answer::new(307).with("location", &format!("http://localhost:{}/there", target.port()))]);
    let yaml = format!("endpoint: 'http://me:sesame@{address}', headers: {{ x-tenant: blue }}");
    exporter::<Traces>(&yaml, &seen).await.export(spans(1), Context::new()).await.unwrap();
    assert!(here.got()[0].header("authorization").is_some());
    assert_eq!(there.got()[0].header("authorization"), None);
    assert_eq!(there.got()[0].header("x-tenant"), Some("blue"));
}

#[tokio::test]
async fn redirections_in_a_circle_end() {
    let circle = (0..20).map(|_| Answer::new(307).with("location", "/"));
    let error = answered(circle).await.0.unwrap_err();
    assert!(error.is_retryable());
    assert!(error.to_string().contains("redirection"), "{error}");
}
