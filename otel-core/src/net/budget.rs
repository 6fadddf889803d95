//! A bound on bytes in flight.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many bytes may be held at a time, by all who share the budget. Cloning shares it.
#[derive(Debug, Clone)]
pub struct ByteBudget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limit: usize,
    used: AtomicUsize,
}

impl ByteBudget {
    /// A budget of `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Inner { limit, used: AtomicUsize::new(0) }))
    }

    /// The bound.
    pub fn limit(&self) -> usize {
        self.0.limit
    }

    /// The bytes that are held now.
    pub fn used(&self) -> usize {
        self.0.used.load(Ordering::Relaxed)
    }

    /// Whether there is room for that many bytes now, which binds nobody.
    pub fn fits(&self, bytes: usize) -> bool {
        self.used().checked_add(bytes).is_some_and(|sum| sum <= self.0.limit)
    }

    /// A charge of nothing, to which bytes are added as they come.
    pub fn open(&self) -> Charge {
        Charge { budget: self.clone(), bytes: 0 }
    }
}

/// Bytes that count against a budget until this is dropped.
#[derive(Debug)]
#[must_use = "the bytes are given back when the charge is dropped"]
pub struct Charge {
    budget: ByteBudget,
    bytes: usize,
}

impl Charge {
    /// Adds bytes; `false`, and nothing added, where they do not fit.
    pub fn add(&mut self, bytes: usize) -> bool {
        let Inner { limit, used } = &*self.budget.0;
        let fits = |held: usize| held.checked_add(bytes).filter(|sum| sum <= limit);
        let added = used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok();
        if added {
            self.bytes += bytes;
        }
        added
    }

    /// Gives some of the bytes back.
    pub fn give_back(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.budget.0.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// The bytes charged.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.give_back(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_and_what_is_dropped_is_given_back() {
        let budget = ByteBudget::new(10);
        let mut first = budget.open();
        let mut second = budget.open();
        assert!(first.add(6));
        assert!(!second.add(5) && !budget.fits(5) && !budget.fits(usize::MAX) && budget.fits(4));
        assert!(second.add(4));
        assert_eq!(budget.used(), 10);
        drop(first);
        assert_eq!(budget.used(), 4);
        assert!(!second.add(usize::MAX));
        second.give_back(100);
        assert_eq!(budget.used(), 0);
    }
}
