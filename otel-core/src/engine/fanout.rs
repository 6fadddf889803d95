//! One consumer in front of several.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::component::{Component, ConsumeError, Consumer, Context, Host, Next, Strength};
use crate::pdata::Signal;

/// Serves every required branch concurrently and answers when all have answered.
///
/// If one refuses before any got the data, all refuse. A branch that fails after another was served is tried again
/// until the deadline, so that the others do not get the data twice.
pub(super) struct FanOut<S: Signal> {
    required: Vec<Next<S>>,
    best_effort: Vec<Arc<BestEffort<S>>>,
}

impl<S: Signal> FanOut<S> {
    const FIRST_PAUSE: Duration = Duration::from_millis(50);
    const LONGEST_PAUSE: Duration = Duration::from_secs(1);

    /// One consumer for all; the branch itself where there is only one.
    pub(super) fn over(mut required: Vec<Next<S>>, best_effort: Vec<Arc<BestEffort<S>>>) -> Next<S> {
        match required.pop() {
            Some(only) if required.is_empty() && best_effort.is_empty() => only,
            last => {
                required.extend(last);
                Next::new(Self { required, best_effort })
            }
        }
    }

    async fn attempt(
        &self,
        branch: usize,
        pause: Option<Duration>,
        data: S,
        context: Context,
    ) -> (usize, Duration, Result<(), ConsumeError>) {
        if let Some(pause) = pause {
            tokio::time::sleep(pause).await;
        }
        let result = self.required[branch].consume(data, context).await;
        let next = pause.map_or(Self::FIRST_PAUSE, |pause| (pause * 2).min(Self::LONGEST_PAUSE));
        (branch, next, result)
    }
}

#[async_trait]
impl<S: Signal> Consumer<S> for FanOut<S> {
    async fn consume(&self, data: S, context: Context) -> Result<(), ConsumeError> {
        self.admit(&data)?;
        for branch in &self.best_effort {
            branch.offer(data.clone(), context.clone());
        }
        let deadline = context.wait_until();
        let mut attempts: FuturesUnordered<_> = (0..self.required.len())
            .map(|branch| self.attempt(branch, None, data.clone(), context.clone()))
            .collect();
        let mut served = false;
        let mut waiting = Vec::new();
        let mut failure: Option<ConsumeError> = None;
        while let Some((branch, pause, result)) = attempts.next().await {
            match result {
                Ok(()) => served = true,
                Err(error) if error.is_permanent() => failure = Some(worse(failure, error)),
                Err(error) => waiting.push((branch, pause, error)),
            }
            // Nobody has the data twice if the client tries again, as long as nobody has it once.
            if !served {
                continue;
            }
            for (branch, pause, error) in waiting.drain(..) {
                let pause = error.retry_after().map_or(pause, |least| pause.max(least));
                if Instant::now() + pause < deadline {
                    attempts.push(self.attempt(branch, Some(pause), data.clone(), context.clone()));
                } else {
                    failure = Some(worse(failure, error));
                }
            }
        }
        failure = waiting.into_iter().fold(failure, |failure, (_, _, error)| Some(worse(failure, error)));
        failure.map_or(Ok(()), Err)
    }

    fn admit(&self, data: &S) -> Result<(), ConsumeError> {
        let refusals = self.required.iter().filter_map(|branch| branch.admit(data).err());
        refusals.reduce(ConsumeError::worse).map_or(Ok(()), Err)
    }

    /// The firmest of the required branches: see [`Consumer::strength`].
    fn strength(&self) -> Strength {
        self.required.iter().map(Next::strength).max().unwrap_or(Strength::Held)
    }
}

fn worse(failure: Option<ConsumeError>, error: ConsumeError) -> ConsumeError {
    match failure {
        Some(failure) => failure.worse(error),
        None => error,
    }
}

/// A branch that gets what it can take, and whose failures are counted instead of answered.
pub(super) struct BestEffort<S: Signal> {
    next: Next<S>,
    host: Host,
    room: Arc<Semaphore>,
}

impl<S: Signal> BestEffort<S> {
    /// How many requests may be on their way through the branch.
    const IN_FLIGHT: u32 = 64;

    pub(super) fn leads_to(&self, next: &Next<S>) -> bool {
        self.next.is(next)
    }

    pub(super) fn new(next: Next<S>, host: Host) -> Self {
        Self { next, host, room: Arc::new(Semaphore::new(Self::IN_FLIGHT as usize)) }
    }

    fn offer(&self, data: S, context: Context) {
        let items = data.items();
        let refused = self.next.admit(&data).err();
        let permit = Arc::clone(&self.room).try_acquire_owned();
        let (Ok(permit), None) = (permit, refused) else {
            self.host.dropped(S::KIND, "best_effort", items);
            return;
        };
        let (next, host) = (self.next.clone(), self.host.clone());
        self.host.spawn("best_effort", async move {
            let pending = Pending { host: &host, signal: S::KIND, items: Some(items) };
            let deadline = context.wait_until();
            let consumed = tokio::time::timeout_at(deadline, next.consume(data, context)).await;
            if matches!(consumed, Ok(Ok(()))) {
                pending.done();
            }
            drop(permit);
            Ok(())
        });
    }
}

/// Counts as dropped what is not done, also where the task is ended from outside.
struct Pending<'h> {
    host: &'h Host,
    signal: crate::pdata::SignalKind,
    items: Option<usize>,
}

impl Pending<'_> {
    fn done(mut self) {
        self.items = None;
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if let Some(items) = self.items {
            self.host.dropped(self.signal, "best_effort", items);
        }
    }
}

#[async_trait]
impl<S: Signal> Component for BestEffort<S> {
    /// Waits for what is on its way.
    async fn shutdown(&self, deadline: Instant) {
        // At the deadline the tasks are aborted, and count what they held.
        let _ = tokio::time::timeout_at(deadline, self.room.acquire_many(Self::IN_FLIGHT)).await;
    }
}
