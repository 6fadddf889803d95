//! Backends, and what is wrong with them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use otel_core::component::{Component, ConsumeError, Context, Exporter};
use otel_core::pdata::{Signal as _, Traces};
use tokio::time::sleep;

use super::chance::Chance;
use super::spans::numbers;
use super::trace::{Trace, tell};

/// How a backend is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// It answers soon.
    Well,
    /// It takes up to four seconds, which may be more than clients wait.
    Slow,
    /// Half of the requests fail.
    Flapping,
    /// All fail at once.
    Down,
    /// It never answers.
    HalfOpen,
    /// It takes the data, and says that it failed.
    Lying,
    /// It takes the data, and says so late.
    Late,
    /// It asks to come back later.
    Throttling,
    /// It refuses some for good.
    Picky,
    /// The exporter panics at some.
    Panicking,
}

impl Mood {
    /// Nothing is wrong, but for some patience.
    pub(crate) const GENTLE: &[Self] = &[Self::Well];
    pub(crate) const ALL: &[Self] = &[
        Self::Well,
        Self::Slow,
        Self::Flapping,
        Self::Down,
        Self::HalfOpen,
        Self::Lying,
        Self::Late,
        Self::Throttling,
        Self::Picky,
        Self::Panicking,
    ];
    /// Everything that passes.
    pub(crate) const PASSING: &[Self] = Self::ALL.split_at(Self::ALL.len() - 2).0;
}

/// Where spans arrive, by number. Cloning shares it.
#[derive(Debug, Clone)]
pub(crate) struct Backend(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: String,
    chance: Chance,
    trace: Trace,
    /// What a request takes at most while it is well, in milliseconds.
    latency: u64,
    account: Mutex<Account>,
}

/// What a backend knows.
#[derive(Debug)]
pub(crate) struct Account {
    mood: Mood,
    /// How often each span arrived.
    pub(crate) arrived: BTreeMap<u64, u32>,
    /// Spans that were refused for good, or that a panic met.
    pub(crate) refused: BTreeSet<u64>,
    /// Spans in requests that were answered with success.
    pub(crate) answered: usize,
}

impl Backend {
    pub(crate) fn new(name: &str, seed: u64, trace: &Trace) -> Self {
        let chance = Chance::of(seed, name);
        let account =
            Account { mood: Mood::Well, arrived: BTreeMap::new(), refused: BTreeSet::new(), answered: 0 };
        Self(Arc::new(Inner {
            name: name.to_owned(),
            latency: 1 + chance.below(300),
            chance,
            trace: trace.clone(),
            account: Mutex::new(account),
        }))
    }

    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    pub(crate) fn account(&self) -> MutexGuard<'_, Account> {
        self.0.account.lock().unwrap()
    }

    pub(crate) fn become_(&self, mood: Mood) {
        tell!(self.0.trace, "{} becomes {mood:?}", self.0.name);
        self.account().mood = mood;
    }

    /// Changes its mood now and then.
    pub(crate) async fn live(&self, moods: &[Mood]) {
        loop {
            sleep(self.0.chance.millis(6000)).await;
            self.become_(*self.0.chance.pick(moods));
        }
    }

    /// Answers a request.
    pub(crate) async fn answer(&self, data: &Traces) -> Result<(), ConsumeError> {
        let chance = &self.0.chance;
        let numbers = numbers(data);
        let mood = self.account().mood;
        tell!(self.0.trace, "{} is {mood:?} and gets {numbers:?}", self.0.name);
        let latency = chance.millis(self.0.latency);
        match mood {
            Mood::Slow => sleep(chance.millis(4000)).await,
            Mood::Flapping => {
                sleep(latency).await;
                if chance.percent(50) {
                    return Err(ConsumeError::retryable("the backend flaps"));
                }
            }
            Mood::Down => return Err(ConsumeError::retryable("connection refused")),
            Mood::HalfOpen => std::future::pending().await,
            Mood::Lying => {
                sleep(latency).await;
                self.take(&numbers);
                return Err(ConsumeError::retryable("the backend lies"));
            }
            Mood::Late => {
                self.take(&numbers);
                sleep(Duration::from_secs(2) + chance.millis(6000)).await;
            }
            Mood::Throttling => {
                let delay = Duration::from_millis(100) + chance.millis(3000);
                return Err(ConsumeError::retryable("too many requests").with_retry_after(delay));
            }
            Mood::Picky if chance.percent(30) => {
                self.account().refused.extend(numbers);
                return Err(ConsumeError::permanent("the backend does not like it"));
            }
            Mood::Panicking if chance.percent(30) => {
                self.account().refused.extend(numbers);
                panic!("{PANIC}");
            }
            Mood::Well | Mood::Picky | Mood::Panicking => sleep(latency).await,
        }
        if mood != Mood::Late {
            self.take(&numbers);
        }
        self.account().answered += data.items();
        Ok(())
    }

    fn take(&self, numbers: &[u64]) {
        tell!(self.0.trace, "{} takes {numbers:?}", self.0.name);
        let mut account = self.account();
        for number in numbers {
            *account.arrived.entry(*number).or_default() += 1;
        }
    }
}

impl Component for Backend {}

#[async_trait]
impl Exporter<Traces> for Backend {
    async fn export(&self, data: Traces, _context: Context) -> Result<(), ConsumeError> {
        self.answer(&data).await
    }
}

const PANIC: &str = "a simulated panic";

/// Keeps panics that are part of a simulation out of what the tests print.
pub(crate) fn silence_simulated_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let simulated = info.payload().downcast_ref::<String>().is_some_and(|text| text == PANIC);
            if !simulated {
                usual(info);
            }
        }));
    });
}
