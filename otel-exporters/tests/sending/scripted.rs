//! An exporter that answers by a script.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use otel_core::component::{Component, ConsumeError, Context, Exporter};
use otel_core::config::{Decode, Fields};
use otel_core::pdata::Traces;
use otel_exporters::sending::{Sending, SendingConfig};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::support::Seen;

/// A request of so many spans without names makes the exporter panic.
pub(crate) const PANICS: usize = 13;

/// Answers by the script and then with success; keeps when it was asked and how many spans it got.
#[derive(Debug, Clone)]
pub(crate) struct Scripted(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    script: Mutex<VecDeque<Option<ConsumeError>>>,
    attempts: Mutex<Vec<(Instant, usize)>>,
    /// What came, with its context and whether it was taken.
    requests: Mutex<Vec<(Traces, Context, bool)>>,
    gate: Semaphore,
}

impl Scripted {
    pub(crate) fn new(script: impl IntoIterator<Item = ConsumeError>) -> Self {
        Self::with_gate(script.into_iter().map(Some), Semaphore::MAX_PERMITS)
    }

    /// Refuses for good, or takes, as told.
    pub(crate) fn refusing(script: impl IntoIterator<Item = bool>) -> Self {
        let answer = |refuses: bool| refuses.then(|| ConsumeError::permanent("refused"));
        Self::with_gate(script.into_iter().map(answer), Semaphore::MAX_PERMITS)
    }

    /// Answers nobody until `open` is called.
    pub(crate) fn closed() -> Self {
        Self::with_gate([], 0)
    }

    fn with_gate(script: impl IntoIterator<Item = Option<ConsumeError>>, permits: usize) -> Self {
        let script = Mutex::new(script.into_iter().collect());
        Self(Arc::new(Inner {
            script,
            attempts: Mutex::default(),
            requests: Mutex::default(),
            gate: Semaphore::new(permits),
        }))
    }

    /// Lets that many requests be answered.
    pub(crate) fn open(&self, requests: usize) {
        self.0.gate.add_permits(requests);
    }

    /// Spans of each attempt.
    pub(crate) fn attempts(&self) -> Vec<usize> {
        self.0.attempts.lock().unwrap().iter().map(|(_, spans)| *spans).collect()
    }

    /// What was sent and answered, and whether it was taken.
    pub(crate) fn requests(&self) -> Vec<(Traces, Context, bool)> {
        self.0.requests.lock().unwrap().clone()
    }

    /// Lets go of what was sent, and with it of the spans that it is in.
    pub(crate) fn forget(&self) {
        self.0.requests.lock().unwrap().clear();
    }

    /// Seconds between the first attempt and each.
    pub(crate) fn seconds(&self) -> Vec<u64> {
        let attempts = self.0.attempts.lock().unwrap();
        attempts.iter().map(|(at, _)| (*at - attempts[0].0).as_secs_f64().round() as u64).collect()
    }
}

impl Component for Scripted {}

#[async_trait]
impl Exporter<Traces> for Scripted {
    async fn export(&self, data: Traces, context: Context) -> Result<(), ConsumeError> {
        use otel_core::pdata::Signal as _;
        self.0.attempts.lock().unwrap().push((Instant::now(), data.items()));
        self.0.gate.acquire().await.unwrap().forget();
        let is_nameless = data.iter().all(|at| at.item().name().is_empty());
        assert!(data.items() != PANICS || !is_nameless, "told to panic");
        let answer = self.0.script.lock().unwrap().pop_front().flatten();
        self.0.requests.lock().unwrap().push((data, context, answer.is_none()));
        answer.map_or(Ok(()), Err)
    }
}

/// The keys of an exporter that has only these.
#[derive(Debug, Clone, Default)]
pub(crate) struct Config(pub(crate) SendingConfig);

impl Decode for Config {
    fn decode(&mut self, fields: &mut Fields<'_>) {
        fields.block(&mut self.0);
    }
}

impl otel_core::component::ComponentConfig for Config {
    const TYPE: &'static str = "scripted";

    fn validate(&self) -> Vec<otel_core::Invalid> {
        self.0.validate()
    }
}

/// Settings without chance in the pauses.
pub(crate) fn config(yaml: &str) -> SendingConfig {
    let mut config = read(yaml).unwrap();
    config.retry_on_failure.randomization_factor = 0.0;
    config
}

pub(crate) fn read(yaml: &str) -> Result<SendingConfig, String> {
    let read = otel_core::config::from_yaml::<Config>("exporter.yaml", yaml);
    read.map(|Config(config)| config).map_err(|errors| errors.to_string())
}

/// An exporter that has started.
pub(crate) async fn started(yaml: &str, scripted: &Scripted, seen: &Seen) -> Arc<Sending<Traces, Scripted>> {
    let sending = Sending::new(scripted.clone(), &config(yaml), &seen.host, &[]);
    sending.start().await.unwrap();
    Arc::new(sending)
}

/// Lets everything that can run do so.
pub(crate) async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}
