//! An extension that authenticates clients, as it is told.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use http::{HeaderMap, HeaderValue, header};
use otel_core::component::{Capabilities, Code, ComponentKind, ConsumeError, Context, Exporter, Metadata};
use otel_core::net::auth::ClientAuthenticator;
use otel_core::pdata::Traces;
use otel_core::testing::TestHost;

use crate::support::{Seen, spans};

/// Sends `token N`, where N grows with each refusal, and the client's `x-tenant`.
#[derive(Debug)]
pub(crate) struct Tokens {
    number: AtomicUsize,
    /// How many refusals it takes for an occasion to get another one.
    renewals: AtomicUsize,
    failure: Mutex<Option<ConsumeError>>,
    secure: bool,
}

impl Tokens {
    pub(crate) fn new(renewals: usize, secure: bool) -> Arc<Self> {
        let renewals = AtomicUsize::new(renewals);
        Arc::new(Self { number: AtomicUsize::new(1), renewals, failure: Mutex::default(), secure })
    }

    pub(crate) fn fail(&self, error: Option<ConsumeError>) {
        *self.failure.lock().unwrap() = error;
    }

    /// Asserts that whatever keeps it from sending credentials is the exporter's error, of the same kind.
    pub(crate) async fn assert_failures_are_told(&self, exporter: &dyn Exporter<Traces>) {
        for (failure, retryable) in [
            (ConsumeError::retryable("no token"), true),
            (ConsumeError::retryable("no token").with_code(Code::Unauthenticated), true),
            (ConsumeError::permanent("no client"), false),
        ] {
            let told = failure.to_string();
            self.fail(Some(failure));
            let error = exporter.export(spans(1), Context::new()).await.unwrap_err();
            assert_eq!(error.is_retryable(), retryable);
            assert!(error.to_string().contains(&told), "{error}");
        }
    }

    /// A host with this as the extension `tokens`, beside `other`, which is none.
    pub(crate) fn host(self: &Arc<Self>) -> Seen {
        let mut capabilities = Capabilities::default();
        capabilities.set_provider("tokens".parse().unwrap());
        capabilities.offer::<dyn ClientAuthenticator>(Arc::clone(self) as Arc<_>);
        capabilities.set_provider("other".parse().unwrap());
        Seen::of(TestHost::new(ComponentKind::Exporter, "otlp").with_capabilities(capabilities))
    }
}

#[async_trait]
impl ClientAuthenticator for Tokens {
    async fn authorize(&self, headers: &mut HeaderMap, context: &Context) -> Result<(), ConsumeError> {
        if let Some(error) = &*self.failure.lock().unwrap() {
            return Err(error.clone());
        }
        let token = format!("token {}", self.number.load(Ordering::SeqCst));
        headers.insert(header::AUTHORIZATION, token.parse().unwrap());
        if let [tenant] = context.metadata().get("x-tenant") {
            headers.insert("x-tenant", tenant.parse().unwrap());
        }
        // The encoding of the body is none of its business.
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("rot13"));
        Ok(())
    }

    fn needs_secure_transport(&self) -> bool {
        self.secure
    }

    async fn rejected(&self, headers: &HeaderMap) -> bool {
        let sent = format!("token {}", self.number.load(Ordering::SeqCst));
        assert_eq!(headers[header::AUTHORIZATION], *sent, "it is told what was refused");
        let left = self.renewals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        self.number.fetch_add(1, Ordering::SeqCst);
        left.is_ok()
    }
}

/// The context of a client's request, with metadata.
pub(crate) fn tenant(name: &str) -> Context {
    let mut metadata = Metadata::new();
    metadata.append("x-tenant", name);
    Context::new().with_metadata(metadata)
}
