//! Faults on purpose.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use crate::component::{
    BuildError, Component, ComponentConfig, ConsumeError, Context, Host, Next, Processor, ProcessorFactory,
    StartError,
};
use crate::pdata::Signal;

/// The configuration of a processor that goes wrong when it is told to. Cloning shares the count of calls.
#[derive(Clone)]
pub struct Fault {
    kind: Kind,
    calls: Arc<AtomicUsize>,
}

#[derive(Debug, Clone)]
enum Kind {
    None,
    Start(String),
    Every(usize, ConsumeError),
    Panic(usize),
    Task,
}

impl Fault {
    /// Passes everything on.
    pub fn none() -> Self {
        Self::of(Kind::None)
    }

    /// Does not start.
    pub fn at_start(message: impl Into<String>) -> Self {
        Self::of(Kind::Start(message.into()))
    }

    /// Refuses every so many-th call.
    ///
    /// # Panics
    /// Where `every` is zero.
    pub fn every(every: usize, error: ConsumeError) -> Self {
        assert!(every > 0, "every zeroth call is none");
        Self::of(Kind::Every(every, error))
    }

    /// Panics at every so many-th call.
    ///
    /// # Panics
    /// Where `every` is zero.
    pub fn panic_every(every: usize) -> Self {
        assert!(every > 0, "every zeroth call is none");
        Self::of(Kind::Panic(every))
    }

    /// Starts a task that panics at once.
    pub fn panicking_task() -> Self {
        Self::of(Kind::Task)
    }

    /// The number of calls so far.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    fn of(kind: Kind) -> Self {
        Self { kind, calls: Arc::default() }
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fault").field(&self.kind).finish()
    }
}

impl ComponentConfig for Fault {
    const TYPE: &'static str = "fault";

    fn same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.calls, &other.calls)
    }
}

impl<S: Signal> ProcessorFactory<S> for Fault {
    fn create(&self, host: &Host) -> Result<Box<dyn Processor<S>>, BuildError> {
        Ok(Box::new(Faulty { fault: self.clone(), host: host.clone() }))
    }
}

struct Faulty {
    fault: Fault,
    host: Host,
}

#[async_trait]
impl Component for Faulty {
    async fn start(&self) -> Result<(), StartError> {
        match &self.fault.kind {
            Kind::Start(message) => return Err(StartError::new(message.as_str())),
            Kind::Task => drop(self.host.spawn("faulty", async { panic!("a fault on purpose") })),
            Kind::None | Kind::Every(..) | Kind::Panic(_) => {}
        }
        Ok(())
    }
}

#[async_trait]
impl<S: Signal> Processor<S> for Faulty {
    async fn process(&self, data: S, context: Context, next: &Next<S>) -> Result<(), ConsumeError> {
        let call = self.fault.calls.fetch_add(1, Ordering::Relaxed) + 1;
        match &self.fault.kind {
            Kind::Every(every, error) if call.is_multiple_of(*every) => Err(error.clone()),
            Kind::Panic(every) if call.is_multiple_of(*every) => panic!("a fault on purpose"),
            _ => next.consume(data, context).await,
        }
    }
}
