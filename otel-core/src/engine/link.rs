//! The joints of a graph: where what follows a component can be exchanged while data flows.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use tokio::sync::watch;
use tokio::time::timeout_at;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::fanout::{BestEffort, FanOut};
use crate::component::{Code, ConsumeError, Consumer, Context, Next, Strength};
use crate::pdata::Signal;
use crate::telemetry::Counter;

/// What follows a component: every branch that has to take the data, and those that get what they can take.
pub(super) struct Branches<S: Signal> {
    pub(super) required: Vec<Next<S>>,
    pub(super) best_effort: Vec<Arc<BestEffort<S>>>,
}

impl<S: Signal> Branches<S> {
    pub(super) fn to(next: Next<S>) -> Self {
        Self { required: vec![next], best_effort: Vec::new() }
    }

    pub(super) fn extend(&mut self, other: &Self) {
        self.required.extend(other.required.iter().cloned());
        self.best_effort.extend(other.best_effort.iter().cloned());
    }

    fn are(&self, other: &Self) -> bool {
        let required = std::iter::zip(&self.required, &other.required);
        let best_effort = std::iter::zip(&self.best_effort, &other.best_effort);
        self.required.len() == other.required.len()
            && self.best_effort.len() == other.best_effort.len()
            && required.into_iter().all(|(one, other)| one.is(other))
            && best_effort.into_iter().all(|(one, other)| Arc::ptr_eq(one, other))
    }
}

impl<S: Signal> Default for Branches<S> {
    fn default() -> Self {
        Self { required: Vec::new(), best_effort: Vec::new() }
    }
}

impl<S: Signal> Clone for Branches<S> {
    fn clone(&self) -> Self {
        Self { required: self.required.clone(), best_effort: self.best_effort.clone() }
    }
}

/// Stands between a component and what follows it. A call goes on where the link led when it began.
pub(super) struct Link<S: Signal> {
    target: ArcSwap<Target<S>>,
    /// Counts what passes.
    items: Option<Counter>,
    /// While calls are held: dropped when they may go on.
    held: Mutex<Option<DropGuard>>,
}

struct Target<S: Signal> {
    branches: Branches<S>,
    next: Next<S>,
    /// Dropped with the last call that came this way.
    in_use: watch::Sender<()>,
}

impl<S: Signal> Target<S> {
    fn new(branches: Branches<S>) -> Arc<Self> {
        let next = FanOut::over(branches.required.clone(), branches.best_effort.clone());
        Arc::new(Self { branches, next, in_use: watch::Sender::new(()) })
    }
}

/// Resolves when no call is under way any more to where a link led before.
pub(super) struct Released(watch::Receiver<()>);

impl Released {
    pub(super) async fn wait(&mut self) {
        // Nothing is ever sent: the only change is that the sender goes away.
        while self.0.changed().await.is_ok() {}
    }
}

impl<S: Signal> Link<S> {
    pub(super) fn new(branches: Branches<S>, items: Option<Counter>) -> Arc<Self> {
        Arc::new(Self { target: ArcSwap::new(Target::new(branches)), items, held: Mutex::default() })
    }

    pub(super) fn leads_to(&self, branches: &Branches<S>) -> bool {
        self.target.load().branches.are(branches)
    }

    /// Leads every later call elsewhere, and those that are held.
    pub(super) fn redirect(&self, branches: Branches<S>) -> Released {
        let old = self.target.swap(Target::new(branches));
        self.held.lock().unwrap_or_else(PoisonError::into_inner).take();
        Released(old.in_use.subscribe())
    }

    /// Lets every later call wait until the link leads somewhere again.
    pub(super) fn hold(self: &Arc<Self>) -> Released {
        // Wakes calls in their order, which a watch does not.
        let opened = CancellationToken::new();
        let held = opened.clone().drop_guard();
        // A stage before this one that waits where something durable follows must not answer early meanwhile.
        let strength = self.strength();
        let gate = Gate { link: Arc::downgrade(self), opened, strength };
        let old = self.target.swap(Target::new(Branches::to(Next::new(gate))));
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(held);
        Released(old.in_use.subscribe())
    }

    /// The link as a consumer.
    pub(super) fn next(self: &Arc<Self>) -> Next<S> {
        Next::from(Arc::clone(self) as Arc<dyn Consumer<S>>)
    }
}

#[async_trait]
impl<S: Signal> Consumer<S> for Link<S> {
    async fn consume(&self, data: S, context: Context) -> Result<(), ConsumeError> {
        if let Some(items) = &self.items {
            items.add(data.items() as u64);
        }
        // Held for the whole call, so that what the link led to is not stopped meanwhile.
        let target = self.target.load_full();
        target.next.consume(data, context).await
    }

    fn admit(&self, data: &S) -> Result<(), ConsumeError> {
        self.target.load().next.admit(data)
    }

    fn strength(&self) -> Strength {
        self.target.load().next.strength()
    }
}

/// Where a held link leads.
struct Gate<S: Signal> {
    link: Weak<Link<S>>,
    opened: CancellationToken,
    /// That of where the link led before.
    strength: Strength,
}

#[async_trait]
impl<S: Signal> Consumer<S> for Gate<S> {
    async fn consume(&self, data: S, context: Context) -> Result<(), ConsumeError> {
        let open = timeout_at(context.wait_until(), self.opened.cancelled()).await.is_ok();
        match self.link.upgrade().filter(|_| open) {
            Some(link) => {
                let target = link.target.load_full();
                target.next.consume(data, context).await
            }
            None => Err(ConsumeError::retryable("the configuration is being changed")
                .with_reason("reload")
                .with_code(Code::Unavailable)),
        }
    }

    fn strength(&self) -> Strength {
        self.strength
    }
}

/// Where a link is to lead, whatever its signal.
pub(super) trait Redirection: Send + Sync {
    /// Lets later calls wait.
    fn hold(&self) -> Released;
    /// Leads later calls there.
    fn lead(&self) -> Released;
}

/// Leads a link to branches.
pub(super) struct Redirect<S: Signal> {
    pub(super) link: Arc<Link<S>>,
    pub(super) to: Branches<S>,
}

impl<S: Signal> Redirection for Redirect<S> {
    fn hold(&self) -> Released {
        self.link.hold()
    }

    fn lead(&self) -> Released {
        self.link.redirect(self.to.clone())
    }
}
